import MinimoTesting
import NIOCore
import NIOPosix
import Testing

@testable import Mail

/// TLS, authentication, and attacks on both.
@Suite(.timeLimit(.minutes(5))) struct SMTPClientTLSTests {
    static let credentials = SMTPRelayConfiguration.Credentials(username: "user", password: "pässword")

    static func options(
        _ security: FakeSMTPServer.Options.Security, mechanisms: [String] = ["PLAIN", "LOGIN"],
        withCredentials: Bool = true
    ) -> FakeSMTPServer.Options {
        var options = FakeSMTPServer.Options()
        options.security = security
        options.mechanisms = mechanisms
        if withCredentials { options.credentials = ("user", "pässword") }
        return options
    }

    /// Sends one message to a server whose certificate is trusted.
    static func send(
        _ options: FakeSMTPServer.Options, change: @escaping (inout SMTPRelayConfiguration) -> Void
    ) async throws -> (result: SMTPResult, log: FakeSMTPServer.Log) {
        try await FakeSMTPServer.withServer(options) { server in
            let result = try await server.certificate.withAuthorityFile { file in
                let configuration = SMTPClientTests.configuration(server) {
                    $0.credentials = credentials
                    $0.trustRoots = .pemFile(file)
                    change(&$0)
                }
                return try await SMTPClientTests.withClient(configuration) { client in
                    await client.send(
                        try SMTPClientTests.envelope("jane@example.com"), content: SMTPClientTests.content
                    ) {}
                }
            }
            await server.wait { $0.open == 0 }
            return (result, server.log)
        }
    }

    static func code(_ result: SMTPResult) -> SMTPUnavailability.Code? {
        if case .unavailable(let reason) = result { reason.code } else { nil }
    }

    @Test(arguments: ["127.0.0.1", "localhost"], [["PLAIN", "LOGIN"], ["LOGIN"]])
    func startTLS(_ host: String, _ mechanisms: [String]) async throws {
        var options = Self.options(.startTLS, mechanisms: mechanisms)
        options.offersAuthenticationWithoutTLS = false
        let (result, log) = try await Self.send(options) {
            $0.host = host
            $0.security = .startTLS
            $0.localName = "client.acme.example"
        }
        guard case .accepted = result else {
            Issue.record("\(result)")
            return
        }
        #expect(log.lines.filter { !$0.isTLS }.map(\.text) == ["EHLO client.acme.example", "STARTTLS"])
        #expect(log.lines.first { $0.isTLS }?.text == "EHLO client.acme.example")
        #expect(log.lines.filter { $0.text.hasPrefix("AUTH") }.map(\.isTLS) == [true])
        #expect(log.messages.count == 1)
    }

    @Test func implicitTLS() async throws {
        let (result, log) = try await Self.send(Self.options(.implicitTLS)) { $0.security = .implicitTLS }
        guard case .accepted = result else {
            Issue.record("\(result)")
            return
        }
        #expect(log.lines.filter { !$0.isTLS } == [])
        #expect(log.messages.map(\.content) == [Array(SMTPClientTests.content.readableBytesView)])
    }

    @Test(arguments: [SMTPRelayConfiguration.Security.startTLS, .implicitTLS])
    func unknownAuthority(_ security: SMTPRelayConfiguration.Security) async throws {
        let (result, log) = try await Self.send(Self.options(security == .startTLS ? .startTLS : .implicitTLS)) {
            $0.security = security
            $0.trustRoots = .system
        }
        #expect(Self.code(result) == .tls)
        #expect(!log.lines.contains { $0.text.hasPrefix("AUTH") })
    }

    @Test func unreadableAuthority() async throws {
        let (result, log) = try await Self.send(Self.options(.implicitTLS)) {
            $0.security = .implicitTLS
            $0.trustRoots = .pemFile("/nonexistent.pem")
        }
        #expect(Self.code(result) == .tls)
        #expect(log.lines.isEmpty)
    }

    @Test func noDowngrade() async throws {
        let (result, log) = try await Self.send(Self.options(.none)) { $0.security = .startTLS }
        #expect(Self.code(result) == .startTLSNotOffered)
        #expect(log.lines.map(\.text) == ["EHLO [127.0.0.1]"])
    }

    /// Replies sent along with the one to STARTTLS, in the clear, must not be believed after the handshake.
    @Test func injectedRepliesAreDropped() async throws {
        var options = Self.options(.startTLS, withCredentials: false)
        options.extensions = ["PIPELINING"]
        options.script = { event in
            event.kind == .startTLS ? .reply("220 Go\r\n250-evil\r\n250-SMTPUTF8\r\n250 AUTH PLAIN") : nil
        }
        let (result, log) = try await Self.send(options) {
            $0.security = .startTLS
            $0.credentials = nil
        }
        guard case .accepted = result else {
            Issue.record("\(result)")
            return
        }
        #expect(log.lines.filter(\.isTLS).map(\.text).first == "EHLO [127.0.0.1]")
        // With the injected extensions it would have had SMTPUTF8 to offer, and the reply to EHLO would have been taken for one to MAIL.
        #expect(log.messages.map(\.mail) == ["<bounce@acme.example>"])
    }

    @Test func wrongPassword() async throws {
        for mechanisms in [["PLAIN"], ["LOGIN"]] {
            let (result, log) = try await Self.send(Self.options(.implicitTLS, mechanisms: mechanisms)) {
                $0.security = .implicitTLS
                $0.credentials?.password = "wrong"
            }
            guard case .unavailable(let reason) = result else {
                Issue.record("\(result)")
                return
            }
            #expect(reason.code == .authentication)
            #expect(
                reason.reply == SMTPReply(code: 535, enhanced: EnhancedStatusCode(5, 7, 8), text: "Bad credentials"))
            #expect(log.messages.isEmpty)
        }
    }

    @Test func authenticationOnTheLoopbackWithoutTLS() async throws {
        let (result, log) = try await Self.send(Self.options(.none)) { $0.security = .none }
        guard case .accepted = result else {
            Issue.record("\(result)")
            return
        }
        #expect(log.lines.contains { $0.text == "AUTH PLAIN AHVzZXIAcMOkc3N3b3Jk" })
    }

    @Test func authenticationNotOffered() async throws {
        let (result, _) = try await Self.send(Self.options(.none, withCredentials: false)) { $0.security = .none }
        #expect(Self.code(result) == .authenticationNotOffered)
    }
}
