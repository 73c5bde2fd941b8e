import Testing

@testable import Mail

@Suite struct SMTPRelayConfigurationTests {
    typealias Security = SMTPRelayConfiguration.Security

    @Test(
        arguments: [
            ("smtp://mail.example", "mail.example", 587, .startTLS),
            ("smtp://mail.example:465", "mail.example", 465, .implicitTLS),
            ("smtp://mail.example:25", "mail.example", 25, .startTLS),
            ("smtp://mail.example:2525/", "mail.example", 2525, .startTLS),
            ("smtps://mail.example", "mail.example", 465, .implicitTLS),
            ("SMTPS://Mail.Example:1465?tls=implicit", "mail.example", 1465, .implicitTLS),
            ("smtp://mail.example?tls=implicit", "mail.example", 465, .implicitTLS),
            ("smtp://mail.example/?tls=none", "mail.example", 25, .none),
            ("smtp://mail.example:465?tls=starttls", "mail.example", 465, .startTLS),
            ("smtp://127.0.0.1:1025?tls=none", "127.0.0.1", 1025, .none),
            ("smtp://[2001:db8::1]:587", "2001:db8::1", 587, .startTLS),
            ("smtp://[::1]?tls=none", "::1", 25, .none),
        ] as [(String, String, Int, Security)])
    func parses(_ url: String, _ host: String, _ port: Int, _ security: Security) throws {
        let configuration = try SMTPRelayConfiguration(url: url)
        #expect(configuration.host == host)
        #expect(configuration.port == port)
        #expect(configuration.security == security)
        #expect(configuration.credentials == nil)
        #expect(configuration.maximumConnections == 10)
        #expect(configuration.localName == nil)
        #expect(configuration.trustRoots == .system)
    }

    @Test func credentialsAreDecodedAndNeverShown() throws {
        let configuration = try SMTPRelayConfiguration(url: "smtp://us%40er:p%3Aa%2F%C3%BC%25@mail.example")
        #expect(configuration.credentials?.username == "us@er")
        #expect(configuration.credentials?.password == "p:a/ü%")
        #expect(configuration.description == "smtp://***@mail.example:587?tls=starttls")
        #expect(!"\(configuration)\(String(describing: configuration.credentials))".contains("p:a"))
        #expect(try SMTPRelayConfiguration(url: "smtp://a@b:c@mail.example").credentials?.username == "a@b")
        #expect(try SMTPRelayConfiguration(url: "smtp://u:p@localhost:25?tls=none").credentials?.password == "p")
        #expect(try SMTPRelayConfiguration(url: "smtp://u:p@127.9.9.9?tls=none").credentials?.password == "p")
        #expect(
            try SMTPRelayConfiguration(url: "smtp://u:p@[::1]?tls=none").description == "smtp://***@[::1]:25?tls=none")
    }

    @Test(
        arguments: [
            ("", .scheme), ("mail.example", .scheme), ("http://mail.example", .scheme), ("smtp:mail.example", .scheme),
            ("smtp://", .host), ("smtp://:587", .host), ("smtp://ma il", .host), ("smtp://a\r\nb", .host),
            ("smtp://[::1", .host),
            ("smtp://[x]", .host), ("smtp://[::1]x", .host), ("smtp://u:p@", .host),
            ("smtp://h:", .port), ("smtp://h:0", .port), ("smtp://h:65536", .port), ("smtp://h:x", .port),
            ("smtp://h:+5", .port),
            ("smtp://h/path", .path), ("smtp://h#x", .path),
            ("smtp://u:p%2@h", .percentEncoding), ("smtp://u:%FF@h", .percentEncoding),
            ("smtp://u%zz:p@h", .percentEncoding),
            ("smtp://u@h", .credentials), ("smtp://u:@h", .credentials), ("smtp://:p@h", .credentials),
            ("smtp://u:%00@h", .credentials),
            ("smtp://h?x=1", .parameter), ("smtp://h?tls=none&x=1", .parameter), ("smtp://h?tls", .parameter),
            ("smtp://h?", .parameter),
            ("smtp://h?tls=", .tlsMode), ("smtp://h?tls=maybe", .tlsMode), ("smtps://h?tls=none", .tlsMode),
            ("smtps://h?tls=starttls", .tlsMode),
            ("smtp://u:p@mail.example?tls=none", .credentialsWithoutTLS),
            ("smtp://u:p@127.0.0.1.example?tls=none", .credentialsWithoutTLS),
        ] as [(String, SMTPURLError.Code)])
    func refuses(_ url: String, _ code: SMTPURLError.Code) {
        #expect(throws: SMTPURLError(code)) { try SMTPRelayConfiguration(url: url) }
    }

    @Test(arguments: [
        ("mail.example", true), ("[127.0.0.1]", true), ("[IPv6:::1]", true), ("", false), ("a b", false),
        ("a\r\nQUIT", false),
    ])
    func localNames(_ name: String, _ isValid: Bool) {
        #expect(SMTPRelayConfiguration.isLocalName(name) == isValid)
    }
}
