import Wire

/// A date pattern: the subset of Unicode's date field symbols (UTS #35 part 4) that mails need, with English names.
///
/// `y` `yy` `yyyy` year · `M` `MM` `MMM` `MMMM` month · `d` `dd` day · `E` to `EEE` and `EEEE` day of the week ·
/// `H` `HH` hour 0–23 · `h` `hh` hour 1–12 · `a` AM or PM · `m` `mm` minute · `s` `ss` second. Text in single quotes and
/// everything that is no ASCII letter stands for itself; `''` is a single quote.
struct TemplateDatePattern: Sendable {
    private enum Part: Sendable {
        case literal(String)
        case field(Character, width: Int)
    }

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    private var parts: [Part] = []

    init(_ pattern: String) throws(TemplateFilter.Mistake) {
        var rest = Substring(pattern)
        while let character = rest.first {
            if character == "'" {
                parts.append(.literal(try Self.takeQuoted(&rest)))
            } else if character.isASCII, character.isLetter {
                let field = rest.prefix { $0 == character }
                rest.removeFirst(field.count)
                guard Self.maximumWidth(of: character).contains(field.count) else {
                    throw Mistake(message: "“\(field)” is no date field.", concernsArgument: true)
                }
                parts.append(.field(character, width: field.count))
            } else {
                let literal = rest.prefix { $0 != "'" && !($0.isASCII && $0.isLetter) }
                rest.removeFirst(literal.count)
                parts.append(.literal(String(literal)))
            }
        }
    }

    private typealias Mistake = TemplateFilter.Mistake

    private static func maximumWidth(of field: Character) -> ClosedRange<Int> {
        switch field {
        case "y", "M", "E": 1...4
        case "d", "H", "h", "m", "s": 1...2
        case "a": 1...1
        // No width at all for letters that are no fields: a run of one letter has at least one.
        default: 0...0
        }
    }

    /// Takes a quoted literal from the front; `''` inside and instead of one is a single quote.
    private static func takeQuoted(_ rest: inout Substring) throws(Mistake) -> String {
        rest.removeFirst()
        if rest.first == "'" {
            rest.removeFirst()
            return "'"
        }
        var literal = ""
        while let character = rest.popFirst() {
            guard character == "'" else {
                literal.append(character)
                continue
            }
            guard rest.first == "'" else { return literal }
            rest.removeFirst()
            literal.append("'")
        }
        throw Mistake(message: "The date pattern has an unclosed quote.", concernsArgument: true)
    }

    /// The date in English and UTC; nil when `text` is neither an RFC 3339 timestamp nor `YYYY-MM-DD`.
    func format(_ text: String) -> String? {
        guard let time = CivilDate(parsing: text)?.startOfDay ?? (try? Timestamp(parsing: text)) else { return nil }
        let date = time.date
        let second = time.secondOfDay
        return parts.map { part in
            switch part {
            case .literal(let text): text
            case .field(let field, let width): Self.text(of: field, width, date, second)
            }
        }.joined()
    }

    private static func text(of field: Character, _ width: Int, _ date: CivilDate, _ second: Int) -> String {
        switch field {
        case "y": padded(width == 2 ? date.year % 100 : date.year, width)
        case "M" where width == 3: String(months[date.month - 1].prefix(3))
        case "M" where width == 4: months[date.month - 1]
        case "M": padded(date.month, width)
        case "d": padded(date.day, width)
        case "E": width == 4 ? weekdays[date.weekday] : String(weekdays[date.weekday].prefix(3))
        case "H": padded(second / 3600, width)
        case "h": padded((second / 3600 + 11) % 12 + 1, width)
        case "a": second < 43_200 ? "AM" : "PM"
        case "m": padded(second / 60 % 60, width)
        default: padded(second % 60, width)
        }
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(width - digits.utf8.count, 0)) + digits
    }
}
