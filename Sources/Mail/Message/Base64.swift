import NIOCore

/// Base64, RFC 4648 §4.
enum Base64 {
    /// Octets that fill a line of 76 characters.
    private static let octetsPerLine = 57

    /// The octets that `writeLines` makes of `count` octets, line ends included.
    static func lineEncodedLength(_ count: Int) -> Int {
        (count + 2) / 3 * 4 + (count + octetsPerLine - 1) / octetsPerLine * 2
    }

    /// One unbroken text, for headers and SASL.
    static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let input = Array(bytes)
        return [UInt8](unsafeUninitializedCapacity: (input.count + 2) / 3 * 4) { output, count in
            count = input.withUnsafeBufferPointer {
                encode(UnsafeRawBufferPointer($0), to: UnsafeMutableRawBufferPointer(output))
            }
        }
    }

    /// Lines of 76 characters, each with CRLF (RFC 2045 §6.8).
    static func writeLines(_ input: UnsafeRawBufferPointer, to buffer: inout ByteBuffer) {
        _ = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: lineEncodedLength(input.count)) { output in
            var written = 0
            var start = 0
            while start < input.count {
                let end = min(start + octetsPerLine, input.count)
                written += encode(
                    UnsafeRawBufferPointer(rebasing: input[start..<end]), to: .init(rebasing: output[written...]))
                output[written] = 0x0D
                output[written + 1] = 0x0A
                written += 2
                start = end
            }
            return written
        }
    }

    /// Decodes strictly: padding needed, nothing but the alphabet. `nil` otherwise.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var result: [UInt8] = []
        var accumulator: UInt32 = 0
        var padding = 0
        for (index, byte) in text.enumerated() {
            let value: UInt32
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = UInt32(byte) - 0x41
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = UInt32(byte) - 0x61 + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt32(byte) - 0x30 + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            case UInt8(ascii: "=") where index >= text.count - 2:
                padding += 1
                value = 0
            default: return nil
            }
            guard padding == 0 || byte == UInt8(ascii: "=") else { return nil }
            accumulator = accumulator << 6 | value
            guard index % 4 == 3 else { continue }
            result.append(UInt8(truncatingIfNeeded: accumulator >> 16))
            result.append(UInt8(truncatingIfNeeded: accumulator >> 8))
            result.append(UInt8(truncatingIfNeeded: accumulator))
        }
        result.removeLast(min(padding, result.count))
        return result
    }

    private static let alphabet: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// - Returns: the octets written; `output` is large enough.
    private static func encode(_ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer) -> Int {
        alphabet.withUnsafeBufferPointer { alphabet in
            var read = 0
            var written = 0
            while read + 3 <= input.count {
                let value = UInt32(input[read]) << 16 | UInt32(input[read + 1]) << 8 | UInt32(input[read + 2])
                output[written] = alphabet[Int(value >> 18)]
                output[written + 1] = alphabet[Int(value >> 12 & 63)]
                output[written + 2] = alphabet[Int(value >> 6 & 63)]
                output[written + 3] = alphabet[Int(value & 63)]
                read += 3
                written += 4
            }
            let rest = input.count - read
            guard rest > 0 else { return written }
            let value = UInt32(input[read]) << 16 | (rest == 2 ? UInt32(input[read + 1]) << 8 : 0)
            output[written] = alphabet[Int(value >> 18)]
            output[written + 1] = alphabet[Int(value >> 12 & 63)]
            output[written + 2] = rest == 2 ? alphabet[Int(value >> 6 & 63)] : UInt8(ascii: "=")
            output[written + 3] = UInt8(ascii: "=")
            return written + 4
        }
    }
}
