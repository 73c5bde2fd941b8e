/// The common part of the power-of-two encodings of RFC 4648: bits in groups of `bits`, most significant first.
struct BitPacking {
    let bits: Int
    let alphabet: [UInt8]
    /// The value of each byte of text; 0xFF for those outside the alphabet.
    private let values: [UInt8]

    init(bits: Int, alphabet: StaticString) {
        self.bits = bits
        self.alphabet = alphabet.withUTF8Buffer { Array($0) }
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in self.alphabet.enumerated() {
            values[Int(character)] = UInt8(value)
        }
        self.values = values
    }

    /// The value of a character of the alphabet.
    func value(of character: UInt8) -> UInt8? {
        let value = values[Int(character)]
        return value == 0xFF ? nil : value
    }

    func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 8 + bits - 1) / bits + 3)
        var pending: UInt32 = 0
        var pendingBits = 0
        let mask = UInt32(1) << UInt32(bits) - 1
        for byte in bytes {
            pending = pending << 8 | UInt32(byte)
            pendingBits += 8
            while pendingBits >= bits {
                pendingBits -= bits
                text.append(alphabet[Int(pending >> UInt32(pendingBits) & mask)])
            }
        }
        if pendingBits > 0 {
            text.append(alphabet[Int(pending << UInt32(bits - pendingBits) & mask)])
        }
        return text
    }

    /// nil for characters outside the alphabet and for text that no encoder writes: a group without a whole byte, or
    /// left-over bits that are not zero. So every byte string has exactly one text.
    func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * bits / 8)
        var pending: UInt32 = 0
        var pendingBits = 0
        for character in text {
            let value = values[Int(character)]
            guard value != 0xFF else { return nil }
            pending = pending << UInt32(bits) | UInt32(value)
            pendingBits += bits
            if pendingBits >= 8 {
                pendingBits -= 8
                bytes.append(UInt8(truncatingIfNeeded: pending >> UInt32(pendingBits)))
            }
        }
        let leftOver = pending & (UInt32(1) << UInt32(pendingBits) - 1)
        guard pendingBits < bits, leftOver == 0 else { return nil }
        return bytes
    }
}
