import Testing

@testable import Mail

@Suite struct MailboxTests {
    @Test(
        arguments: [
            ("a@b.example", nil, "a@b.example"),
            ("<a@b.example>", nil, "a@b.example"),
            ("  Acme <hello@acme.example> ", "Acme", "Acme <hello@acme.example>"),
            (
                "Acme Inc. (Support) <hello@acme.example>", "Acme Inc. (Support)",
                "\"Acme Inc. (Support)\" <hello@acme.example>"
            ),
            (#""Doe, \"JD\" Jane" <j@d.example>"#, "Doe, \"JD\" Jane", #""Doe, \"JD\" Jane" <j@d.example>"#),
            (#""a < b" <a@b.example>"#, "a < b", #""a < b" <a@b.example>"#),
            (#""" <a@b.example>"#, nil, "a@b.example"),
            ("Jörg 👋 <j@d.example>", "Jörg 👋", "Jörg 👋 <j@d.example>"),
        ] as [(String, String?, String)])
    func parses(_ text: String, _ name: String?, _ description: String) throws {
        let mailbox = try Mailbox(parsing: text)
        #expect(mailbox.displayName == name)
        #expect(mailbox.description == description)
        #expect(try Mailbox(parsing: mailbox.description) == mailbox)
    }

    @Test(
        arguments: [
            ("a@b.example, c@d.example", .missingAtSign),
            ("a@b.example, C <c@d.example>", .invalidDisplayName),
            ("Doe, Jane <a@b.example>", .invalidDisplayName),
            ("x@y <a@b.example>", .invalidDisplayName),
            ("\"open <a@b.example>", .invalidDisplayName),
            ("\"a\" b <a@b.example>", .invalidDisplayName),
            ("Name a@b.example>", .missingAtSign),
            ("Name <a@b.example> x", .invalidLocalPart),
            ("Name <>", .empty),
            ("Na\r\nme <a@b.example>", .controlCharacter),
            ("Na\u{0}me <a@b.example>", .controlCharacter),
        ] as [(String, EmailAddressError.Code)])
    func refuses(_ text: String, _ code: EmailAddressError.Code) {
        #expect(throws: EmailAddressError(code)) { try Mailbox(parsing: text) }
    }
}
