import Wire

/// What changes a value before it is inserted. Filters apply from left to right.
///
/// - `default: "text"`: the text when there is no value, `null` or an empty string.
/// - `upper`, `lower`: the value's text in upper or lower case.
/// - `date: "d MMMM yyyy"`: see `TemplateDatePattern`. The value is an RFC 3339 timestamp or `YYYY-MM-DD`; the result
///   is in UTC.
/// - `number: 2`: see `TemplateNumberFormat`. The value is a number or the text of one.
///
/// A value that `date` or `number` cannot read is left as it is: a stray value must not keep a mail from its reader.
enum TemplateFilter: Sendable {
    case defaultText(String)
    case upper
    case lower
    case date(TemplateDatePattern)
    case number(TemplateNumberFormat)

    /// What is wrong with a filter; the parser knows where.
    struct Mistake: Error {
        let message: String
        let concernsArgument: Bool
    }

    init(name: String, argument: String?) throws(Mistake) {
        switch (name, argument) {
        case ("default", let text?): self = .defaultText(text)
        case ("upper", nil): self = .upper
        case ("lower", nil): self = .lower
        case ("date", let pattern?): self = .date(try TemplateDatePattern(pattern))
        case ("number", let digits?):
            guard let format = TemplateNumberFormat(digits) else {
                throw Mistake(message: "The number of decimals must be 0 to 10.", concernsArgument: true)
            }
            self = .number(format)
        case ("default", nil), ("date", nil), ("number", nil):
            throw Mistake(message: "The filter “\(name)” needs an argument.", concernsArgument: false)
        case ("upper", _), ("lower", _):
            throw Mistake(message: "The filter “\(name)” takes no argument.", concernsArgument: true)
        default: throw Mistake(message: "There is no filter “\(name)”.", concernsArgument: false)
        }
    }

    /// Whether the filter makes a value where there was none.
    var suppliesValue: Bool {
        if case .defaultText = self { true } else { false }
    }

    func apply(to value: JSONValue?) -> JSONValue? {
        switch (self, value) {
        case (.defaultText(let text), nil), (.defaultText(let text), .string("")): .string(text)
        case (_, nil): nil
        case (.defaultText, let value?): value
        case (.upper, let value?): .string(value.templateText.uppercased())
        case (.lower, let value?): .string(value.templateText.lowercased())
        case (.date(let pattern), let value?):
            value.stringValue.flatMap(pattern.format).map { .string($0) } ?? value
        case (.number(let format), let value?): format.format(value).map { .string($0) } ?? value
        }
    }
}

extension JSONValue {
    /// The value as a template inserts it; see `TemplateProgram`.
    var templateText: String {
        switch self {
        case .string(let text): text
        case .integer(let value): String(value)
        case .double(let value):
            // 250.0 reads as 250 in a mail. Beyond 2^53 the shortest form has an exponent anyway.
            Int64(exactly: value).map { $0.magnitude < 1 << 53 ? String($0) : value.description } ?? value.description
        case .bool(let value): value ? "true" : "false"
        case .null: ""
        case .array(let elements):
            elements.contains { $0.arrayValue != nil || $0.objectValue != nil }
                ? serialized() : elements.map(\.templateText).joined(separator: ", ")
        case .object: serialized()
        }
    }

    /// Whether a section renders for this value.
    var isTemplateTrue: Bool {
        switch self {
        case .null, .bool(false), .string(""): false
        case .array(let elements): !elements.isEmpty
        default: true
        }
    }
}
