import NIOCore

/// The buffer that a message is written into, and the column of the header line being written.
struct MessageWriter {
    /// What a line must not exceed without its CRLF, RFC 5322 §2.1.1.
    static let hardLimit = 998
    /// What it should not exceed: 78, and 76 when it holds an encoded-word (RFC 2047 §2).
    static let softLimit = 76

    var buffer: ByteBuffer
    /// Octets on the current header line.
    var column = 0
    private var boundaryState: UInt64

    init(capacity: Int, boundarySeed: UInt64) {
        buffer = ByteBuffer()
        buffer.reserveCapacity(capacity)
        boundaryState = boundarySeed
    }

    mutating func write(_ text: StaticString) {
        column += buffer.writeStaticString(text)
    }

    mutating func write(_ text: String) {
        column += buffer.writeString(text)
    }

    mutating func write(_ bytes: some Sequence<UInt8>) {
        column += buffer.writeBytes(bytes)
    }

    mutating func endLine() {
        buffer.writeStaticString("\r\n")
        column = 0
    }

    /// Begins a continuation line. The caller writes the white space that it starts with.
    mutating func fold() {
        endLine()
    }

    /// A space, on a new line when `length` more octets would not fit on this one.
    mutating func writeFoldableSpace(before length: Int) {
        if column + 1 + length > Self.softLimit { fold() }
        write(" ")
    }

    /// The next boundary. `=_` can occur neither in quoted-printable, where `=` is followed by a hexadecimal digit or a line end, nor in
    /// base64, so no body can hold it.
    mutating func nextBoundary() -> String {
        var boundary = "=_"
        for _ in 0..<2 {
            // SplitMix64
            boundaryState &+= 0x9E37_79B9_7F4A_7C15
            var z = boundaryState
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            z ^= z >> 31
            let digits = String(z, radix: 16)
            boundary += String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }
        return boundary
    }
}
