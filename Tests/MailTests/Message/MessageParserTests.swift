import Foundation
import NIOCore
import Testing

@testable import Mail

/// What we write, read back by Python's `email` package.
@Suite struct MessageParserTests {
    /// Lines that must hold for every message, whatever its values.
    static func checkLines(_ message: ByteBuffer, isSMTPUTF8: Bool, _ location: SourceLocation = #_sourceLocation) {
        let bytes = Array(message.readableBytesView)
        // Not `#expect`, which costs too much for every octet.
        func check(_ holds: Bool, _ rule: Comment) {
            if !holds { Issue.record(rule, sourceLocation: location) }
        }
        check(bytes.suffix(2) == [13, 10], "no CRLF at the end")
        var start = 0
        var isHeader = true
        for (index, byte) in bytes.enumerated() {
            if byte == 13 { check(index + 1 < bytes.count && bytes[index + 1] == 10, "bare CR") }
            check(byte != 0, "NUL")
            check(byte < 0x80 || (isHeader && isSMTPUTF8), "8-bit")
            guard byte == 10 else { continue }
            check(index > 0 && bytes[index - 1] == 13, "bare LF")
            let line = bytes[start..<(index - 1)]
            check(line.count <= 998, "a line over 998 octets")
            if line.isEmpty { isHeader = false }
            check(line.isEmpty || !line.allSatisfy { $0 == 32 || $0 == 9 }, "a line of white space alone")
            if line.count > 76, isHeader {
                check(!String(decoding: line, as: UTF8.self).contains("=?utf-8?"), "an encoded-word on a long line")
            }
            start = index + 1
        }
    }

    static func expectEqual(
        _ parsed: ParsedMessage, _ message: EmailMessage, _ location: SourceLocation = #_sourceLocation
    ) {
        func bytes(_ text: String?) -> [UInt8]? { text.map { Array($0.utf8) } }
        func addresses(_ mailboxes: [Mailbox]) -> [[UInt8]] {
            mailboxes.map { Array("\($0.displayName ?? "")\u{0}\($0.address.wireForm)".utf8) }
        }
        func addresses(_ parsed: [ParsedMessage.Address]) -> [[UInt8]] {
            parsed.map { Array("\($0.name)\u{0}\($0.address)".utf8) }
        }
        #expect(parsed.defects == [], sourceLocation: location)
        #expect(bytes(parsed.subject) == bytes(message.subject), sourceLocation: location)
        #expect(addresses(parsed.from) == addresses([message.from]), sourceLocation: location)
        #expect(addresses(parsed.sender) == addresses(message.sender.map { [$0] } ?? []), sourceLocation: location)
        #expect(addresses(parsed.to) == addresses(message.to), sourceLocation: location)
        #expect(addresses(parsed.cc) == addresses(message.cc), sourceLocation: location)
        #expect(addresses(parsed.replyTo) == addresses(message.replyTo), sourceLocation: location)
        #expect(parsed.messageID == "<\(message.messageID)>", sourceLocation: location)
        #expect(parsed.unixSeconds == message.date, sourceLocation: location)
        for header in message.headers {
            let values = parsed.header.filter { $0[0] == header.name }.map { $0[1] }
            #expect(values.map(bytes) == [bytes(header.value)], sourceLocation: location)
        }
        var expected: [(type: String, filename: String?, disposition: String?, contentID: String?, content: [UInt8])] =
            []
        if let text = message.text { expected.append(("text/plain", nil, nil, nil, lines(text))) }
        if let html = message.html { expected.append(("text/html", nil, nil, nil, lines(html))) }
        let isInline = { (file: EmailMessage.Attachment) in message.html != nil && file.contentID != nil }
        for file in message.attachments.filter(isInline) + message.attachments.filter({ !isInline($0) }) {
            expected.append(
                (
                    file.contentType, file.filename, isInline(file) ? "inline" : "attachment",
                    file.contentID.map { "<\($0)>" }, file.content
                ))
        }
        guard parsed.leaves.count == expected.count else {
            Issue.record("\(parsed.leaves.count) parts instead of \(expected.count)", sourceLocation: location)
            return
        }
        for (part, expected) in zip(parsed.leaves, expected) {
            #expect(part.type == expected.type, sourceLocation: location)
            #expect(bytes(part.filename) == bytes(expected.filename), sourceLocation: location)
            #expect(part.disposition == expected.disposition, sourceLocation: location)
            #expect(part.contentID == expected.contentID, sourceLocation: location)
            #expect(Array(part.content) == expected.content, sourceLocation: location)
        }
    }

