import NIOCore

/// A line that the client sends.
enum SMTPCommand: Sendable, Hashable {
    case ehlo(String)
    case helo(String)
    case startTLS
    /// With the initial response, RFC 4954 §4.
    case authenticatePlain(username: String, password: String)
    case authenticateLogin
    /// A line of a SASL exchange: the base64 of the text.
    case authenticationResponse(String)
    /// `nil` is the null reverse path.
    case mail(EmailAddress?, size: Int?, eightBit: Bool, utf8: Bool)
    case recipient(EmailAddress)
    case data
    /// The lone dot that ends a message which the server, having refused every recipient, must not deliver (RFC 2920 §3.1).
    case emptyContent
    case reset
    case quit

    /// Writes the line with its CRLF. No value can hold a line break: addresses and host names are checked where they are made, credentials
    /// are in base64.
    func write(to buffer: inout ByteBuffer) {
        switch self {
        case .ehlo(let name): Self.write(&buffer, "EHLO ", name)
        case .helo(let name): Self.write(&buffer, "HELO ", name)
        case .startTLS: buffer.writeStaticString("STARTTLS\r\n")
        case .authenticatePlain(let username, let password):
            buffer.writeStaticString("AUTH PLAIN ")
            buffer.writeBytes(Base64.encode("\0\(username)\0\(password)".utf8))
            buffer.writeStaticString("\r\n")
        case .authenticateLogin: buffer.writeStaticString("AUTH LOGIN\r\n")
        case .authenticationResponse(let text):
            buffer.writeBytes(Base64.encode(text.utf8))
            buffer.writeStaticString("\r\n")
        case .mail(let sender, let size, let eightBit, let utf8):
            buffer.writeStaticString("MAIL FROM:<")
            if let sender { buffer.writeString(sender.wireForm) }
            buffer.writeStaticString(">")
            if let size {
                buffer.writeStaticString(" SIZE=")
                buffer.writeString(String(size))
            }
            if eightBit { buffer.writeStaticString(" BODY=8BITMIME") }
            if utf8 { buffer.writeStaticString(" SMTPUTF8") }
            buffer.writeStaticString("\r\n")
        case .recipient(let address):
            buffer.writeStaticString("RCPT TO:<")
            buffer.writeString(address.wireForm)
            buffer.writeStaticString(">\r\n")
        case .data: buffer.writeStaticString("DATA\r\n")
        case .emptyContent: buffer.writeStaticString(".\r\n")
        case .reset: buffer.writeStaticString("RSET\r\n")
        case .quit: buffer.writeStaticString("QUIT\r\n")
        }
    }

    private static func write(_ buffer: inout ByteBuffer, _ verb: StaticString, _ argument: String) {
        buffer.writeStaticString(verb)
        buffer.writeString(argument)
        buffer.writeStaticString("\r\n")
    }
}
