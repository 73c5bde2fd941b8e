import NIOCore
import Testing

@testable import Mail

@Suite struct TransferEncodingTests {
    static func quotedPrintable(_ text: String, limit: Int = 10_000) -> String? {
        var buffer = ByteBuffer()
        let fits = Array(text.utf8).withUnsafeBytes { QuotedPrintable.write($0, to: &buffer, limit: limit) }
        if !fits { #expect(buffer.readableBytes == 0) }
        return fits ? String(buffer: buffer) : nil
    }

    @Test(arguments: [
        ("", ""),
        ("a", "a\r\n"),
        ("a\nb\rc\r\nd", "a\r\nb\r\nc\r\nd\r\n"),
        ("a \nb\t\nc ", "a=20\r\nb=09\r\nc=20\r\n"),
        ("a b\tc", "a b\tc\r\n"),
        ("1=2", "1=3D2\r\n"),
        ("ü", "=C3=BC\r\n"),
        (".\n..a\n .", "=2E\r\n=2E.a\r\n .\r\n"),
        ("From me\nFrom\n From x", "=46rom me\r\nFrom\r\n From x\r\n"),
        ("\u{0}\u{1}\u{7F}", "=00=01=7F\r\n"),
        (String(repeating: "a", count: 76), String(repeating: "a", count: 76) + "\r\n"),
        (String(repeating: "a", count: 77), String(repeating: "a", count: 75) + "=\r\naa\r\n"),
        (String(repeating: "a", count: 75) + ".b", String(repeating: "a", count: 75) + "=\r\n=2Eb\r\n"),
        (String(repeating: "a", count: 75) + "=", String(repeating: "a", count: 75) + "=\r\n=3D\r\n"),
        (String(repeating: "a", count: 73) + "=", String(repeating: "a", count: 73) + "=3D\r\n"),
        (String(repeating: "a", count: 73) + "=b", String(repeating: "a", count: 73) + "=\r\n=3Db\r\n"),
        (String(repeating: "a", count: 75) + " \nb", String(repeating: "a", count: 75) + "=\r\n=20\r\nb\r\n"),
    ])
    func quotedPrintableBytes(_ text: String, _ expected: String) {
        #expect(Self.quotedPrintable(text) == expected)
    }

    @Test func quotedPrintableKeepsTheLimit() {
        #expect(Self.quotedPrintable("abc", limit: 5) == "abc\r\n")
        #expect(Self.quotedPrintable("abc", limit: 4) == nil)
        #expect(Self.quotedPrintable("üü", limit: 13) == nil)
        #expect(Self.quotedPrintable("üü", limit: 14) == "=C3=BC=C3=BC\r\n")
    }

    @Test func shorterEncodingWins() throws {
        func encoding(_ text: String) throws -> Substring? {
            let message = try EmailMessageTests.message { $0.text = text }
            return try String(buffer: message.serialized(boundarySeed: 1)).split(
                separator: "Content-Transfer-Encoding: "
            ).last?
            .split(separator: "\r\n").first
        }
        #expect(
            try encoding(String(repeating: "a", count: 90) + String(repeating: "ü", count: 5)) == "quoted-printable")
        #expect(try encoding(String(repeating: "a", count: 10) + String(repeating: "ü", count: 50)) == "base64")
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64OfRFC4648(_ text: String, _ expected: String) {
        #expect(String(decoding: Base64.encode(text.utf8), as: UTF8.self) == expected)
    }

    @Test(arguments: [0, 1, 56, 57, 58, 114, 115, 1_000])
    func base64Lines(_ count: Int) {
        var buffer = ByteBuffer()
        Array(repeating: UInt8(0), count: count).withUnsafeBytes { Base64.writeLines($0, to: &buffer) }
        #expect(buffer.readableBytes == Base64.lineEncodedLength(count))
        let lines = String(buffer: buffer).split(separator: "\r\n")
        #expect(lines.dropLast().allSatisfy { $0.utf8.count == 76 })
        #expect((lines.last?.utf8.count ?? 0) <= 76)
        #expect(lines.count == (count + 56) / 57)
    }

    @Test(arguments: ["", "a", "\n", "\r", "\r\n", "\n\r", "\r\r\n\n", "a\nb\r\nc\rd", "a\r\n\r\n"])
    func lineEnds(_ text: String) {
        Array(text.utf8).withUnsafeBytes { bytes in
            let count = LineEnds.normalisedCount(bytes)
            let normalised = LineEnds.normalise(bytes, count: count)
            #expect(normalised.count == count)
            #expect(normalised == MessageParserTests.lines(text))
        }
    }
}
