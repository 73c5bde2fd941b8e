import Foundation
import Testing
import Wire

struct EncodingTests {
    /// RFC 4648 §10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64(_ plain: String, _ encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
        let unpadded = encoded.filter { $0 != "=" }
        #expect(Base64URL.encode(Array(plain.utf8)) == unpadded)
        #expect(Base64URL.decode(unpadded) == Array(plain.utf8))
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", "Zm9v ", "====", "Z===", "Zm9-", "=Zg=", "Zg==\n",
    ])
    func base64IsStrict(_ text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test(arguments: ["Z", "Zh", "Zg==", "Zm9+", "Zm9/", "Zm 9", "Zm9v\n", "é"])
    func base64URLIsStrict(_ text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test func base64AgreesWithFoundation() {
        var random = SeededGenerator(seed: 5)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(Base64.encode(bytes) == Data(bytes).base64EncodedString())
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
            #expect(Base32.decode(Base32.encode(bytes)) == bytes)
            #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        }
    }

    @Test func base32() {
        // RFC 4648's MZXW6YTBOI for "foobar" in Crockford's alphabet.
        #expect(Base32.encode(Array("foobar".utf8)) == "csqpyrk1e8")
        #expect(Base32.decode("csqpyrk1e8") == Array("foobar".utf8))
        for text in ["CSQPYRK1E8", "csqpyrk1ei", "c", "csq", "cz", "cr="] {
            #expect(Base32.decode(text) == nil)
        }
    }

    @Test func hex() {
        #expect(Hex.encode([0x00, 0x9F, 0xAB]) == "009fab")
        #expect(Hex.decode("009FaB") == [0x00, 0x9F, 0xAB])
        for text in ["0", "0g", "é0", " 00"] {
            #expect(Hex.decode(text) == nil)
        }
    }

    @Test(arguments: [
        ("a%20b", "a b"), ("a+b", "a+b"), ("%C3%A9", "é"), ("%c3%a9", "é"), ("", ""), ("%00", "\0"), ("100%25", "100%"),
        ("é", "é"),
        ("%2B%2f", "+/"),
    ])
    func percentDecodes(_ text: String, _ expected: String) {
        #expect(PercentEncoding.decode(text) == expected)
        #expect(PercentEncoding.decode(PercentEncoding.encode(expected)) == expected)
    }

    /// Text with nothing to resolve comes back as it is, also as part of another.
    @Test(arguments: ["plain", "longer than fifteen bytes", "più lungo di quindici byte 😀", ""])
    func percentDecodingKeepsPlainText(_ text: String) {
        #expect(PercentEncoding.decode(text) == text)
        #expect(PercentEncoding.decodeForm(text) == text)
        #expect(PercentEncoding.decode("/%\(text)/%".dropFirst(2).dropLast(2)) == text)
        #expect(PercentEncoding.decode(text + "+") == text + "+")
        #expect(PercentEncoding.decodeForm(text + "+") == text + " ")
        #expect(PercentEncoding.decode(text + "%20") == text + " ")
    }

    @Test(arguments: [
        "%", "%2", "%2G", "%G0", "a%", "%%20", "%C3", "%C3%28", "%ED%A0%80", "%C0%AF", "%FF", "%+1", "%é0",
    ])
    func percentDecodingIsStrict(_ text: String) {
        #expect(PercentEncoding.decode(text) == nil)
        #expect(PercentEncoding.decodeForm(text) == nil)
    }

    @Test func percentEncodes() {
        #expect(PercentEncoding.encode("a-Z_0.9~ é/?&=+%") == "a-Z_0.9~%20%C3%A9%2F%3F%26%3D%2B%25")
        #expect(PercentEncoding.decodeForm("a+b%2B") == "a b+")
        #expect(PercentEncoding.decode("x=a%20b".dropFirst(2)) == "a b")
    }

    @Test func comparesInConstantTime() {
        #expect(constantTimeEqual([1, 2, 3], [1, 2, 3]))
        #expect(constantTimeEqual([], []))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEqual([1, 2, 3], [0, 2, 3]))
        #expect(!constantTimeEqual([1, 2], [1, 2, 3]))
        #expect(constantTimeEqual("abc".utf8, "abc".utf8))
    }

    @Test(arguments: [0, 1, 7, 8, 9, 32, 33])
    func randomBytesHaveTheirLength(_ count: Int) {
        let bytes = SecureRandom.bytes(count)
        #expect(bytes.count == count)
        // Equal strings of 16 and more bytes would mean a broken generator (2^-128).
        if count >= 16 { #expect(bytes != SecureRandom.bytes(count)) }
    }
}
