extension JSONParser {
    /// Reads the rest of a string whose opening quote has been consumed, closing quote included.
    @inline(__always)
    mutating func parseString() throws(JSONError) -> String {
        let start = offset
        skipPlainASCII()
        if offset < count, base[offset] == UInt8(ascii: "\"") {
            let text = String(decoding: UnsafeBufferPointer(start: base + start, count: offset - start), as: UTF8.self)
            offset += 1
            return text
        }
        return try parseStringSlowly(from: start)
    }

    /// Moves over bytes that stand for themselves: printable ASCII other than the quote and the backslash.
    @inline(__always)
    private mutating func skipPlainASCII() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while offset + 8 <= count {
            let word = UnsafeRawPointer(base + offset).loadUnaligned(as: UInt64.self)
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            // The high bit of a byte is set where the byte is a quote, a backslash, below 0x20 or above 0x7F. A borrow
            // can only mark bytes above a true one, so zero means that all eight are plain.
            let special = (quotes &- ones) | (backslashes &- ones) | (word &- (ones &* 0x20)) | word
            if special & highs != 0 { break }
            offset += 8
        }
        while offset < count {
            let byte = base[offset]
            if byte < 0x20 || byte >= 0x80 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
            offset += 1
        }
    }

    /// The general case: multi-byte characters are checked in place, escapes are decoded into a buffer of their own.
    private mutating func parseStringSlowly(from start: Int) throws(JSONError) -> String {
        var decoded: [UInt8] = []
        var hasEscapes = false
        var runStart = start
        while true {
            skipPlainASCII()
            guard offset < count else { throw JSONError(.malformed, at: count) }
            switch base[offset] {
            case UInt8(ascii: "\""):
                let run = UnsafeBufferPointer(start: base + runStart, count: offset - runStart)
                offset += 1
                guard hasEscapes else { return String(decoding: run, as: UTF8.self) }
                decoded.append(contentsOf: run)
                return String(decoding: decoded, as: UTF8.self)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                decoded.append(contentsOf: UnsafeBufferPointer(start: base + runStart, count: offset - runStart))
                try parseEscape(into: &decoded)
                runStart = offset
            case 0x80...: try skipMultibyteCharacter()
            default: throw JSONError(.malformed, at: offset)
            }
        }
    }

    /// Checks one multi-byte character by table 3-7 of the Unicode standard ("well-formed UTF-8 byte sequences").
    private mutating func skipMultibyteCharacter() throws(JSONError) {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch base[offset] {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw JSONError(.invalidUTF8, at: offset)
        }
        guard offset + length <= count, second.contains(base[offset + 1]) else {
            throw JSONError(.invalidUTF8, at: offset)
        }
        for index in 2..<max(length, 2) where base[offset + index] & 0xC0 != 0x80 {
            throw JSONError(.invalidUTF8, at: offset)
        }
        offset += length
    }

    /// Decodes the escape at `offset` (its backslash) and appends what it stands for.
    private mutating func parseEscape(into decoded: inout [UInt8]) throws(JSONError) {
        let escapeOffset = offset
        guard offset + 1 < count else { throw JSONError(.malformed, at: count) }
        let kind = base[offset + 1]
        offset += 2
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(kind)
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "f"): decoded.append(0x0C)
        case UInt8(ascii: "n"): decoded.append(0x0A)
        case UInt8(ascii: "r"): decoded.append(0x0D)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "u"):
            let scalar = try parseUnicodeEscape(from: escapeOffset)
            decoded.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default: throw JSONError(.malformed, at: escapeOffset + 1)
        }
    }

    /// Reads the digits of a `\u` escape, and the second escape of a surrogate pair.
    private mutating func parseUnicodeEscape(from escapeOffset: Int) throws(JSONError) -> Unicode.Scalar {
        let unit = try parseHexDigits()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, offset + 1 < count, base[offset] == UInt8(ascii: "\\"),
            base[offset + 1] == UInt8(ascii: "u")
        else { throw JSONError(.loneSurrogate, at: escapeOffset) }
        offset += 2
        let low = try parseHexDigits()
        guard low & 0xFC00 == 0xDC00,
            let scalar = Unicode.Scalar(0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(low & 0x3FF)))
        else { throw JSONError(.loneSurrogate, at: escapeOffset) }
        return scalar
    }

    private mutating func parseHexDigits() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard offset < count, let digit = Hex.digit(base[offset]) else { throw JSONError(.malformed, at: offset) }
            unit = unit << 4 | UInt16(digit)
            offset += 1
        }
        return unit
    }
}
