import Wire

/// Writes numbers the English way: `1,234.50`. Halves are rounded away from zero, counted on the decimal form of the
/// number that people see (2.675 with two decimals is 2.68, although the nearest double lies below).
struct TemplateNumberFormat: Sendable {
    /// Digits after the point, 0…10.
    let decimals: Int

    init?(_ argument: String) {
        guard let decimals = Int(argument), 0...10 ~= decimals else { return nil }
        self.decimals = decimals
    }

    /// nil when the value is neither a number nor the text of one.
    func format(_ value: JSONValue) -> String? {
        switch value {
        case .integer: format(number: value)
        case .double(let double): double.isFinite ? format(number: value) : nil
        case .string(let text):
            // The grammar of JSON numbers, so no white space, no grouping, no hexadecimal.
            text.utf8.first.flatMap { $0 == UInt8(ascii: "-") || $0 < 0x3A ? try? JSONReader.parse(text) : nil }
                .flatMap { $0.doubleValue == nil ? nil : format(number: $0) }
        default: nil
        }
    }

    private func format(number: JSONValue) -> String {
        // The shortest form: -12.5, 1e+21, 5e-324.
        var text = Substring(number.serialized())
        let isNegative = text.first == "-"
        if isNegative { text.removeFirst() }
        let parts = text.split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        var digits = mantissa.joined().utf8.map { $0 - UInt8(ascii: "0") }
        var point = mantissa[0].utf8.count + exponent
        round(&digits, &point)
        return written(digits, point, isNegative: isNegative && digits.contains { $0 != 0 })
    }

    /// Cuts or extends the digits to exactly `decimals` after the point, with at least one before it.
    private func round(_ digits: inout [UInt8], _ point: inout Int) {
        if point < 1 {
            digits.insert(contentsOf: repeatElement(0, count: 1 - point), at: 0)
            point = 1
        }
        let length = point + decimals
        guard digits.count > length else {
            digits.append(contentsOf: repeatElement(0, count: length - digits.count))
            return
        }
        let roundsUp = digits[length] >= 5
        digits.removeSubrange(length...)
        guard roundsUp else { return }
        for position in digits.indices.reversed() {
            if digits[position] < 9 {
                digits[position] += 1
                return
            }
            digits[position] = 0
        }
        digits.insert(1, at: 0)
        point += 1
    }

    private func written(_ digits: [UInt8], _ point: Int, isNegative: Bool) -> String {
        var text: [UInt8] = isNegative ? [UInt8(ascii: "-")] : []
        for (position, digit) in digits.enumerated() {
            if position == point {
                text.append(UInt8(ascii: "."))
            } else if position > 0, position < point, (point - position).isMultiple(of: 3) {
                text.append(UInt8(ascii: ","))
            }
            text.append(UInt8(ascii: "0") + digit)
        }
        return String(decoding: text, as: UTF8.self)
    }
}
