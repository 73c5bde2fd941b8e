/// Base32 in lower case without padding, with Crockford's alphabet: digits, then letters without `i l o u`.
package enum Base32 {
    static let alphabet: StaticString = "0123456789abcdefghjkmnpqrstvwxyz"
    static let packing = BitPacking(bits: 5, alphabet: alphabet)

    /// One character for each five bits, most significant first.
    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: packing.encode(bytes), as: UTF8.self)
    }

    /// The bytes; nil for anything that `encode` does not write: upper case, look-alikes, left-over bits.
    package static func decode(_ text: String) -> [UInt8]? {
        packing.decode(text.utf8)
    }
}
