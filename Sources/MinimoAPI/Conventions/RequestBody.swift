import HTTPTypes
import Hummingbird
import NIOCore
import Wire

/// Reads and parses request bodies (contract 2.1, 2.2).
enum RequestBody {
    /// Reads the body of a route that takes JSON.
    ///
    /// - Throws: ``APIError``: 400 for another content type or malformed JSON, with its byte offset; 413 as soon as the
    ///   announced or
    ///   the received length is over the limit; 422 for a number that no double holds.
    static func json(_ request: Request, limit: Int) async throws -> JSONValue {
        guard isJSON(request.headers[.contentType]) else {
            throw APIError(.badRequest, "The Content-Type must be application/json")
        }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw tooLarge(limit)
        }
        let body = try await collect(request, limit: limit)
        do throws(JSONError) {
            return try JSONReader.parse(body)
        } catch {
            let code: APIError.Code =
                switch error.code {
                case .numberOutOfRange: .validationError
                case .tooManyValues: .payloadTooLarge
                default: .badRequest
                }
            throw APIError(code, error.message, details: ["offset": .integer(Int64(error.offset))])
        }
    }

    /// How long a body may take to arrive.
    private static let timeLimit = Duration.seconds(60)

    private static func collect(_ request: Request, limit: Int) async throws -> ByteBuffer {
        let deadline = ContinuousClock.now + timeLimit
        var body = ByteBuffer()
        do {
            for try await part in request.body {
                guard body.readableBytes + part.readableBytes <= limit else { throw tooLarge(limit) }
                guard ContinuousClock.now < deadline else {
                    throw APIError(.badRequest, "The body did not arrive within 60 seconds")
                }
                body.writeImmutableBuffer(part)
            }
            return body
        } catch let error as APIError {
            throw error
        } catch is CancellationError {
            throw APIError.unavailable("The request was cancelled")
        } catch {
            // A parser error or a connection that ended: the client's doing, whatever its name.
            throw APIError(.badRequest, "The body ended early or is not valid HTTP")
        }
    }

    private static func tooLarge(_ limit: Int) -> APIError {
        APIError(
            .payloadTooLarge, "The body is larger than \(limit) bytes", details: ["limit": .integer(Int64(limit))])
    }

    /// `application/json` with any parameters, whatever its case.
    private static func isJSON(_ contentType: String?) -> Bool {
        guard let contentType else { return false }
        let type = contentType.prefix { $0 != ";" }.split { $0 == " " || $0 == "\t" }
        return type.count == 1 && type[0].lowercased() == "application/json"
    }
}
