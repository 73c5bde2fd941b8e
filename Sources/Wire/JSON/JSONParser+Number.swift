extension JSONParser {
    /// Reads the number at `offset`. The grammar is checked by hand; its value is computed on the way where that is
    /// exact, and by the standard library's correctly rounding conversion otherwise.
    mutating func parseNumber() throws(JSONError) -> JSONValue {
        let start = offset
        let isNegative = base[offset] == UInt8(ascii: "-")
        if isNegative { offset += 1 }
        var significand: UInt64 = 0
        var overflows = false
        let integerStart = offset
        try parseDigits(into: &significand, &overflows)
        if offset - integerStart > 1, base[integerStart] == UInt8(ascii: "0") {
            throw JSONError(.malformed, at: integerStart + 1)
        }
        var fractionDigits = 0
        var exponent = 0
        var isInteger = true
        if offset < count, base[offset] == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            let fractionStart = offset
            try parseDigits(into: &significand, &overflows)
            fractionDigits = offset - fractionStart
        }
        if offset < count, base[offset] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            offset += 1
            exponent = try parseExponent()
        }
        if isInteger, !overflows {
            if !isNegative, let value = Int64(exactly: significand) { return .integer(value) }
            if isNegative, significand <= UInt64(Int64.max) + 1 {
                return .integer(Int64(truncatingIfNeeded: 0 &- significand))
            }
        }
        let scale = exponent - fractionDigits
        if !overflows, significand <= 1 << 53, abs(scale) <= 22 {
            // Both factors are exact doubles, so one operation rounds correctly (Clinger 1990).
            let power = Self.powersOfTen[abs(scale)]
            let magnitude = scale < 0 ? Double(significand) / power : Double(significand) * power
            return .double(isNegative ? -magnitude : magnitude)
        }
        let text = String(decoding: UnsafeBufferPointer(start: base + start, count: offset - start), as: UTF8.self)
        guard let value = Double(text), value.isFinite else { throw JSONError(.numberOutOfRange, at: start) }
        return .double(value)
    }

    /// Reads one or more digits onto `significand`; `overflows` is set when they do not fit into 64 bits.
    @inline(__always)
    private mutating func parseDigits(
        into significand: inout UInt64, _ overflows: inout Bool
    ) throws(JSONError) {
        let start = offset
        while offset < count {
            let digit = base[offset] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            let (product, productOverflows) = significand.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflows) = product.addingReportingOverflow(UInt64(digit))
            overflows = overflows || productOverflows || sumOverflows
            significand = sum
            offset += 1
        }
        guard offset > start else { throw JSONError(.malformed, at: offset) }
    }

    /// Reads sign and digits of an exponent. Magnitudes beyond 10^12 are cut to that: no document has as many fraction
    /// digits, so the value stays out of range or zero.
    private mutating func parseExponent() throws(JSONError) -> Int {
        var isNegative = false
        if offset < count, base[offset] == UInt8(ascii: "-") || base[offset] == UInt8(ascii: "+") {
            isNegative = base[offset] == UInt8(ascii: "-")
            offset += 1
        }
        let start = offset
        var exponent = 0
        while offset < count {
            let digit = base[offset] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            exponent = min(exponent * 10 + Int(digit), 1_000_000_000_000)
            offset += 1
        }
        guard offset > start else { throw JSONError(.malformed, at: offset) }
        return isNegative ? -exponent : exponent
    }

    /// The powers of ten that are exact doubles.
    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
}
