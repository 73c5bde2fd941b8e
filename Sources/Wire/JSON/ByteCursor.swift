/// A writing position in memory that is big enough for everything its user puts there.
struct ByteCursor {
    private let memory: UnsafeMutableRawBufferPointer
    /// How many bytes have been put.
    private(set) var written = 0

    init(_ memory: UnsafeMutableRawBufferPointer) {
        self.memory = memory
    }

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        memory[written] = byte
        written += 1
    }

    @inline(__always)
    mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        UnsafeMutableRawBufferPointer(rebasing: memory[written...]).copyMemory(from: UnsafeRawBufferPointer(bytes))
        written += bytes.count
    }

    /// Puts a number without leading zeros; at most 20 bytes.
    mutating func putDecimal(_ value: Int64) {
        if value < 0 { put(UInt8(ascii: "-")) }
        let magnitude = value.magnitude
        var length = 1
        var rest = magnitude
        while rest >= 10 {
            rest /= 10
            length += 1
        }
        putDecimal(magnitude, width: length)
    }

    /// Puts exactly `width` digits, with leading zeros.
    @inline(__always)
    mutating func putDecimal(_ value: UInt64, width: Int) {
        var rest = value
        var position = written + width
        while position > written {
            position -= 1
            memory[position] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        written += width
    }

    /// Puts the contents of a JSON string: at most six bytes for each byte of `bytes`.
    mutating func putEscaped(_ bytes: UnsafeBufferPointer<UInt8>) {
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): putEscape(byte)
            case 0x08: putEscape(UInt8(ascii: "b"))
            case 0x09: putEscape(UInt8(ascii: "t"))
            case 0x0A: putEscape(UInt8(ascii: "n"))
            case 0x0C: putEscape(UInt8(ascii: "f"))
            case 0x0D: putEscape(UInt8(ascii: "r"))
            case 0..<0x20:
                putEscape(UInt8(ascii: "u"))
                put(UInt8(ascii: "0"))
                put(UInt8(ascii: "0"))
                put(Hex.lowercaseDigit(byte >> 4))
                put(Hex.lowercaseDigit(byte & 0xF))
            default: put(byte)
            }
        }
    }

    private mutating func putEscape(_ letter: UInt8) {
        put(UInt8(ascii: "\\"))
        put(letter)
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether the bytes can stand in a JSON string as they are: no quote, no backslash, no control character.
    @inline(__always)
    var needsNoEscaping: Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var offset = 0
        while offset + 8 <= count {
            let word = UnsafeRawBufferPointer(self).loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            // "Has a zero byte" and "has a byte below 0x20", Bit Twiddling Hacks: exact as far as zero or not.
            let special =
                ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
                | ((word &- (ones &* 0x20)) & ~word)
            if special & highs != 0 { return false }
            offset += 8
        }
        while offset < count {
            let byte = self[offset]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
            offset += 1
        }
        return true
    }
}
