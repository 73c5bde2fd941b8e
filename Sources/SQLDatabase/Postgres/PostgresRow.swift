import CPostgres

/// One row of a result in the text format.
struct PostgresRow {
    private let result: OpaquePointer
    private let row: CInt

    init(_ result: OpaquePointer, _ row: CInt) {
        self.result = result
        self.row = row
    }

    func isNull(_ column: Int, _ fault: RowFault) -> Bool { bytes(column, fault) == nil }

    func int(_ column: Int, _ fault: RowFault) -> Int64? {
        guard let bytes = bytes(column, fault) else { return nil }
        guard let value = Self.integer(bytes) else {
            fault.report("column \(column) is not an integer")
            return nil
        }
        return value
    }

    func text(_ column: Int, _ fault: RowFault) -> String? {
        bytes(column, fault).map { String(decoding: $0, as: UTF8.self) }
    }

    func bool(_ column: Int, _ fault: RowFault) -> Bool? {
        guard let bytes = bytes(column, fault) else { return nil }
        switch (bytes.count, bytes.first) {
        case (1, UInt8(ascii: "t")): return true
        case (1, UInt8(ascii: "f")): return false
        default:
            fault.report("column \(column) is not a flag")
            return nil
        }
    }

    func double(_ column: Int, _ fault: RowFault) -> Double? {
        guard let bytes = bytes(column, fault) else { return nil }
        guard let value = Double(String(decoding: bytes, as: UTF8.self)) else {
            fault.report("column \(column) is not a number")
            return nil
        }
        return value
    }

    func blob(_ column: Int, _ fault: RowFault) -> [UInt8]? {
        guard let bytes = bytes(column, fault) else { return nil }
        guard let value = Self.hexadecimal(bytes) else {
            fault.report("column \(column) is not bytes")
            return nil
        }
        return value
    }

    private func bytes(_ column: Int, _ fault: RowFault) -> UnsafeBufferPointer<UInt8>? {
        guard column >= 0, column < Int(PQnfields(result)) else {
            fault.report("no column \(column)")
            return nil
        }
        guard PQgetisnull(result, row, CInt(column)) == 0, let start = PQgetvalue(result, row, CInt(column)) else {
            return nil
        }
        let count = Int(PQgetlength(result, row, CInt(column)))
        return UnsafeBufferPointer(
            start: UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self), count: count)
    }

    /// A decimal integer of 64 bits.
    private static func integer(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        let isNegative = bytes.first == UInt8(ascii: "-")
        let digits = bytes[(isNegative ? 1 : 0)...]
        guard !digits.isEmpty else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            // Built up below zero, because the smallest integer has no positive counterpart.
            let (difference, underflow) = product.subtractingReportingOverflow(Int64(digit - 0x30))
            if overflow || underflow { return nil }
            value = difference
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    /// BYTEA in its hex format, `\x0a1b`.
    private static func hexadecimal(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard bytes.count >= 2, bytes.count % 2 == 0, bytes[0] == UInt8(ascii: "\\"), bytes[1] == UInt8(ascii: "x")
        else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count / 2 - 1)
        for index in stride(from: 2, to: bytes.count, by: 2) {
            guard let high = digit(bytes[index]), let low = digit(bytes[index + 1]) else { return nil }
            result.append(high << 4 | low)
        }
        return result
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
