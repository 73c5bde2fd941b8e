import NIOCore

/// A message as it is put on the wire: dot-stuffed (RFC 5321 §4.5.2), with the final dot, in few large chunks.
struct SMTPContent: Sendable {
    /// What makes content unfit to be sent.
    enum Defect: Sendable {
        /// A CR or an LF that is not part of a CRLF: a server may take it for a line end and read commands in the content (SMTP smuggling).
        case bareLineEnd
        case noFinalLineEnd

        var reply: SMTPReply {
            let text =
                switch self {
                case .bareLineEnd: "The content has a bare CR or LF."
                case .noFinalLineEnd: "The content does not end with CRLF."
                }
            return SMTPReply(code: 554, enhanced: EnhancedStatusCode(5, 6, 0), text: text, isLocal: true)
        }
    }

    static let chunkSize = 131_072

    /// Everything before the chunk with the final dot; empty for most messages.
    let head: [ByteBuffer]
    /// The chunk that ends with CRLF `.` CRLF.
    let final: ByteBuffer
    /// The octets of the message, without stuffing and final dot (RFC 1870 §5).
    let size: Int
    /// Whether any octet is above 127: the server must offer 8BITMIME.
    let isEightBit: Bool
    /// Whether the header has such an octet: the server must offer SMTPUTF8 (RFC 6531 §3.4).
    let hasEightBitHeader: Bool

    /// Checks the content and stuffs its dots.
    static func prepare(_ content: ByteBuffer) -> Result<SMTPContent, Defect> {
        let scan = content.withUnsafeReadableBytes(Scan.init)
        guard !scan.hasBareLineEnd else { return .failure(.bareLineEnd) }
        guard scan.endsWithLineEnd else { return .failure(.noFinalLineEnd) }
        var stuffed = ByteBuffer()
        stuffed.reserveCapacity(content.readableBytes + scan.dottedLines.count + 3)
        content.withUnsafeReadableBytes { bytes in
            var start = 0
            for line in scan.dottedLines {
                stuffed.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start..<line]))
                stuffed.writeInteger(UInt8(ascii: "."))
                start = line
            }
            stuffed.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        }
        stuffed.writeStaticString(".\r\n")
        var head: [ByteBuffer] = []
        // The last chunk is never empty, and never starts inside the final CRLF . CRLF.
        while stuffed.readableBytes > chunkSize + 5, let chunk = stuffed.readSlice(length: chunkSize) {
            head.append(chunk)
        }
        return .success(
            SMTPContent(
                head: head, final: stuffed, size: content.readableBytes, isEightBit: scan.isEightBit,
                hasEightBitHeader: scan.hasEightBitHeader))
    }

    /// What one pass over the content finds.
    private struct Scan {
        var hasBareLineEnd = false
        var endsWithLineEnd = false
        var isEightBit = false
        var hasEightBitHeader = false
        /// Where lines begin that start with a dot.
        var dottedLines: [Int] = []

        init(_ bytes: UnsafeRawBufferPointer) {
            var carriageReturns = 0
            var union: UInt8 = 0
            for byte in bytes {
                carriageReturns &+= byte == 0x0D ? 1 : 0
                union |= byte
            }
            isEightBit = union >= 0x80
            var lines = 0
            var start = 0
            var headerEnd: Int?
            while start < bytes.count {
                if bytes[start] == UInt8(ascii: ".") { dottedLines.append(start) }
                guard let lineEnd = UnsafeRawBufferPointer(rebasing: bytes[start...]).firstIndex(of: 0x0A) else {
                    break
                }
                let end = start + lineEnd
                guard lineEnd > 0, bytes[end - 1] == 0x0D else {
                    hasBareLineEnd = true
                    return
                }
                if lineEnd == 1, headerEnd == nil { headerEnd = start }
                lines += 1
                start = end + 1
            }
            // Every LF has its CR; were there more CRs, one of them would be bare.
            hasBareLineEnd = carriageReturns != lines
            endsWithLineEnd = lines > 0 && start == bytes.count
            if isEightBit { hasEightBitHeader = bytes[..<(headerEnd ?? bytes.count)].contains { $0 >= 0x80 } }
        }
    }
}

extension SMTPContent.Defect: Error {}
