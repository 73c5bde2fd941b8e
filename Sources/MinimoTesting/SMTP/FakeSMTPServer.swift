import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// An SMTP server for tests, on a free port of 127.0.0.1. It speaks properly by default, follows a script where one is given, and records
/// what it gets.
package final class FakeSMTPServer: Sendable {
    /// What happens on a connection, as the script sees it.
    package struct Event: Sendable {
        /// What it is.
        package enum Kind: Sendable, Hashable {
            case connected
            case ehlo
            case helo
            case startTLS
            case authenticate
            case mail
            case recipient
            case data
            /// The first octets of the content have come, and not all of it.
            case contentStarted
            /// The final dot has come; the message is not recorded yet.
            case message
            case reset
            case quit
            /// Anything else.
            case other
        }

        /// What it is.
        package let kind: Kind
        /// The connection, counted from 1 in order of arrival.
        package let connection: Int
        /// How many events of this kind there were before on this server, this one included.
        package let occurrence: Int
        /// The line of the client, without CRLF; empty where there is none.
        package let line: String
    }

    /// What the server does instead of what is proper.
    package enum Action: Sendable, Hashable {
        /// Writes the text and CRLF; the text may have several lines. A positive reply to a message records it, a 3yz one to DATA starts the content.
        case reply(String)
        /// Writes the text and CRLF, then closes.
        case replyAndClose(String)
        /// Closes without a word.
        case close
        /// Does nothing more on this connection until `answerStalled`.
        case stall
    }

    /// How the server behaves.
    package struct Options: Sendable {
        /// TLS on the port.
        package enum Security: Sendable, Hashable {
            case none
            case startTLS
            case implicitTLS
        }

        /// Keywords of the answer to EHLO, beside STARTTLS and AUTH, which follow from the other options.
        package var extensions = ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 26214400", "ENHANCEDSTATUSCODES"]
        /// TLS on the port.
        package var security = Security.none
        /// When set, MAIL needs AUTH first.
        package var credentials: (username: String, password: String)?
        /// What AUTH offers.
        package var mechanisms = ["PLAIN", "LOGIN"]
        /// Whether AUTH is offered before TLS.
        package var offersAuthenticationWithoutTLS = true
        /// Asked before every answer; `nil` means the proper one.
        package var script: @Sendable (Event) -> Action? = { _ in nil }

        /// A proper server without TLS and AUTH.
        package init() {}
    }

    /// A message that the server took.
    package struct Message: Sendable, Hashable {
        /// The connection, counted from 1.
        package let connection: Int
        /// The argument of MAIL, parameters included.
        package let mail: String
        /// The arguments of the accepted RCPTs.
        package let recipients: [String]
        /// Dots unstuffed, without the final dot.
        package let content: [UInt8]
    }

    /// A line that a client sent outside the content.
    package struct Line: Sendable, Hashable {
        /// The connection, counted from 1.
        package let connection: Int
        /// Without CRLF.
        package let text: String
        /// Whether it came over TLS.
        package let isTLS: Bool
    }

    /// Everything that has happened.
    package struct Log: Sendable {
        /// Connections taken so far.
        package internal(set) var connections = 0
        /// Connections open now.
        package internal(set) var open = 0
        /// Every line, in order of arrival.
        package internal(set) var lines: [Line] = []
        /// Messages that were accepted.
        package internal(set) var messages: [Message] = []
        /// Events seen, by kind.
        package internal(set) var counts: [Event.Kind: Int] = [:]
    }

    private struct State {
        var log = Log()
        var waiters: [(isMet: @Sendable (Log) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
        var channels: [Int: any Channel] = [:]
    }

    /// What clients must trust, and the server's certificate.
    package let certificate: SMTPTestCertificate
    let options: Options
    let tls: NIOSSLContext
    private let listener: Mutex<(any Channel)?>
    private let state = Mutex(State())

    private init(options: Options) throws {
        self.options = options
        certificate = try SMTPTestCertificate()
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(certificate.certificatePEM.utf8)).map {
                .certificate($0)
            },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(certificate.privateKeyPEM.utf8), format: .pem)))
        tls = try NIOSSLContext(configuration: configuration)
        listener = Mutex(nil)
    }

    /// Starts a server, runs the body with it, and stops it.
    package static func withServer<Value>(
        _ options: Options = Options(), body: (FakeSMTPServer) async throws -> Value
    ) async throws -> Value {
        let server = try FakeSMTPServer(options: options)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if server.options.security == .implicitTLS {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: server.tls))
                    }
                    try channel.pipeline.syncOperations.addHandler(FakeSMTPSession(server: server))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        server.listener.withLock { $0 = listener }
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(server))
        } catch {
            result = .failure(error)
        }
        await server.stop()
        return try result.get()
    }

    /// The port on 127.0.0.1.
    package var port: Int { listener.withLock { $0?.localAddress?.port } ?? 0 }
    /// Everything that has happened.
    package var log: Log { state.withLock { $0.log } }
    /// Messages that were accepted.
    package var messages: [Message] { log.messages }

    /// Returns when what has happened satisfies the condition; that may be now.
    package func wait(until isMet: @escaping @Sendable (Log) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isMetNow = state.withLock { state in
                if isMet(state.log) { return true }
                state.waiters.append((isMet, continuation))
                return false
            }
            if isMetNow { continuation.resume() }
        }
    }

    /// Writes a reply on every stalled connection, as if it answered what they stalled at, and lets them go on.
    package func answerStalled(_ reply: String) {
        for channel in state.withLock({ Array($0.channels.values) }) {
            channel.pipeline.fireUserInboundEventTriggered(FakeSMTPSession.Answer(reply: reply))
        }
    }

    /// Closes every open connection and keeps listening.
    package func dropConnections() async {
        for channel in state.withLock({ Array($0.channels.values) }) { try? await channel.close() }
    }

    /// Closes the port and every connection; later connects are refused.
    package func stop() async {
        let listener = listener.withLock { $0 }
        try? await listener?.close()
        await dropConnections()
    }

    // MARK: for the sessions

    func opened(_ channel: any Channel) -> Int {
        update { state in
            state.log.connections += 1
            state.log.open += 1
            state.channels[state.log.connections] = channel
            return state.log.connections
        }
    }

    func closed(_ connection: Int) {
        update { state in
            state.log.open -= 1
            state.channels[connection] = nil
        }
    }

    func record(_ line: Line) {
        update { $0.log.lines.append(line) }
    }

    func record(_ message: Message) {
        update { $0.log.messages.append(message) }
    }

    /// Counts the event and asks the script.
    func action(_ kind: Event.Kind, connection: Int, line: String) -> Action? {
        let occurrence = update { state in
            state.log.counts[kind, default: 0] += 1
            return state.log.counts[kind, default: 0]
        }
        return options.script(Event(kind: kind, connection: connection, occurrence: occurrence, line: line))
    }

    private func update<Value: Sendable>(_ change: (inout State) -> Value) -> Value {
        let (value, ready) = state.withLock { state in
            let value = change(&state)
            let log = state.log
            let ready = state.waiters.filter { $0.isMet(log) }.map(\.continuation)
            state.waiters.removeAll { $0.isMet(log) }
            return (value, ready)
        }
        for continuation in ready { continuation.resume() }
        return value
    }
}
