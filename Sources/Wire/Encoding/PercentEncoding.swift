/// Percent-encoding of URI components (RFC 3986 §2.1).
package enum PercentEncoding {
    /// The text with its escapes resolved; nil when a `%` is not followed by two hexadecimal digits or the result is
    /// not valid UTF-8. A `+` stays a plus.
    package static func decode(_ text: some StringProtocol) -> String? {
        decode(String(text), plusIsSpace: false)
    }

    /// The same for `application/x-www-form-urlencoded` text and query strings, where `+` stands for a space.
    package static func decodeForm(_ text: some StringProtocol) -> String? {
        decode(String(text), plusIsSpace: true)
    }

    /// The text with every byte escaped that is not unreserved (RFC 3986 §2.3), so that it fits anywhere in a URI.
    package static func encode(_ text: some StringProtocol) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes.append(UInt8(ascii: "%"))
                bytes.append(uppercaseDigit(byte >> 4))
                bytes.append(uppercaseDigit(byte & 0xF))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func decode(_ text: String, plusIsSpace: Bool) -> String? {
        var text = text
        let isPlain = text.withUTF8 { utf8 in
            !utf8.contains { $0 == UInt8(ascii: "%") || ($0 == UInt8(ascii: "+") && plusIsSpace) }
        }
        // The common case. A `String` is valid UTF-8, so there is nothing left to check.
        if isPlain { return text }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = iterator.next().flatMap(Hex.digit), let low = iterator.next().flatMap(Hex.digit) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// RFC 3986 §2.1 asks producers for upper-case digits.
    private static func uppercaseDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }
}
