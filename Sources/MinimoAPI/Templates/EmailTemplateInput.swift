import MinimoCore
import Wire

/// Reads an email template from a request body (contract 10.3).
enum EmailTemplateInput {
    /// The greatest size of one part of a template, in characters.
    private static let partLimit = 1 << 20

    /// - Parameter creates: whether `name`, `subject` and a body must be there.
    /// - Throws: ``APIError`` naming every member that is wrong.
    static func changes(_ body: JSONValue, creates: Bool) throws(APIError) -> EmailTemplateChanges {
        var reader = try FieldReader(body)
        var changes = EmailTemplateChanges()
        changes.name = required(&reader, "name", creates: creates, limit: 255)
        changes.subject = required(&reader, "subject", creates: creates, limit: 998)
        changes.preheader = reader.text("preheader", limit: 998)
        changes.html = part(&reader, "html")
        changes.text = part(&reader, "text")
        changes.category = reader.choice("category", MessageCategory.self)
        changes.status = reader.choice("status", EmailTemplate.Status.self)
        if creates, changes.html.value == nil, changes.text.value == nil, reader.problems.isEmpty {
            reader.fail("html", "html or text is required")
        }
        try reader.finish()
        return changes
    }

    private static func required(
        _ reader: inout FieldReader, _ name: String, creates: Bool, limit: Int
    ) -> String? {
        guard creates || reader.has(name) else { return nil }
        return reader.requiredText(name, limit: limit)
    }

    private static func part(_ reader: inout FieldReader, _ name: String) -> Change<String> {
        reader.text(name, limit: partLimit, multiline: true)
    }
}
