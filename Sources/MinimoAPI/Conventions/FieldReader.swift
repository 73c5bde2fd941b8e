package import MinimoCore
package import Wire

/// Reads the members of a request body and collects every failure, so that one answer names them all (contract 4.2).
///
/// Each member is asked for by name; ``finish()`` refuses the members that nobody asked for (contract 2.3).
package struct FieldReader: Sendable {
    /// One failure.
    package struct Problem: Sendable {
        let field: String
        let code: APIError.Code
        let message: String
        let value: JSONValue?
    }

    package private(set) var problems: [Problem] = []
    private let object: JSONObject
    private let prefix: String
    private var known: Set<String> = []

    /// - Parameter path: the dotted path of the object, empty for the body itself.
    /// - Throws: ``APIError`` `validation_error` when the value is not an object.
    package init(_ value: JSONValue, at path: String = "") throws(APIError) {
        guard case .object(let object) = value else {
            throw Self.error([
                Problem(field: path, code: .validationError, message: "A JSON object is expected", value: value)
            ])
        }
        self.object = object
        self.prefix = path.isEmpty ? "" : path + "."
    }

    /// The raw member; asking for it makes it known.
    package mutating func value(_ name: String) -> JSONValue? {
        known.insert(name)
        return object[name]
    }

    /// Whether the member is there, `null` included. Does not make it known.
    package func has(_ name: String) -> Bool { object.contains(name) }

    /// Notes a failure of a member.
    package mutating func fail(
        _ name: String, _ message: String, code: APIError.Code = .validationError, value: JSONValue? = nil
    ) {
        problems.append(
            Problem(
                field: name.isEmpty ? String(prefix.dropLast()) : prefix + name, code: code, message: message,
                value: value))
    }

    /// Notes the failures of a nested reader.
    package mutating func adopt(_ problems: [Problem]) {
        self.problems += problems
    }

    /// A member that is text, `null`, or left out.
    ///
    /// - Parameters:
    ///   - limit: the greatest number of characters (Unicode scalars).
    /// - multiline: whether control characters such as line breaks are allowed. NUL never is: no database text holds
    ///     it.
    package mutating func text(_ name: String, limit: Int = 255, multiline: Bool = false) -> Change<String> {
        switch value(name) {
        case nil: return .keep
        case .null?: return .clear
        case .string(let text)?:
            guard let problem = Self.problem(text, limit: limit, multiline: multiline) else { return .set(text) }
            fail(name, problem, value: .string(text))
        case let other?: fail(name, "A string is expected", value: other)
        }
        return .keep
    }

    /// A member that must be non-empty text.
    package mutating func requiredText(_ name: String, limit: Int = 255, multiline: Bool = false) -> String? {
        guard let given = value(name), given != .null else {
            fail(name, "\(name) is required")
            return nil
        }
        guard case .set(let text) = self.text(name, limit: limit, multiline: multiline) else { return nil }
        if text.isEmpty { fail(name, "\(name) must not be empty", value: .string("")) }
        return text
    }

    /// A member that is one of an enumeration's values, or left out.
    package mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Value.Type
    ) -> Value? where Value.RawValue == String {
        guard let given = value(name) else { return nil }
        if case .string(let text) = given, let value = Value(rawValue: text) { return value }
        let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
        fail(name, "\(name) must be one of \(names)", value: given)
        return nil
    }

    /// A member that is an object, or left out. `null` counts as left out.
    package mutating func object(_ name: String) -> JSONObject? {
        switch value(name) {
        case nil, .null?: return nil
        case .object(let object)?: return object
        case let other?:
            fail(name, "An object is expected", value: other)
            return nil
        }
    }

    /// A member that is a list of short texts, or left out.
    package mutating func texts(_ name: String, limit: Int = 128, count: Int = 250) -> [String]? {
        guard let given = value(name) else { return nil }
        guard case .array(let values) = given else {
            fail(name, "An array of strings is expected", value: given)
            return nil
        }
        guard values.count <= count else {
            fail(name, "At most \(count) entries are allowed")
            return nil
        }
        var texts: [String] = []
        for (index, value) in values.enumerated() {
            guard case .string(let text) = value else {
                fail("\(name)[\(index)]", "A string is expected", value: value)
                continue
            }
            if let problem = text.isEmpty ? "Must not be empty" : Self.problem(text, limit: limit, multiline: false) {
                fail("\(name)[\(index)]", problem, value: value)
            }
            texts.append(text)
        }
        return texts
    }

    /// Ends the reading: unknown members become failures, and any failure is thrown.
    package mutating func finish() throws(APIError) {
        noteUnknownMembers()
        guard problems.isEmpty else { throw Self.error(problems) }
    }

    /// Notes the members that nobody asked for, for readers whose failures another one adopts.
    package mutating func noteUnknownMembers() {
        for (name, value) in object where !known.contains(name) {
            fail(name, "Unknown member \"\(name.prefix(64))\"", value: value)
        }
    }

    /// The answer for a list of failures: the first one is described, several are listed.
    package static func error(_ problems: [Problem]) -> APIError {
        let first = problems[0]
        var details: JSONObject = ["field": .string(first.field)]
        if let value = first.value { details["value"] = shortened(value) }
        if problems.count > 1 {
            details["errors"] = .array(
                problems.prefix(100).map { problem in
                    [
                        "field": .string(problem.field), "code": .string(problem.code.rawValue),
                        "message": .string(problem.message), "value": problem.value.map(shortened) ?? .null,
                    ]
                })
        }
        return APIError(first.code, first.message, details: details)
    }

    /// A value for an error message: at most 256 characters (contract 4.2).
    private static func shortened(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(shortened(text))
        case .array, .object: .string(shortened(value.serialized()))
        default: value
        }
    }

    /// Cut by scalars: one character may have a megabyte of marks.
    private static func shortened(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(256)))
    }

    private static func problem(_ text: String, limit: Int, multiline: Bool) -> String? {
        // Bytes first: counting characters of a long text is what the limit is there to avoid.
        if text.utf8.count > limit && text.unicodeScalars.count > limit {
            return "At most \(limit) characters are allowed"
        }
        let control = text.utf8.contains { byte in
            byte == 0 || (!multiline && (byte < 0x20 || byte == 0x7F))
        }
        return control ? "Control characters are not allowed" : nil
    }
}
