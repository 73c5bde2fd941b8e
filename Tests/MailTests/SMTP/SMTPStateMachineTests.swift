import NIOCore
import Testing

@testable import Mail

/// Sessions as tables of events and actions.
@Suite struct SMTPStateMachineTests {
    typealias Machine = SMTPStateMachine
    typealias Action = SMTPStateMachine.Action

    static func machine(
        _ security: SMTPRelayConfiguration.Security = .none, credentials: SMTPRelayConfiguration.Credentials? = nil,
        allowsCredentialsWithoutTLS: Bool = false
    ) -> Machine {
        Machine(
            settings: .init(
                security: security, credentials: credentials, allowsCredentialsWithoutTLS: allowsCredentialsWithoutTLS,
                localName: "me.example"))
    }

    static func reply(_ text: String) -> SMTPServerReply {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return SMTPServerReply(code: Int(text.prefix(3)) ?? 0, lines: lines.map { String($0.dropFirst(4)) })
    }

    /// A session that is ready.
    static func ready(_ hello: String = "250-fake\n250-PIPELINING\n250 SIZE 1000") -> Machine {
        var machine = machine()
        _ = machine.start()
        _ = machine.receive(reply("220 hi"))
        _ = machine.receive(reply(hello))
        return machine
    }

    static let credentials = SMTPRelayConfiguration.Credentials(username: "user", password: "secret")
    static let ehlo: [Action] = [.send([.ehlo("me.example")]), .setTimer(.command)]

    static func failed(_ code: SMTPUnavailability.Code, _ text: String? = nil) -> [Action] {
        [.failed(SMTPUnavailability(code, reply: text.map { SMTPReply(reply($0)) })), .close]
    }

    // MARK: the session

    @Test func plainSession() {
        var machine = Self.machine()
        #expect(machine.start() == [.setTimer(.greeting)])
        #expect(machine.receive(Self.reply("220 hi")) == Self.ehlo)
        #expect(machine.receive(Self.reply("250-fake\n250 PIPELINING")) == [.setTimer(.idle), .established])
        #expect(machine.isIdle)
        #expect(machine.extensions.pipelining)
        #expect(machine.quit() == [.send([.quit]), .setTimer(.quit)])
        #expect(machine.receive(Self.reply("221 bye")) == [.close])
        #expect(machine.receive(Self.reply("250 late")) == [])
    }

    @Test(arguments: [("554 no", SMTPUnavailability.Code.greeting), ("421 later", .greeting), ("354 what", .greeting)])
    func greetingRefused(_ text: String, _ code: SMTPUnavailability.Code) {
        var machine = Self.machine()
        _ = machine.start()
        #expect(machine.receive(Self.reply(text)) == Self.failed(code, text))
    }

    @Test func helloFallsBack() {
        var machine = Self.machine()
        _ = machine.start()
        _ = machine.receive(Self.reply("220 hi"))
        #expect(machine.receive(Self.reply("500 what?")) == [.send([.helo("me.example")]), .setTimer(.command)])
        #expect(machine.receive(Self.reply("250 fake")) == [.setTimer(.idle), .established])
        #expect(machine.extensions == SMTPExtensions())
    }

    @Test func helloRefused() {
        for first in ["421 busy", "450 busy"] {
            var machine = Self.machine()
            _ = machine.start()
            _ = machine.receive(Self.reply("220 hi"))
            #expect(machine.receive(Self.reply(first)) == Self.failed(.hello, first))
        }
        var machine = Self.machine()
        _ = machine.start()
        _ = machine.receive(Self.reply("220 hi"))
        _ = machine.receive(Self.reply("502 no"))
        #expect(machine.receive(Self.reply("550 no")) == Self.failed(.hello, "550 no"))
    }

