package import NIOCore

/// The strict JSON reader: RFC 8259 exactly, and the tightenings of contract §2.2.
///
/// One value with optional white space around it, valid UTF-8 without a byte order mark, no member name twice, nesting
/// and number of values within the limits, no lone surrogate escapes. An integer token within 64 bits is kept exactly (`-0` is the integer 0);
/// every other number becomes the nearest double, and one beyond the range of a double is refused.
package enum JSONReader {
    /// Reads the readable bytes of `buffer`; offsets in errors count from its reader index.
    package static func parse(
        _ buffer: ByteBuffer, limits: JSONLimits = .standard
    ) throws(JSONError) -> JSONValue {
        try buffer.withUnsafeReadableBytes { bytes in
            Result { () throws(JSONError) in try parse(bytes, limits: limits) }
        }.get()
    }

    /// Reads a whole array of bytes.
    package static func parse(
        _ bytes: [UInt8], limits: JSONLimits = .standard
    ) throws(JSONError) -> JSONValue {
        try bytes.withUnsafeBytes { bytes in
            Result { () throws(JSONError) in try parse(bytes, limits: limits) }
        }.get()
    }

    /// Reads a whole string.
    package static func parse(
        _ text: String, limits: JSONLimits = .standard
    ) throws(JSONError) -> JSONValue {
        var text = text
        return try text.withUTF8 { bytes in
            Result { () throws(JSONError) in try parse(UnsafeRawBufferPointer(bytes), limits: limits) }
        }.get()
    }

    /// Reads bytes that stay valid and unchanged during the call.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, limits: JSONLimits = .standard
    ) throws(JSONError) -> JSONValue {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { throw JSONError(.malformed, at: 0) }
        var parser = JSONParser(
            base: base.assumingMemoryBound(to: UInt8.self), count: bytes.count, limits: limits)
        return try parser.parseDocument()
    }
}
