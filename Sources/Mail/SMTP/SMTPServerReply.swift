import NIOCore

/// A reply as it came: its code and the text of each line without the code.
struct SMTPServerReply: Sendable, Hashable {
    let code: Int
    let lines: [String]

    init(code: Int, lines: [String]) {
        self.code = code
        self.lines = lines
    }

    /// The first digit, which is what a client must decide on (RFC 5321 §4.3.2).
    var category: Int { code / 100 }
}

/// The server does not speak SMTP, or more of it than a client should take.
struct SMTPReplyDecodingError: Error, Equatable {
    enum Code: String, Equatable {
        case lineTooLong
        case tooManyLines
        case malformedLine
        case codesDiffer
    }

    let code: Code

    init(_ code: Code) {
        self.code = code
    }
}

/// Decodes replies, RFC 5321 §4.2.1. Tolerates what real servers do: a bare LF, a code without a text, lines longer than 512 octets.
struct SMTPReplyDecoder: NIOSingleStepByteToMessageDecoder {
    typealias InboundOut = SMTPServerReply

    static let maximumLineLength = 2_048
    static let maximumLines = 128

    private var code = 0
    private var lines: [String] = []

    mutating func decode(buffer: inout ByteBuffer) throws -> SMTPServerReply? {
        while true {
            let lineLength = buffer.withUnsafeReadableBytes { bytes in
                bytes.prefix(Self.maximumLineLength).firstIndex(of: 0x0A)
            }
            guard let lineLength else {
                guard buffer.readableBytes < Self.maximumLineLength else { throw SMTPReplyDecodingError(.lineTooLong) }
                return nil
            }
            // The line is there: it was just found.
            guard let line = buffer.readSlice(length: lineLength), buffer.readInteger(as: UInt8.self) != nil else {
                return nil
            }
            if let reply = try add(line) { return reply }
        }
    }

    mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> SMTPServerReply? {
        try decode(buffer: &buffer)
    }

    private mutating func add(_ line: ByteBuffer) throws(SMTPReplyDecodingError) -> SMTPServerReply? {
        let parsed = line.withUnsafeReadableBytes { bytes -> (code: Int, isLast: Bool, text: String)? in
            var bytes = bytes[...]
            if bytes.last == 0x0D { bytes.removeLast() }
            guard bytes.count >= 3 else { return nil }
            let digits = bytes.prefix(3)
            guard let first = digits.first, (0x32...0x35).contains(first),
                digits.allSatisfy({ (0x30...0x39).contains($0) })
            else {
                return nil
            }
            let code = digits.reduce(0) { $0 * 10 + Int($1) - 0x30 }
            bytes = bytes.dropFirst(3)
            switch bytes.popFirst() {
            case nil, UInt8(ascii: " "): return (code, true, String(decoding: bytes, as: UTF8.self))
            case UInt8(ascii: "-"): return (code, false, String(decoding: bytes, as: UTF8.self))
            default: return nil
            }
        }
        guard let parsed else { throw SMTPReplyDecodingError(.malformedLine) }
        guard lines.isEmpty || parsed.code == code else { throw SMTPReplyDecodingError(.codesDiffer) }
        guard lines.count < Self.maximumLines else { throw SMTPReplyDecodingError(.tooManyLines) }
        code = parsed.code
        lines.append(parsed.text)
        guard parsed.isLast else { return nil }
        defer { lines = [] }
        return SMTPServerReply(code: code, lines: lines)
    }
}
