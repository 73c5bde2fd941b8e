/// Base64 with the standard alphabet and padding (RFC 4648 §4).
package enum Base64 {
    private static let packing = BitPacking(
        bits: 6, alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

    /// The padded text, in one line.
    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text = packing.encode(bytes)
        while !text.count.isMultiple(of: 4) {
            text.append(UInt8(ascii: "="))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes; nil for anything that `encode` does not write: missing padding, white space, left-over bits.
    package static func decode(_ text: String) -> [UInt8]? {
        var digits = text.utf8[...]
        guard digits.count.isMultiple(of: 4) else { return nil }
        for _ in 0..<2 where digits.last == UInt8(ascii: "=") {
            digits.removeLast()
        }
        return packing.decode(digits)
    }
}

/// Base64 with the URL-safe alphabet and without padding (RFC 4648 §5).
package enum Base64URL {
    private static let packing = BitPacking(
        bits: 6, alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    /// The text without padding.
    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: packing.encode(bytes), as: UTF8.self)
    }

    /// The bytes; nil for anything that `encode` does not write: padding, other characters, left-over bits.
    package static func decode(_ text: String) -> [UInt8]? {
        packing.decode(text.utf8)
    }
}
