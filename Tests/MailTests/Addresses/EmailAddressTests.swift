import Testing

@testable import Mail

@Suite struct EmailAddressTests {
    @Test(arguments: [
        ("jane@example.com", "jane@example.com", "jane@example.com"),
        ("Jane.Doe+tag@Example.COM", "Jane.Doe+tag@example.com", "Jane.Doe+tag@example.com"),
        ("!#$%&'*+-/=?^_`{|}~@a.b", "!#$%&'*+-/=?^_`{|}~@a.b", "!#$%&'*+-/=?^_`{|}~@a.b"),
        ("info@Bücher.example", "info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@xn--bcher-kva.example", "info@xn--bcher-kva.example", "info@xn--bcher-kva.example"),
        ("a@faß.de", "a@faß.de", "a@xn--fa-hia.de"),
        ("a@例え。テスト", "a@例え.テスト", "a@xn--r8jz45g.xn--zckzah"),
        ("a@ＥＸＡＭＰＬＥ．com", "a@example.com", "a@example.com"),
        ("a@col·lecció.cat", "a@col·lecció.cat", "a@xn--collecci-ioa91d.cat"),
        ("a@xn--11b4c3d.example", "a@xn--11b4c3d.example", "a@xn--11b4c3d.example"),
        ("δοκιμή@παράδειγμα.δοκιμή", "δοκιμή@παράδειγμα.δοκιμή", "δοκιμή@xn--hxajbheg2az3al.xn--jxalpdlp"),
        ("1@127.0.0.1", "1@127.0.0.1", "1@127.0.0.1"),
    ])
    func accepts(_ text: String, _ description: String, _ wire: String) throws {
        let address = try EmailAddress(parsing: text)
        #expect(Array(address.description.utf8) == Array(description.utf8))
        #expect(address.wireForm == wire)
    }

    @Test(
        arguments: [
            ("", .empty),
            ("jane", .missingAtSign),
            ("@example.com", .missingAtSign),
            ("jane@", .missingAtSign),
            ("a@b@example.com", .missingAtSign),
            ("jane@example", .domainWithoutDot),
            ("jane@exa mple.com", .invalidDomain),
            ("jane doe@example.com", .invalidLocalPart),
            (" jane@example.com", .invalidLocalPart),
            ("jane@example.com ", .invalidDomain),
            (".jane@example.com", .invalidLocalPart),
            ("jane.@example.com", .invalidLocalPart),
            ("ja..ne@example.com", .invalidLocalPart),
            ("ja(c)ne@example.com", .invalidLocalPart),
            ("\"jane doe\"@example.com", .quotedLocalPart),
            ("jane@example.com\r\nRCPT TO:<x@y.z>", .controlCharacter),
            ("jane\u{0}@example.com", .controlCharacter),
            ("jane\u{7F}@example.com", .controlCharacter),
            ("jane\u{85}@example.com", .invalidLocalPart),
            ("jane\u{2028}@example.com", .invalidLocalPart),
            ("jane\u{202E}@example.com", .invalidLocalPart),
            ("jane\u{A0}@example.com", .invalidLocalPart),
            ("jane@-example.com", .invalidDomain),
            ("jane@example-.com", .invalidDomain),
            ("jane@example..com", .invalidDomain),
            ("jane@.example.com", .invalidDomain),
            ("jane@example.com.", .invalidDomain),
            ("jane@exa_mple.com", .invalidDomain),
            ("jane@[127.0.0.1]", .invalidDomain),
            ("jane@xn--a.com", .invalidDomain),
            ("jane@xn--bcher-kva8.com", .invalidDomain),
            ("jane@i❤.ws", .invalidDomain),
            ("jane@a\u{301}\u{200D}b.example", .invalidDomain),
            ("jane@\u{301}a.example", .invalidDomain),
            ("jane@a·b.example", .invalidDomain),
            ("jane@bü--cher.example", .invalidDomain),
        ] as [(String, EmailAddressError.Code)])
    func refuses(_ text: String, _ code: EmailAddressError.Code) {
        #expect(throws: EmailAddressError(code)) { try EmailAddress(parsing: text) }
    }

    @Test func limits() throws {
        let local64 = String(repeating: "a", count: 64)
        #expect(throws: Never.self) { try EmailAddress(parsing: "\(local64)@example.com") }
        #expect(throws: EmailAddressError(.localPartTooLong)) { try EmailAddress(parsing: "\(local64)a@example.com") }
        #expect(throws: EmailAddressError(.localPartTooLong)) {
            try EmailAddress(parsing: "\(String(repeating: "é", count: 33))@example.com")
        }
        let label63 = String(repeating: "b", count: 63)
        #expect(throws: Never.self) { try EmailAddress(parsing: "a@\(label63).com") }
        #expect(throws: EmailAddressError(.invalidDomain)) { try EmailAddress(parsing: "a@\(label63)b.com") }
        // 64 + 1 + 189 = 254
        let domain189 = [label63, label63, String(repeating: "c", count: 61)].joined(separator: ".")
        #expect(domain189.utf8.count == 189)
        #expect(throws: Never.self) { try EmailAddress(parsing: "\(local64)@\(domain189)") }
        #expect(throws: EmailAddressError(.addressTooLong)) { try EmailAddress(parsing: "\(local64)@\(domain189)c") }
        // As A-labels it is longer than as it was given.
        let greek = Array(repeating: String(repeating: "α", count: 50), count: 2).joined(separator: ".")
        #expect(throws: EmailAddressError.self) { try EmailAddress(parsing: "\(local64)@\(greek).\(greek).gr") }
    }

    @Test func comparisonKeyIgnoresCaseEncodingAndNormalisation() throws {
        func key(_ text: String) throws -> [UInt8] { Array(try EmailAddress(parsing: text).comparisonKey.utf8) }
        #expect(try key("Jane@Example.com") == key("jane@example.COM"))
        #expect(try key("info@BÜCHER.example") == key("INFO@xn--bcher-kva.example"))
        #expect(try key("JÖRG@example.com") == key("jo\u{308}rg@example.com"))
        #expect(try key("jane@example.com") != key("jane@example.org"))
        #expect(try key("jorg@example.com") != key("jörg@example.com"))
    }

    @Test func needsSMTPUTF8OnlyForTheLocalPart() throws {
        #expect(try EmailAddress(parsing: "jörg@example.com").needsSMTPUTF8)
        #expect(try !EmailAddress(parsing: "jorg@bücher.example").needsSMTPUTF8)
    }

    @Test func errorsRepeatNothingOfTheInput() {
        for code in EmailAddressError.Code.allCases {
            #expect(!EmailAddressError(code).description.isEmpty)
        }
    }
}
