package import HTTPTypes
package import Wire

/// An answer that is an error: `{"error":{"code","message","details"}}` (contract §4).
package struct APIError: Error, Sendable {
    /// The machine-readable codes and their statuses (contract 4.3).
    package enum Code: String, Sendable, CaseIterable {
        case badRequest = "bad_request"
        case unauthorized
        case forbidden
        case httpsRequired = "https_required"
        case notFound = "not_found"
        case templateNotFound = "template_not_found"
        case methodNotAllowed = "method_not_allowed"
        case duplicateResource = "duplicate_resource"
        case invalidState = "invalid_state"
        case payloadTooLarge = "payload_too_large"
        case validationError = "validation_error"
        case invalidPhoneNumber = "invalid_phone_number"
        case invalidRecipient = "invalid_recipient"
        case missingCustomField = "missing_custom_field"
        case senderNotVerified = "sender_not_verified"
        case recipientSuppressed = "recipient_suppressed"
        case internalError = "internal_error"
        case serviceUnavailable = "service_unavailable"

        /// The HTTP status of the code.
        package var status: HTTPResponse.Status {
            switch self {
            case .badRequest: .badRequest
            case .unauthorized: .unauthorized
            case .forbidden, .httpsRequired: .forbidden
            case .notFound, .templateNotFound: .notFound
            case .methodNotAllowed: .methodNotAllowed
            case .duplicateResource, .invalidState: .conflict
            case .payloadTooLarge: .contentTooLarge
            case .validationError, .invalidPhoneNumber, .invalidRecipient, .missingCustomField, .senderNotVerified,
                .recipientSuppressed:
                .unprocessableContent
            case .internalError: .internalServerError
            case .serviceUnavailable: .serviceUnavailable
            }
        }
    }

    package let code: Code
    package let message: String
    package let details: JSONObject?
    package let headers: [HTTPField]

    /// - Parameters:
    ///   - message: for people; never internals, secrets or message bodies.
    ///   - details: only when there is something to add.
    ///   - headers: what the status requires beside the body, such as `Allow` or `Retry-After`.
    package init(_ code: Code, _ message: String, details: JSONObject? = nil, headers: [HTTPField] = []) {
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers
    }

    /// Writes the object that stands under `error`, also inside batch answers.
    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("code", code.rawValue)
        writer.member("message", message)
        if let details { writer.member("details", details) }
        writer.endObject()
    }

    /// The whole answer.
    package var reply: Reply {
        var writer = JSONWriter(capacity: 256)
        writer.beginObject()
        writer.key("error")
        write(to: &writer)
        writer.endObject()
        return Reply(status: code.status, body: writer.buffer, headers: headers)
    }
}

extension APIError {
    /// 401: one body for every reason (contract 4.3), so that nothing is learned about a key by trying.
    static let unauthorized = APIError(
        .unauthorized, "Missing or invalid API key",
        headers: [HTTPField(name: .wwwAuthenticate, value: "Bearer")])

    /// 404 for a resource: unknown, deleted, malformed and other companies' ids are all the same (contract 3.3).
    static func notFound(_ resource: String) -> APIError { APIError(.notFound, "\(resource) not found") }

    /// 503 with `Retry-After` in seconds.
    static func unavailable(_ message: String, retryAfter seconds: Int = 1) -> APIError {
        APIError(
            .serviceUnavailable, message, headers: [HTTPField(name: .retryAfter, value: String(seconds))])
    }
}
