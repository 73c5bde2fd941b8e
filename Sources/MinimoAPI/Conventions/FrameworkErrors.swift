package import HTTPTypes
package import NIOCore
import Wire

/// Answers that are given before, or beside, the chain of conventions: they have the same envelope and the same
/// headers.
package enum FrameworkErrors {
    /// The bytes of the whole answer to plain HTTP on a TLS port.
    package static var plainHTTP: ByteBuffer {
        let reply = APIError(.httpsRequired, "Use HTTPS: plain HTTP is not answered").reply
        var bytes = ByteBuffer(
            string: """
                HTTP/1.1 403 Forbidden\r
                Content-Type: application/json\r
                Content-Length: \(reply.body.readableBytes)\r
                X-Request-Id: \(makeRequestID())\r
                Connection: close\r
                \r

                """)
        bytes.writeImmutableBuffer(reply.body)
        return bytes
    }

    /// The envelope for an answer that the HTTP framework made without a body.
    ///
    /// - Parameter listener: what the socket speaks. Whoever came by plain HTTP hears only that HTTPS is required, and nothing that is for
    ///   HTTPS alone (RFC 6797 §7.2).
    package static func answer(
        to head: HTTPResponse, listener: Transport.Listener
    ) -> (head: HTTPResponse, body: ByteBuffer) {
        let error =
            switch (listener, head.status.code) {
            case (.plain, _): APIError(.httpsRequired, "Use HTTPS: plain HTTP is not answered")
            case (.tls, 413): APIError(.payloadTooLarge, "The request is too large")
            case (.tls, 500...): APIError(.internalError, "Something went wrong on our side")
            case (.tls, _): APIError(.badRequest, "The request is not valid HTTP")
            }
        let reply = error.reply
        var own = head
        own.status = reply.status
        own.headerFields[.contentType] = "application/json"
        own.headerFields[.contentLength] = String(reply.body.readableBytes)
        own.headerFields[.requestID] = makeRequestID()
        if listener == .tls { own.headerFields[.strictTransportSecurity] = "max-age=31536000" }
        return (own, reply.body)
    }

    private static func makeRequestID() -> String { "req_" + Base32.encode(SecureRandom.bytes(10)) }
}