    /// The rule for line ends of bodies, written the slow way.
    static func lines(_ text: String) -> [UInt8] {
        var scalars = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if scalar == "\r" || (scalar == "\n" && previous != "\r") {
                scalars.append(contentsOf: "\r\n".unicodeScalars)
            }
            if scalar != "\r", scalar != "\n" { scalars.append(scalar) }
            previous = scalar
        }
        if let previous, previous != "\r", previous != "\n" { scalars.append(contentsOf: "\r\n".unicodeScalars) }
        return Array(String(scalars).utf8)
    }

    static func mailbox(_ name: String?, _ address: String) throws -> Mailbox {
        Mailbox(displayName: name, address: try EmailAddress(parsing: address))
    }

    static func samples() throws -> [EmailMessage] {
        let from = try mailbox("Acme", "hello@acme.example")
        let to = try mailbox(nil, "jane@example.com")
        var samples: [EmailMessage] = []
        func add(_ change: (inout EmailMessage) throws -> Void) throws {
            var message = EmailMessage(
                from: from, to: [to], subject: "Hello", messageID: "m\(samples.count).abc@acme.example",
                date: 1_743_501_600,
                text: "Hello\n")
            try change(&message)
            samples.append(message)
        }
        try add { _ in }
        try add { $0.subject = "" }
        try add {
            $0.subject =
                "Grüße aus Köln – größer als 75 Zeichen, damit es mehrere kodierte Wörter gibt, und mit Leerzeichen  doppelt"
        }
        try add { $0.subject = "👩‍👩‍👧‍👦 family 👍🏽 " + String(repeating: "日本語", count: 40) }
        try add { $0.subject = "مرحبا \u{202B}עברית\u{202C} mixed" }
        try add { $0.subject = "looks =?utf-8?Q?encoded?= but is not" }
        try add { $0.subject = " leading and trailing " }
        try add { $0.subject = "tab\tinside and   many spaces " + String(repeating: "word ", count: 60) + "end" }
        try add { $0.subject = String(repeating: "x", count: 2_000) }
        try add { $0.subject = String(repeating: "x", count: 900) + " " + String(repeating: "y", count: 980) }
        try add { $0.subject = "a ? b = c _ d : e, \"f\" (g) \\ <h@i>" }
        try add {
            $0.to = [
                try mailbox("Doe, \"JD\" Jane \\ <x>", "a@example.com"),
                try mailbox("Jörg Müller, Ltd.", "b@bücher.example"),
                try mailbox("O'Brien (Bob) @ home: a;b.c", "c@example.com"), try mailbox("=?x?", "d@example.com"),
                try mailbox("مرحبا بالعالم", "e@example.com"), try mailbox("👩‍🚀", "f@example.com"),
                try mailbox(nil, "g@example.com"),
                try mailbox("tab\tname", "h@example.com"), try mailbox("two  spaces", "i@example.com"),
                try mailbox(String(repeating: "long name ", count: 30), "j@example.com"),
                try mailbox(String(repeating: "ü", count: 300), "k@example.com"),
                try mailbox(
                    "Name", String(repeating: "a", count: 64) + "@" + String(repeating: "b", count: 63) + ".example"),
            ]
            $0.cc = $0.to.reversed()
            $0.replyTo = [try mailbox("Ответ", "reply+1@acme.example")]
            $0.sender = try mailbox("Sender", "s@acme.example")
        }
        try add {
            $0.to = []
            $0.cc = [to]
        }
        try add { $0.text = "one\r\ntwo\rthree\nfour\n\n\nfive" }
        try add { $0.text = "" }
        try add { $0.text = "\n" }
        try add {
            $0.text =
                ".\n..\n.dot at the start\nFrom me\n From\nFromage\ntrailing space \ntrailing tab\t\n= equals =3D\n--=_x"
        }
        try add { $0.text = String(repeating: "x", count: 2_000) + "\n" + String(repeating: "y. ", count: 700) }
        try add { $0.text = String(repeating: ".", count: 500) }
        try add { $0.text = String(repeating: "日本語のメール。", count: 500) }
        try add { $0.text = "null \u{0} and controls \u{1}\u{B}\u{C}\u{1F}\u{7F} and \u{85} \u{2028}" }
        for length in 70...80 {
            try add { $0.text = String(repeating: "a", count: length) }
            try add {
                $0.text = String(repeating: "a", count: length) + " \n" + String(repeating: "b", count: length) + "="
            }
        }
        try add {
            $0.text = nil
            $0.html = "<p>" + String(repeating: "long line ", count: 1_000) + "</p>"
        }
        try add { $0.html = "<p>Ünïcödé</p>\n" }
        let pixel: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10, 0, 0xFF]
        let every = (0...255).map { UInt8($0) }
        try add { $0.attachments = [.init(filename: "empty", contentType: "application/octet-stream", content: [])] }
        try add {
            $0.html = "<img src=\"cid:logo@x\">"
            $0.attachments = [
                .init(filename: "a \"quoted\\name\".pdf", contentType: "application/pdf", content: every),
                .init(filename: "logo.png", contentType: "image/png", content: pixel, contentID: "logo@x"),
                .init(filename: "Übersicht – 日本.pdf", contentType: "application/pdf", content: every + every),
                .init(
                    filename: String(repeating: "é", count: 127), contentType: "text/csv",
                    content: Array("a,b\n1,2".utf8)),
                .init(filename: "a'b%c*d.txt", contentType: "text/plain", content: Array("x\r\n".utf8)),
                .init(
                    filename: "fo\u{301}o.txt", contentType: "text/plain", content: Array("x".utf8), contentID: "second"
                ),
            ]
        }
        try add {
            $0.text = nil
            $0.html = "<img src=\"cid:logo\">"
            $0.attachments = [.init(filename: "l.png", contentType: "image/png", content: pixel, contentID: "logo")]
        }
        try add {
            $0.attachments = [.init(filename: "l.png", contentType: "image/png", content: pixel, contentID: "no-html")]
        }
        try add {
            $0.headers = [
                (
                    "List-Unsubscribe",
                    "<https://example.com/u/" + String(repeating: "x", count: 400) + ">, <mailto:u@example.com>"
                ),
                ("X-Text", "Grüße"), ("X-Empty", ""), ("Auto-Submitted", "auto-generated"),
                ("X-" + String(repeating: "N", count: 48), "wörld"), ("References", "<a@b> <c@d>"),
            ]
        }
        return samples
    }

    @Test func samplesReadBackUnchanged() async throws {
        let samples = try Self.samples()
        let written = try samples.enumerated().map { try $1.serialized(boundarySeed: UInt64($0)) }
        for message in written { Self.checkLines(message, isSMTPUTF8: false) }
        let parsed = try await ParsedMessage.parse(written)
        #expect(parsed.count == samples.count)
        for (parsed, sample) in zip(parsed, samples) { Self.expectEqual(parsed, sample) }
    }

    @Test func structureIsTheOneThatReadersExpect() async throws {
        var message = EmailMessage(
            from: try Self.mailbox(nil, "a@b.example"), to: [try Self.mailbox(nil, "c@d.example")], subject: "s",
            messageID: "1@b.example",
            date: 0, text: "t", html: "h")
        message.attachments = [
            .init(filename: "f", contentType: "application/pdf", content: [1]),
            .init(filename: "i", contentType: "image/png", content: [2], contentID: "i"),
        ]
        let parsed = try await ParsedMessage.parse([message.serialized(boundarySeed: 1)])
        #expect(
            parsed[0].types == [
                "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
                "application/pdf",
            ])
    }

    @Test func controlCharactersInTextComeThrough() async throws {
        var message = try Self.samples()[0]
        message.subject = "bell \u{7} escape \u{1B}[0m"
        let parsed = try await ParsedMessage.parse([message.serialized(boundarySeed: 1)])
        #expect(parsed[0].subject == message.subject)
        #expect(parsed[0].defects.allSatisfy { $0.contains("NonPrintableDefect") })
    }

    @Test func internationalAddressesStandAsUTF8() throws {
        var message = try Self.samples()[0]
        #expect(!message.needsSMTPUTF8)
        message.to = [try Self.mailbox("Jörg", "jörg@bücher.example")]
        #expect(message.needsSMTPUTF8)
        let written = try message.serialized(boundarySeed: 1)
        Self.checkLines(written, isSMTPUTF8: true)
        #expect(String(buffer: written).contains("To: =?utf-8?B?SsO2cmc=?= <jörg@xn--bcher-kva.example>\r\n"))
    }

    @Test func twoThousandRandomMessagesReadBackUnchanged() async throws {
        var random = SeededGenerator(seed: 0x4D41_494C)
        let messages = try (0..<2_000).map { try RandomMessage.make(number: $0, using: &random) }
        let written = try messages.map { try $0.serialized(boundarySeed: random.next()) }
        for message in written { Self.checkLines(message, isSMTPUTF8: false) }
        let parsed = try await ParsedMessage.parse(written)
        #expect(parsed.count == 2_000)
        for (parsed, message) in zip(parsed, messages) { Self.expectEqual(parsed, message) }
    }
}
