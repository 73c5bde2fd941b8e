import Wire

/// A dotted name such as `order.total`, or the `.` that means the current item of a section.
struct TemplateName: Sendable {
    /// One part of a dotted name, prepared for look-ups without regard to case.
    struct Segment: Sendable {
        let text: String
        let isASCII: Bool
        /// The lower-case form; used when `isASCII` is false.
        let lowercased: String
        /// What comparing or hashing the name costs.
        private var units: Int { 1 + text.utf8.count / 16 }

        init(_ text: String) {
            self.text = text
            isASCII = text.utf8.allSatisfy { $0 < 0x80 }
            lowercased = text.lowercased()
        }

        /// The member of that name that is not null: the exact name first, then the first that differs only in case.
        func value(in object: JSONObject, _ work: inout TemplateWork) throws(TemplateRenderError) -> JSONValue? {
            try work.count(units: units)
            if let value = object[text], !value.isNull { return value }
            guard isASCII else { return try foldedValue(in: object, &work) }
            try work.count(units: object.count * units)
            for member in object.members where matches(member.key) && !member.value.isNull {
                return member.value
            }
            return nil
        }

        /// The first member that differs only in case, beyond ASCII. Folding costs as much as the keys are long.
        private func foldedValue(
            in object: JSONObject, _ work: inout TemplateWork
        ) throws(TemplateRenderError) -> JSONValue? {
            for member in object.members {
                try work.count(units: units + member.key.utf8.count)
                if member.key.lowercased() == lowercased, !member.value.isNull { return member.value }
            }
            return nil
        }

        private func matches(_ key: String) -> Bool {
            // No other character lowers to ASCII except the Kelvin sign, which nobody means.
            guard key.utf8.count == text.utf8.count else { return false }
            return zip(key.utf8, text.utf8).allSatisfy { left, right in
                left == right || (left ^ right == 0x20 && UInt8(ascii: "a")...UInt8(ascii: "z") ~= left | 0x20)
            }
        }
    }

    /// The name as it is written.
    let text: String
    /// Empty for `.`.
    let segments: [Segment]

    /// The current item of the innermost section.
    static let currentItem = TemplateName(text: ".", segments: [])

    /// A name whose segments are separated by dots.
    init(_ text: String) {
        self.init(text: text, segments: text.split(separator: ".").map { Segment(String($0)) })
    }

    private init(text: String, segments: [Segment]) {
        self.text = text
        self.segments = segments
    }

    /// Follows the segments after the first from `value` downwards.
    func descend(from value: JSONValue, _ work: inout TemplateWork) throws(TemplateRenderError) -> JSONValue? {
        var value = value
        for segment in segments.dropFirst() {
            guard case .object(let object) = value, let next = try segment.value(in: object, &work) else { return nil }
            value = next
        }
        return value
    }
}
