@testable import Mail

/// SplitMix64: the same sequence for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Messages with what tends to break builders.
enum RandomMessage {
    private static let pieces = [
        "a", "Z", "7", "word", " ", "  ", "\t", ".", ",", ";", ":", "\"", "\\", "<", ">", "(", ")", "@", "[", "]", "=",
        "=?", "?=", "_", "?",
        "'", "%", "*", "&", "ü", "é", "e\u{301}", "ß", "я", "日本", "한국", "مرحبا", "שלום", "\u{200F}", "\u{202E}", "👍🏽",
        "👩‍👩‍👧‍👦", "🇩🇪", "\u{FEFF}",
        "\u{2019}", "=?utf-8?Q?x?=", "From ", "\u{A0}", "\u{10FFFD}",
    ]
    private static let breaks = [
        "\n", "\r\n", "\r", "\n.", "\n\n", "\nFrom ", " \n", "\t\r\n", "\u{0}", "\u{B}", "\u{2028}",
    ]
    private static let hosts = [
        "example.com", "bücher.example", "mail.acme.example", "xn--bcher-kva.example", "例え.テスト",
    ]

    static func make(number: Int, using random: inout SeededGenerator) throws -> EmailMessage {
        var message = EmailMessage(
            from: try mailbox(&random),
            to: try (0..<Int.random(in: 1...4, using: &random)).map { _ in try mailbox(&random) },
            subject: text(&random, upTo: 40), messageID: "n\(number).\(random.next())@acme.example",
            date: Int64.random(in: 0...253_402_300_799, using: &random))
        if Bool.random(using: &random) { message.cc = [try mailbox(&random)] }
        if Bool.random(using: &random) { message.replyTo = [try mailbox(&random)] }
        if Int.random(in: 0..<4, using: &random) == 0 { message.sender = try mailbox(&random) }
        let bodies = Int.random(in: 1...3, using: &random)
        if bodies != 2 { message.text = body(&random) }
        if bodies != 1 { message.html = body(&random) }
        if Bool.random(using: &random) { message.headers = [("X-Random", trimmed(text(&random, upTo: 30)))] }
        for index in 0..<max(0, Int.random(in: -3...3, using: &random)) {
            let size = Int.random(in: 0...300, using: &random)
            message.attachments.append(
                .init(
                    filename: "f" + text(&random, upTo: 12).filter { $0 != "\t" } + ".x",
                    contentType: "application/x-test",
                    content: (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) },
                    contentID: Bool.random(using: &random) ? "part\(index)@acme.example" : nil))
        }
        return message
    }

    private static func text(_ random: inout SeededGenerator, upTo limit: Int) -> String {
        // Some are plain, some are everything.
        let alphabet = Bool.random(using: &random) ? pieces[..<8] : pieces[...]
        return (0..<Int.random(in: 0...limit, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "" }
            .joined()
    }

    private static func body(_ random: inout SeededGenerator) -> String {
        (0..<Int.random(in: 0...20, using: &random)).map { _ in
            text(&random, upTo: 60) + (breaks.randomElement(using: &random) ?? "")
        }.joined()
    }

    private static func trimmed(_ text: String) -> String {
        var view = text.unicodeScalars[...]
        while let first = view.first, first == " " || first == "\t" { view.removeFirst() }
        while let last = view.last, last == " " || last == "\t" { view.removeLast() }
        return String(view)
    }

    private static func mailbox(_ random: inout SeededGenerator) throws -> Mailbox {
        let name = text(&random, upTo: 15)
        let host = hosts.randomElement(using: &random) ?? ""
        return Mailbox(displayName: name, address: try EmailAddress(parsing: "u\(random.next())@\(host)"))
    }
}
