/// Encoded-words, RFC 2047: `=?utf-8?Q?…?=` or `=?utf-8?B?…?=`, each of at most 75 characters and holding whole UTF-8 characters.
enum EncodedWord {
    private static let overhead = 12
    private static let maximumLength = 75
    /// Room for a word with any one character: four octets as `=XX`.
    static let minimumLength = overhead + 12
    private static let maximumLine = 76

    /// Whether a reader could take a part of the text for an encoded-word, so that it must be encoded itself to come through unchanged.
    static func isMimicked(in bytes: some Collection<UInt8>) -> Bool {
        var previous: UInt8 = 0
        for byte in bytes {
            if previous == UInt8(ascii: "="), byte == UInt8(ascii: "?") { return true }
            previous = byte
        }
        return false
    }

    /// Writes the whole text as encoded-words, one to a line but for the first, which follows what is on the line already if it fits.
    /// The encoding is the one that gives the shorter result. Readers drop the white space between neighbouring words, so spaces are inside.
    /// - Parameter inPhrase: for display names, where RFC 2047 §5 (3) allows fewer characters as themselves.
    static func write(_ text: String, to writer: inout MessageWriter, inPhrase: Bool) {
        let bytes = Array(text.utf8)
        let quotedLength = bytes.reduce(0) { $0 + (isSafe($1, inPhrase: inPhrase) ? 1 : 3) }
        let usesBase64 = (bytes.count + 2) / 3 * 4 < quotedLength
        var start = 0
        while start < bytes.count {
            if start > 0 {
                writer.fold()
                writer.write(" ")
            }
            var room = min(maximumLength, maximumLine - writer.column) - overhead
            if start == 0, room + overhead < minimumLength {
                // A long field name.
                writer.fold()
                writer.write(" ")
                room = maximumLength - overhead
            }
            let end = self.end(of: bytes, from: start, room: room, usesBase64: usesBase64, inPhrase: inPhrase)
            if usesBase64 {
                writer.write("=?utf-8?B?")
                writer.write(Base64.encode(bytes[start..<end]))
            } else {
                writer.write("=?utf-8?Q?")
                writer.write(quoted(bytes[start..<end], inPhrase: inPhrase))
            }
            writer.write("?=")
            start = end
        }
    }

    /// Where the word that begins at `start` must end: as many whole characters as fit, at least one.
    private static func end(of bytes: [UInt8], from start: Int, room: Int, usesBase64: Bool, inPhrase: Bool) -> Int {
        var end = start
        var length = 0
        while end < bytes.count {
            var next = end + 1
            while next < bytes.count, bytes[next] & 0xC0 == 0x80 { next += 1 }
            if usesBase64 {
                length = (next - start + 2) / 3 * 4
            } else {
                for byte in bytes[end..<next] { length += isSafe(byte, inPhrase: inPhrase) ? 1 : 3 }
            }
            if length > room, end > start { break }
            end = next
        }
        return end
    }

    private static func quoted(_ bytes: ArraySlice<UInt8>, inPhrase: Bool) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count * 3)
        for byte in bytes {
            if byte == 0x20 {
                result.append(UInt8(ascii: "_"))
            } else if isSafe(byte, inPhrase: inPhrase) {
                result.append(byte)
            } else {
                result.append(UInt8(ascii: "="))
                result.append(ASCII.hexadecimalDigit(byte >> 4))
                result.append(ASCII.hexadecimalDigit(byte & 0x0F))
            }
        }
        return result
    }

    /// Takes one character in the Q encoding; a space does too, as `_`.
    private static func isSafe(_ byte: UInt8, inPhrase: Bool) -> Bool {
        if ASCII.isAlphanumeric(byte) || byte == 0x20 { return true }
        switch byte {
        case UInt8(ascii: "!"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "/"): return true
        case UInt8(ascii: "="), UInt8(ascii: "?"), UInt8(ascii: "_"): return false
        default: return !inPhrase && byte > 0x20 && byte < 0x7F
        }
    }
}
