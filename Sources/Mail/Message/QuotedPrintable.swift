import NIOCore

/// Quoted-printable for text, RFC 2045 §6.7.
enum QuotedPrintable {
    private static let maximumLine = 76

    /// Writes text with CRLF line ends, whatever they were, and a CRLF after a last line that has none. `From ` and `.` at the start of a
    /// line are encoded, so that neither mailbox files nor SMTP have anything to escape.
    /// - Parameter limit: the most octets to write.
    /// - Returns: `false`, with nothing written, when the limit does not suffice.
    static func write(_ input: UnsafeRawBufferPointer, to buffer: inout ByteBuffer, limit: Int) -> Bool {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { output in
            encode(input, to: UnsafeMutableRawBufferPointer(rebasing: output[..<limit])) ?? 0
        } > 0 || input.isEmpty
    }

    private static func encode(_ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer) -> Int? {
        var read = 0
        var written = 0
        var column = 0
        while read < input.count {
            if column > 0 {
                // Most text is literal: up to the last column, where a line end makes a difference, it is only copied.
                let end = read + min(maximumLine - 1 - column, input.count - 1 - read, output.count - written)
                let start = read
                while read < end, isPlain(input[read], before: input[read + 1]) {
                    output[written] = input[read]
                    written += 1
                    read += 1
                }
                column += read - start
            }
            // The most that one octet makes.
            guard written + 3 <= output.count else { return nil }
            let byte = input[read]
            if byte == 0x0D || byte == 0x0A {
                output[written] = 0x0D
                output[written + 1] = 0x0A
                written += 2
                column = 0
                read += byte == 0x0D && read + 1 < input.count && input[read + 1] == 0x0A ? 2 : 1
                continue
            }
            let endsLine = read + 1 == input.count || input[read + 1] == 0x0D || input[read + 1] == 0x0A
            let isLiteral: Bool
            switch byte {
            case 0x20, 0x09: isLiteral = !endsLine
            case UInt8(ascii: "."): isLiteral = column > 0
            case UInt8(ascii: "F"): isLiteral = column > 0 || !startsWithFrom(input, at: read)
            case UInt8(ascii: "="): isLiteral = false
            default: isLiteral = byte > 0x20 && byte < 0x7F
            }
            let width = isLiteral ? 1 : 3
            if column + width > (endsLine ? maximumLine : maximumLine - 1) {
                output[written] = UInt8(ascii: "=")
                output[written + 1] = 0x0D
                output[written + 2] = 0x0A
                written += 3
                column = 0
                continue
            }
            if isLiteral {
                output[written] = byte
            } else {
                output[written] = UInt8(ascii: "=")
                output[written + 1] = ASCII.hexadecimalDigit(byte >> 4)
                output[written + 2] = ASCII.hexadecimalDigit(byte & 0x0F)
            }
            written += width
            column += width
            read += 1
        }
        guard column > 0 else { return written }
        guard written + 2 <= output.count else { return nil }
        output[written] = 0x0D
        output[written + 1] = 0x0A
        return written + 2
    }

    /// Stands for itself inside a line.
    @inline(__always)
    private static func isPlain(_ byte: UInt8, before next: UInt8) -> Bool {
        byte > 0x20 ? byte < 0x7F && byte != UInt8(ascii: "=") : byte == 0x20 && next > 0x20
    }

    private static func startsWithFrom(_ input: UnsafeRawBufferPointer, at index: Int) -> Bool {
        index + 4 < input.count && input[index + 1] == UInt8(ascii: "r") && input[index + 2] == UInt8(ascii: "o")
            && input[index + 3] == UInt8(ascii: "m") && input[index + 4] == 0x20
    }
}
