import HTTPTypes
import Hummingbird
import NIOCore
import Wire

/// Reads and parses request bodies (contract 2.1, 2.2).
enum RequestBody {
    /// Reads the body of a route that takes JSON.
    ///
    /// - Throws: ``APIError``: 400 for another content type or malformed JSON, with its byte offset; 413 as soon as the announced or
    ///   the received length is over the limit; 422 for a number that no double holds.
    static func json(_ request: Request, limit: Int) async throws -> JSONValue {
        guard isJSON(request.headers[.contentType]) else {
            throw APIError(.badRequest, "The Content-Type must be application/json")
        }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw tooLarge(limit)
        }
        var body = ByteBuffer()
        for try await part in request.body {
            guard body.readableBytes + part.readableBytes <= limit else { throw tooLarge(limit) }
            body.writeImmutableBuffer(part)
        }
        do throws(JSONError) {
            return try JSONReader.parse(body)
        } catch {
            let code: APIError.Code = error.code == .numberOutOfRange ? .validationError : .badRequest
            throw APIError(
                code, "The body is not valid JSON: \(error.message)",
                details: ["offset": .integer(Int64(error.offset))])
        }
    }

    private static func tooLarge(_ limit: Int) -> APIError {
        APIError(
            .payloadTooLarge, "The body is larger than \(limit) bytes", details: ["limit": .integer(Int64(limit))])
    }

    /// `application/json` with any parameters, whatever its case.
    private static func isJSON(_ contentType: String?) -> Bool {
        guard let contentType else { return false }
        let type = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
        return type.lowercased() == "application/json"
    }
}
