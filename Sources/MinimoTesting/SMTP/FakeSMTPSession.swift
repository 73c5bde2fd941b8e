import NIOCore
import NIOSSL

/// The server's side of one connection.
final class FakeSMTPSession: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Lets a stalled session go on with this reply.
    struct Answer: Sendable {
        let reply: String
    }

    private enum Mode {
        case command
        /// AUTH waits for a line: the fields that are there already.
        case authentication(mechanism: String, fields: [String])
        case content
        case stalled(at: FakeSMTPServer.Event.Kind)
        case closed
    }

    private let server: FakeSMTPServer
    private var connection = 0
    private var mode = Mode.command
    private var inbound = ByteBuffer()
    private var isTLS: Bool
    private var isAuthenticated = false
    /// The argument of the MAIL or RCPT being answered.
    private var pendingArgument = ""
    private var mail: String?
    private var recipients: [String] = []
    private var isContentStarted = false
    private var content: [UInt8] = []

    init(server: FakeSMTPServer) {
        self.server = server
        isTLS = server.options.security == .implicitTLS
    }

    func channelActive(context: ChannelHandlerContext) {
        connection = server.opened(context.channel)
        answer(.connected, line: "", proper: "220 fake.example ESMTP", context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        mode = .closed
        server.closed(connection)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        inbound.writeBuffer(&bytes)
        consume(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let answer = event as? Answer, case .stalled(let kind) = mode {
            mode = .command
            reply(answer.reply, to: kind, context)
            consume(context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func consume(_ context: ChannelHandlerContext) {
        while true {
            switch mode {
            case .closed, .stalled: return
            case .content:
                guard takeContent(context) else { return }
            case .command, .authentication:
                guard let line = nextLine() else { return }
                let text = String(decoding: line, as: UTF8.self)
                server.record(.init(connection: connection, text: text, isTLS: isTLS))
                if case .authentication(let mechanism, let fields) = mode {
                    authenticate(mechanism, fields: fields, line: text, context)
                } else {
                    handle(text, context)
                }
            }
        }
    }

    private func nextLine() -> [UInt8]? {
        guard let end = inbound.readableBytesView.firstIndex(of: 0x0A) else { return nil }
        var line = inbound.readBytes(length: end - inbound.readerIndex + 1) ?? []
        line.removeLast()
        if line.last == 0x0D { line.removeLast() }
        return line
    }

    private func handle(_ line: String, _ context: ChannelHandlerContext) {
        let verb = line.prefix { $0 != " " }.uppercased()
        switch verb {
        case "EHLO": answer(.ehlo, line: line, proper: helloReply, context)
        case "HELO": answer(.helo, line: line, proper: "250 fake.example", context)
        case "STARTTLS": answer(.startTLS, line: line, proper: "220 2.0.0 Ready", context)
        case "AUTH":
            let words = line.split(separator: " ").map(String.init)
            let fields = words.count > 2 ? [words[2]] : []
            if let action = server.action(.authenticate, connection: connection, line: line) {
                return perform(action, at: .authenticate, context)
            }
            authenticate(words.count > 1 ? words[1].uppercased() : "", fields: fields, line: nil, context)
        case "MAIL":
            let isAllowed = server.options.credentials == nil || isAuthenticated
            answer(.mail, line: line, proper: isAllowed ? "250 2.1.0 Ok" : "530 5.7.0 Authentication required", context)
        case "RCPT":
            answer(.recipient, line: line, proper: mail == nil ? "503 5.5.1 MAIL first" : "250 2.1.5 Ok", context)
        case "DATA":
            answer(
                .data, line: line, proper: recipients.isEmpty ? "554 5.5.1 No valid recipients" : "354 Go on", context)
        case "RSET": answer(.reset, line: line, proper: "250 2.0.0 Ok", context)
        case "QUIT": answer(.quit, line: line, proper: "221 2.0.0 Bye", context)
        default: answer(.other, line: line, proper: "500 5.5.2 Unknown command", context)
        }
    }

    private var helloReply: String {
        var keywords = server.options.extensions
        if server.options.security == .startTLS, !isTLS { keywords.append("STARTTLS") }
        if server.options.credentials != nil, isTLS || server.options.offersAuthenticationWithoutTLS {
            keywords.append("AUTH " + server.options.mechanisms.joined(separator: " "))
        }
        let lines = ["fake.example"] + keywords
        return lines.indices.map { "250\($0 == lines.count - 1 ? " " : "-")\(lines[$0])" }.joined(separator: "\r\n")
    }

    private func answer(
        _ kind: FakeSMTPServer.Event.Kind, line: String, proper: String, _ context: ChannelHandlerContext
    ) {
        let action = server.action(kind, connection: connection, line: line) ?? .reply(proper)
        if kind == .mail || kind == .recipient { pendingArgument = line.drop { $0 != ":" }.dropFirst().description }
        perform(action, at: kind, context)
    }

    private func perform(
        _ action: FakeSMTPServer.Action, at kind: FakeSMTPServer.Event.Kind, _ context: ChannelHandlerContext
    ) {
        switch action {
        case .reply(let text): reply(text, to: kind, context)
        case .replyAndClose(let text):
            mode = .closed
            write(text, context)
            context.close(promise: nil)
        case .close:
            mode = .closed
            context.close(promise: nil)
        case .stall: mode = .stalled(at: kind)
        }
    }

    /// Writes the reply and does what it means.
    private func reply(_ text: String, to kind: FakeSMTPServer.Event.Kind, _ context: ChannelHandlerContext) {
        let isPositive = text.hasPrefix("2")
        switch kind {
        case .mail where isPositive:
            mail = pendingArgument
            recipients = []
        case .recipient where isPositive: recipients.append(pendingArgument)
        case .data where text.hasPrefix("3"):
            mode = .content
            content = []
            isContentStarted = false
        case .message:
            if isPositive {
                server.record(.init(connection: connection, mail: mail ?? "", recipients: recipients, content: content))
            }
            resetTransaction()
        case .reset, .ehlo, .helo: resetTransaction()
        case .authenticate where isPositive: isAuthenticated = true
        default: break
        }
        write(text, context)
        if kind == .quit {
            mode = .closed
            context.close(promise: nil)
        }
        if kind == .startTLS, isPositive { startTLS(context) }
    }

    private func resetTransaction() {
        mail = nil
        recipients = []
        content = []
    }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text + "\r\n")), promise: nil)
    }

    private func startTLS(_ context: ChannelHandlerContext) {
        isTLS = true
        isAuthenticated = false
        inbound.clear()
        do {
            try context.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: server.tls), position: .first)
        } catch {
            context.close(promise: nil)
        }
    }

    // MARK: AUTH

    private func authenticate(_ mechanism: String, fields: [String], line: String?, _ context: ChannelHandlerContext) {
        let fields = fields + (line.map { [$0] } ?? [])
        let needed = mechanism == "PLAIN" ? 1 : 2
        guard server.options.mechanisms.contains(mechanism) else {
            mode = .command
            return reply("504 5.5.4 Unknown mechanism", to: .other, context)
        }
        guard fields.count == needed else {
            mode = .authentication(mechanism: mechanism, fields: fields)
            let challenge = mechanism == "PLAIN" ? "334 " : fields.isEmpty ? "334 VXNlcm5hbWU6" : "334 UGFzc3dvcmQ6"
            return write(challenge, context)
        }
        mode = .command
        let expected = server.options.credentials
        let username = expected?.username ?? ""
        let password = expected?.password ?? ""
        let isRight =
            mechanism == "PLAIN"
            ? Self.base64(fields[0]) == Array("\0\(username)\0\(password)".utf8)
            : fields.map(Self.base64) == [Array(username.utf8), Array(password.utf8)]
        reply(isRight ? "235 2.7.0 Welcome" : "535 5.7.8 Bad credentials", to: .authenticate, context)
    }

    private static func base64(_ text: String) -> [UInt8]? {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var result: [UInt8] = []
        var accumulator: UInt32 = 0
        var bits = 0
        for byte in text.utf8.prefix(while: { $0 != UInt8(ascii: "=") }) {
            guard let value = alphabet.firstIndex(of: byte) else { return nil }
            accumulator = accumulator << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                result.append(UInt8(truncatingIfNeeded: accumulator >> UInt32(bits)))
            }
        }
        return result
    }

    // MARK: content

    /// Takes content lines. `true` when the content ended.
    private func takeContent(_ context: ChannelHandlerContext) -> Bool {
        while let end = inbound.readableBytesView.firstIndex(of: 0x0A) {
            var line = inbound.readBytes(length: end - inbound.readerIndex + 1) ?? []
            if line == [UInt8(ascii: "."), 0x0D, 0x0A] {
                mode = .command
                answer(.message, line: "", proper: "250 2.0.0 Queued", context)
                return true
            }
            if line.first == UInt8(ascii: ".") { line.removeFirst() }
            content += line
        }
        if !isContentStarted, !content.isEmpty || inbound.readableBytes > 0 {
            isContentStarted = true
            if let action = server.action(.contentStarted, connection: connection, line: "") {
                perform(action, at: .contentStarted, context)
            }
        }
        return false
    }
}
