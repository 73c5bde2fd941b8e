import CPostgres

/// The arguments of one statement in the form that libpq takes: texts ending in a zero, and bytes for BYTEA.
///
/// Reused from statement to statement, so that it allocates only while it grows; what one large statement needed is
/// given back.
struct PostgresParameters {
    private var bytes: [UInt8] = []
    private var offsets: [Int] = []
    private var lengths: [CInt] = []
    private var formats: [CInt] = []
    private var pointers: [UnsafePointer<CChar>?] = []

    private static let keptCapacity = 1 << 20

    /// Takes the arguments of the next statement.
    ///
    /// - Throws: `DatabaseError.zeroInText`.
    mutating func set(_ arguments: [SQLValue]) throws {
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacity)
        offsets.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        formats.removeAll(keepingCapacity: true)
        for argument in arguments {
            if argument == .null {
                offsets.append(-1)
                lengths.append(0)
                formats.append(0)
                continue
            }
            offsets.append(bytes.count)
            formats.append(append(argument) ? 1 : 0)
            let start = offsets[offsets.count - 1]
            lengths.append(CInt(clamping: bytes.count - start))
            if formats[formats.count - 1] == 0 {
                if bytes[start...].contains(0) { throw DatabaseError.zeroInText }
                bytes.append(0)
            }
        }
    }

    /// Hands the arguments over: values, lengths, formats.
    mutating func withPointers<T>(
        _ body: (CInt, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<CInt>?, UnsafePointer<CInt>?) -> T
    ) -> T {
        // One more byte, so that there is an address even if all arguments are empty blobs.
        bytes.append(0)
        let count = CInt(offsets.count)
        pointers.removeAll(keepingCapacity: true)
        return bytes.withUnsafeBytes { buffer in
            for offset in offsets {
                pointers.append(
                    offset < 0 ? nil : buffer.baseAddress?.advanced(by: offset).assumingMemoryBound(to: CChar.self))
            }
            return pointers.withUnsafeBufferPointer { values in
                body(count, values.baseAddress, lengths, formats)
            }
        }
    }

    /// - Returns: whether the value is in the binary format.
    private mutating func append(_ value: SQLValue) -> Bool {
        switch value {
        case .null: break
        case .integer(let value): append(value)
        case .real(let value): bytes.append(contentsOf: Self.text(value).utf8)
        case .text(let value): bytes.append(contentsOf: value.utf8)
        case .boolean(let value): bytes.append(UInt8(ascii: value ? "t" : "f"))
        case .blob(let value):
            bytes.append(contentsOf: value)
            return true
        case .integers(let values):
            list(values) { $0.append($1) }
        case .texts(let values):
            list(values) { $0.appendQuoted($1) }
        }
        return false
    }

    private mutating func list<Element>(_ values: [Element], _ add: (inout Self, Element) -> Void) {
        bytes.append(UInt8(ascii: "{"))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            add(&self, value)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// An element of an array literal (PostgreSQL 15, section 8.15.2).
    private mutating func appendQuoted(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ value: Int64) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    private static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return value.description
    }
}