    @Test func startTLSForgetsWhatCameBefore() {
        var machine = Self.machine(.startTLS, credentials: Self.credentials)
        _ = machine.start()
        _ = machine.receive(Self.reply("220 hi"))
        let hello = Self.reply("250-fake\n250-STARTTLS\n250-PIPELINING\n250 AUTH PLAIN LOGIN")
        #expect(machine.receive(hello) == [.send([.startTLS]), .setTimer(.command)])
        #expect(machine.receive(Self.reply("220 go")) == [.startTLS, .setTimer(.command)])
        #expect(machine.extensions == SMTPExtensions())
        #expect(machine.tlsEstablished() == Self.ehlo)
        #expect(
            machine.receive(Self.reply("250-fake\n250 AUTH LOGIN")) == [
                .send([.authenticateLogin]), .setTimer(.command),
            ])
        #expect(
            machine.receive(Self.reply("334 VXNlcm5hbWU6")) == [
                .send([.authenticationResponse("user")]), .setTimer(.command),
            ])
        #expect(
            machine.receive(Self.reply("334 UGFzc3dvcmQ6")) == [
                .send([.authenticationResponse("secret")]), .setTimer(.command),
            ])
        #expect(machine.receive(Self.reply("235 ok")) == [.setTimer(.idle), .established])
        #expect(!machine.extensions.pipelining)
    }

    @Test func startTLSIsNeverSkipped() {
        var machine = Self.machine(.startTLS)
        _ = machine.start()
        _ = machine.receive(Self.reply("220 hi"))
        #expect(machine.receive(Self.reply("250 fake")) == Self.failed(.startTLSNotOffered))

        machine = Self.machine(.startTLS)
        _ = machine.start()
        _ = machine.receive(Self.reply("220 hi"))
        _ = machine.receive(Self.reply("250-fake\n250 STARTTLS"))
        #expect(machine.receive(Self.reply("454 no")) == Self.failed(.startTLSNotOffered, "454 no"))

        machine = Self.machine(.startTLS)
        _ = machine.start()
        _ = machine.receive(Self.reply("220 hi"))
        _ = machine.receive(Self.reply("500 no EHLO"))
        #expect(machine.receive(Self.reply("250 fake")) == Self.failed(.startTLSNotOffered))
    }

    @Test func repliesInTheHandshakeAreAViolation() {
        var machine = Self.machine(.startTLS)
        _ = machine.start()
        _ = machine.receive(Self.reply("220 hi"))
        _ = machine.receive(Self.reply("250-fake\n250 STARTTLS"))
        _ = machine.receive(Self.reply("220 go"))
        #expect(machine.receive(Self.reply("250 injected")) == Self.failed(.protocolViolation))
    }

    @Test func plainAuthentication() {
        func begun(_ security: SMTPRelayConfiguration.Security, isLoopback: Bool, _ hello: String) -> (
            Machine, [Action]
        ) {
            var machine = Self.machine(security, credentials: Self.credentials, allowsCredentialsWithoutTLS: isLoopback)
            _ = machine.start()
            _ = machine.receive(Self.reply("220 hi"))
            let actions = machine.receive(Self.reply(hello))
            return (machine, actions)
        }
        let plain: [Action] = [.send([.authenticatePlain(username: "user", password: "secret")]), .setTimer(.command)]
        var (machine, actions) = begun(.implicitTLS, isLoopback: false, "250-fake\n250 AUTH LOGIN PLAIN")
        #expect(actions == plain)
        #expect(machine.receive(Self.reply("235 ok")) == [.setTimer(.idle), .established])

        (machine, actions) = begun(.none, isLoopback: true, "250-fake\n250 AUTH=PLAIN")
        #expect(actions == plain)
        #expect(
            machine.receive(Self.reply("334 ")) == [
                .send([.authenticationResponse("\0user\0secret")]), .setTimer(.command),
            ])
        #expect(machine.receive(Self.reply("334 ")) == Self.failed(.protocolViolation, "334 "))

        (machine, actions) = begun(.implicitTLS, isLoopback: false, "250-fake\n250 AUTH PLAIN")
        #expect(machine.receive(Self.reply("535 5.7.8 no")) == Self.failed(.authentication, "535 5.7.8 no"))

        (machine, actions) = begun(.none, isLoopback: false, "250-fake\n250 AUTH PLAIN")
        #expect(actions == Self.failed(.credentialsWithoutTLS))
        (machine, actions) = begun(.implicitTLS, isLoopback: false, "250-fake\n250 AUTH GSSAPI")
        #expect(actions == Self.failed(.authenticationNotOffered))
        (machine, actions) = begun(.implicitTLS, isLoopback: false, "250 fake")
        #expect(actions == Self.failed(.authenticationNotOffered))
    }

    @Test func unaskedRepliesWhileIdleClose() {
        for text in ["421 timeout", "250 what"] {
            var machine = Self.ready()
            #expect(machine.receive(Self.reply(text)) == [.close])
            #expect(!machine.isIdle)
        }
    }

    @Test func losingTheSession() {
        var machine = Self.machine()
        _ = machine.start()
        #expect(machine.abort(.timeout) == Self.failed(.timeout))
        #expect(machine.abort(.connectionLost) == [])
        machine = Self.ready()
        #expect(machine.abort(.connectionLost) == [.close])
        machine = Self.machine(.implicitTLS)
        #expect(machine.isNegotiatingTLS)
        #expect(machine.abort(.tls) == Self.failed(.tls))
    }

    // MARK: commands

    @Test func commandLines() throws {
        let address = try EmailAddress(parsing: "jörg@bücher.example")
        let ascii = try EmailAddress(parsing: "a@b.example")
        let table: [(SMTPCommand, String)] = [
            (.ehlo("me.example"), "EHLO me.example\r\n"), (.helo("[127.0.0.1]"), "HELO [127.0.0.1]\r\n"),
            (.startTLS, "STARTTLS\r\n"),
            (.authenticatePlain(username: "test", password: "1234"), "AUTH PLAIN AHRlc3QAMTIzNA==\r\n"),
            (.authenticateLogin, "AUTH LOGIN\r\n"),
            (.authenticationResponse("user"), "dXNlcg==\r\n"),
            (.mail(nil, size: nil, eightBit: false, utf8: false), "MAIL FROM:<>\r\n"),
            (.mail(ascii, size: 12, eightBit: false, utf8: false), "MAIL FROM:<a@b.example> SIZE=12\r\n"),
            (
                .mail(address, size: 12, eightBit: true, utf8: true),
                "MAIL FROM:<jörg@xn--bcher-kva.example> SIZE=12 BODY=8BITMIME SMTPUTF8\r\n"
            ),
            (.recipient(ascii), "RCPT TO:<a@b.example>\r\n"), (.data, "DATA\r\n"), (.emptyContent, ".\r\n"),
            (.reset, "RSET\r\n"),
            (.quit, "QUIT\r\n"),
        ]
        for (command, expected) in table {
            var buffer = ByteBuffer()
            command.write(to: &buffer)
            #expect(String(buffer: buffer) == expected)
        }
    }

    @Test func extensionLines() {
        let extensions = SMTPExtensions(lines: [
            "PIPELINING is only a greeting here", "8bitmime", "Size", "SMTPUTF8", "AUTH PLAIN login", "AUTH=XOAUTH2",
            "", "STARTTLS",
        ])
        var expected = SMTPExtensions()
        expected.eightBitMIME = true
        expected.utf8 = true
        expected.startTLS = true
        expected.size = 0
        expected.authentication = ["PLAIN", "LOGIN", "XOAUTH2"]
        #expect(extensions == expected)
        #expect(SMTPExtensions(lines: ["x", "SIZE 1000"]).size == 1_000)
    }
}
