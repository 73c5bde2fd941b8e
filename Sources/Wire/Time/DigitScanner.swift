/// Reads fixed-width numbers and single characters from the front of a string.
struct DigitScanner {
    private let text: String.UTF8View
    private var position: String.Index

    init(_ text: String) {
        self.text = text.utf8
        position = text.startIndex
    }

    var isAtEnd: Bool { position == text.endIndex }

    /// Exactly `digits` ASCII digits.
    mutating func number(digits: Int) -> Int? {
        var value = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// One ASCII digit.
    mutating func digit() -> Int? {
        guard position < text.endIndex else { return nil }
        let digit = text[position] &- UInt8(ascii: "0")
        guard digit < 10 else { return nil }
        text.formIndex(after: &position)
        return Int(digit)
    }

    /// Moves over `character`; answers false and stays when something else comes.
    mutating func skip(_ character: UInt8) -> Bool {
        guard position < text.endIndex, text[position] == character else { return false }
        text.formIndex(after: &position)
        return true
    }
}
