import NIOCore
import Testing

@testable import Mail

/// Golden bytes, and what is refused.
@Suite struct EmailMessageTests {
    static func message(_ change: (inout EmailMessage) throws -> Void = { _ in }) throws -> EmailMessage {
        var message = EmailMessage(
            from: try Mailbox(parsing: "Acme <hello@acme.example>"), to: [try Mailbox(parsing: "jane@example.com")],
            subject: "Hello",
            messageID: "abc.1@acme.example", date: 1_743_501_600, text: "Hi\n")
        try change(&message)
        return message
    }

    /// The text with CRLF line ends.
    static func crlf(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
    }

    @Test func plainText() throws {
        let expected = """
            Date: Tue, 01 Apr 2025 10:00:00 +0000
            From: Acme <hello@acme.example>
            To: jane@example.com
            Subject: Hello
            Message-ID: <abc.1@acme.example>
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            Hi

            """
        #expect(try String(buffer: Self.message().serialized(boundarySeed: 1)) == Self.crlf(expected))
    }

    @Test func everything() throws {
        let message = try Self.message {
            $0.sender = try Mailbox(parsing: "\"Acme, Inc.\" <robot@acme.example>")
            $0.to = [try Mailbox(parsing: "Jörg <j@bücher.example>"), try Mailbox(parsing: "jane@example.com")]
            $0.cc = [try Mailbox(parsing: "x@example.com")]
            $0.replyTo = [try Mailbox(parsing: "reply@acme.example")]
            $0.subject = "Grüße"
            $0.text = "Grüße, and enough ASCII\n.dot\n"
            $0.html = "<p class=\"x\">日本語日本語日本語</p>"
            $0.headers = [("List-Id", "<list.acme.example>")]
            $0.attachments = [
                .init(filename: "ü.txt", contentType: "text/plain; charset=utf-8", content: Array("hello".utf8)),
                .init(filename: "logo.png", contentType: "image/png", content: [1, 2, 3, 4], contentID: "logo@acme"),
            ]
        }
        let expected = """
            Date: Tue, 01 Apr 2025 10:00:00 +0000
            From: Acme <hello@acme.example>
            Sender: "Acme, Inc." <robot@acme.example>
            To: =?utf-8?B?SsO2cmc=?= <j@xn--bcher-kva.example>, jane@example.com
            Cc: x@example.com
            Reply-To: reply@acme.example
            Subject: =?utf-8?B?R3LDvMOfZQ==?=
            Message-ID: <abc.1@acme.example>
            List-Id: <list.acme.example>
            MIME-Version: 1.0
            Content-Type: multipart/mixed;
             boundary="=_910a2dec89025cc1beeb8da1658eec67"

            --=_910a2dec89025cc1beeb8da1658eec67
            Content-Type: multipart/alternative;
             boundary="=_f893a2eefb32555e71c18690ee42c90b"

            --=_f893a2eefb32555e71c18690ee42c90b
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            Gr=C3=BC=C3=9Fe, and enough ASCII
            =2Edot

            --=_f893a2eefb32555e71c18690ee42c90b
            Content-Type: multipart/related;
             boundary="=_71bb54d8d101b5b9c34d0bff90150280";
             type="text/html"

            --=_71bb54d8d101b5b9c34d0bff90150280
            Content-Type: text/html; charset=utf-8
            Content-Transfer-Encoding: base64

            PHAgY2xhc3M9IngiPuaXpeacrOiqnuaXpeacrOiqnuaXpeacrOiqnjwvcD4NCg==
            --=_71bb54d8d101b5b9c34d0bff90150280
            Content-Type: image/png; name="logo.png"
            Content-Transfer-Encoding: base64
            Content-Disposition: inline; filename="logo.png"
            Content-ID: <logo@acme>

            AQIDBA==
            --=_71bb54d8d101b5b9c34d0bff90150280--
            --=_f893a2eefb32555e71c18690ee42c90b--
            --=_910a2dec89025cc1beeb8da1658eec67
            Content-Type: text/plain; charset=utf-8; name="_.txt"
            Content-Transfer-Encoding: base64
            Content-Disposition: attachment; filename*=utf-8''%C3%BC.txt

            aGVsbG8=
            --=_910a2dec89025cc1beeb8da1658eec67--

            """
        #expect(try String(buffer: message.serialized(boundarySeed: 1)) == Self.crlf(expected))
        #expect(try message.serialized(boundarySeed: 1) == message.serialized(boundarySeed: 1))
        #expect(try message.serialized(boundarySeed: 1) != message.serialized(boundarySeed: 2))
    }

    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 +0000"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 +0000"),
        ] as [(Int64, String)])
    func dates(_ seconds: Int64, _ text: String) throws {
        var buffer = ByteBuffer()
        try #require(MessageDate(unixSeconds: seconds)).write(to: &buffer)
        #expect(String(buffer: buffer) == text)
    }

    @Test func foldingKeepsWhiteSpaceAndWords() throws {
        let message = try Self.message {
            $0.subject = String(repeating: "word ", count: 20) + " end"
            $0.headers = [
                (
                    "List-Unsubscribe",
                    "<https://example.com/" + String(repeating: "u", count: 70) + ">, <mailto:u@example.com>"
                )
            ]
        }
        let text = try String(buffer: message.serialized(boundarySeed: 1))
        let words = Array(repeating: "word", count: 13).joined(separator: " ")
        #expect(text.contains("Subject: \(words)\r\n word word word word word word word  end\r\n"))
        let link = "<https://example.com/" + String(repeating: "u", count: 70) + ">,"
        #expect(text.contains("List-Unsubscribe: \(link)\r\n <mailto:u@example.com>\r\n"))
    }

    @Test func longFieldNameGetsItsEncodedWordOnTheNextLine() throws {
        let name = "X-" + String(repeating: "N", count: 74)
        let message = try Self.message { $0.headers = [(name, "wörld")] }
        #expect(
            try String(buffer: message.serialized(boundarySeed: 1)).contains("\(name): \r\n =?utf-8?B?d8O2cmxk?=\r\n"))
    }

    @Test func undisclosedRecipients() throws {
        let message = try Self.message { $0.to = [] }
        #expect(
            try String(buffer: message.serialized(boundarySeed: 1)).contains("\r\nTo: undisclosed-recipients:;\r\n"))
    }

    @Test(arguments: ["a\r\nBcc: x@y.z", "a\nb", "a\rb", "a\u{0}b"])
    func injectionIsRefusedEverywhere(_ evil: String) throws {
        func refusal(_ change: (inout EmailMessage) throws -> Void) throws -> EmailMessageError? {
            let message = try Self.message(change)
            do throws(EmailMessageError) {
                _ = try message.serialized(boundarySeed: 1)
                return nil
            } catch {
                return error
            }
        }
        let address = try EmailAddress(parsing: "a@b.example")
        let good = Mailbox(address: address)
        let bad = Mailbox(displayName: evil, address: address)
        #expect(try refusal { $0.subject = evil } == EmailMessageError(.injection, field: "subject"))
        #expect(try refusal { $0.from = bad } == EmailMessageError(.injection, field: "from.displayName"))
        #expect(try refusal { $0.sender = bad } == EmailMessageError(.injection, field: "sender.displayName"))
        #expect(try refusal { $0.to = [good, bad] } == EmailMessageError(.injection, field: "to[1].displayName"))
        #expect(try refusal { $0.cc = [bad] } == EmailMessageError(.injection, field: "cc.displayName"))
        #expect(try refusal { $0.replyTo = [bad] } == EmailMessageError(.injection, field: "replyTo.displayName"))
        #expect(try refusal { $0.messageID = evil + "@x" } == EmailMessageError(.invalidMessageID, field: "messageID"))
        #expect(
            try refusal { $0.headers = [("X-A", evil)] } == EmailMessageError(.injection, field: "headers[0].value"))
        #expect(
            try refusal { $0.headers = [(evil, "x")] }
                == EmailMessageError(.invalidHeaderName, field: "headers[0].name"))
        let file = EmailMessage.Attachment(filename: "f", contentType: "a/b", content: [])
        func attached(_ change: (inout EmailMessage.Attachment) -> Void) throws -> EmailMessageError? {
            var changed = file
            change(&changed)
            return try refusal { $0.attachments = [file, changed] }
        }
        #expect(try attached { $0.filename = evil } == EmailMessageError(.injection, field: "attachments[1].filename"))
        #expect(
            try attached { $0.contentType = evil } == EmailMessageError(.injection, field: "attachments[1].contentType")
        )
        #expect(
            try attached { $0.contentID = evil } == EmailMessageError(.injection, field: "attachments[1].contentID"))
        // In bodies they are line ends and text.
        #expect(try refusal { $0.text = evil } == nil)
    }

    @Test(arguments: [
        "From", "SENDER", "to", "Cc", "Bcc", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Return-Path",
        "Received",
        "DKIM-Signature", "Content-Type", "content-anything", "Resent-To", "ARC-Seal", "Authentication-Results",
    ])
    func reservedHeadersAreRefused(_ name: String) throws {
        let message = try Self.message { $0.headers = [("X-A", "1"), (name, "x")] }
        #expect(throws: EmailMessageError(.reservedHeader, field: "headers[1].name")) {
            try message.serialized(boundarySeed: 1)
        }
    }

    @Test(arguments: ["", "a b", "a:b", "ü", "a\u{7F}", String(repeating: "x", count: 77)])
    func headerNames(_ name: String) throws {
        let message = try Self.message { $0.headers = [(name, "x")] }
        #expect(throws: EmailMessageError(.invalidHeaderName, field: "headers[0].name")) {
            try message.serialized(boundarySeed: 1)
        }
    }

    @Test func otherRefusals() throws {
        func refuses(_ code: EmailMessageError.Code, _ field: String, _ change: (inout EmailMessage) throws -> Void)
            throws
        {
            let message = try Self.message(change)
            #expect(throws: EmailMessageError(code, field: field)) { try message.serialized(boundarySeed: 1) }
        }
        try refuses(.missingBody, "text") { $0.text = nil }
        try refuses(.invalidDate, "date") { $0.date = -1 }
        try refuses(.invalidDate, "date") { $0.date = 253_402_300_800 }
        try refuses(.unfoldableHeader, "headers[0].value") { $0.headers = [("X", String(repeating: "x", count: 996))] }
        for id in [
            "", "a", "a@", "@b", "a@b@c", "a b@c", "<a@b>", "ü@b", "a..b@c", String(repeating: "a", count: 249) + "@b",
        ] {
            try refuses(.invalidMessageID, "messageID") { $0.messageID = id }
        }
        for type in [
            "", "text", "text/", "/plain", "te xt/plain", "text/plain;", "multipart/mixed", "Message/RFC822", "a/b; c",
            "a/b; c=\"d",
        ] {
            let message = try Self.message { $0.attachments = [.init(filename: "f", contentType: type, content: [])] }
            if type == "text/plain;" {
                // A lone semicolon at the end is everywhere.
                #expect(throws: Never.self) { try message.serialized(boundarySeed: 1) }
            } else {
                #expect(throws: EmailMessageError(.invalidContentType, field: "attachments[0].contentType")) {
                    try message.serialized(boundarySeed: 1)
                }
            }
        }
        for name in ["", "a\tb", "a\u{7F}", String(repeating: "x", count: 256)] {
            try refuses(.invalidFileName, "attachments[0].filename") {
                $0.attachments = [.init(filename: name, contentType: "a/b", content: [])]
            }
        }
        for id in ["", "a b", "<a>", "ü", String(repeating: "x", count: 201)] {
            try refuses(.invalidContentID, "attachments[0].contentID") {
                $0.attachments = [.init(filename: "f", contentType: "a/b", content: [], contentID: id)]
            }
        }
    }

    @Test func longestFoldableHeaderFits() throws {
        let value = String(repeating: "x", count: 998 - "X: ".utf8.count)
        let message = try Self.message { $0.headers = [("X", value)] }
        #expect(try String(buffer: message.serialized(boundarySeed: 1)).contains("\r\nX: \(value)\r\n"))
    }
}
