import Mail
import MinimoCore
import Wire

/// Reads a contact from a request body (contract 10.1).
enum ContactInput {
    /// - Parameter creates: whether an identifier must be among the members, as for an upsert.
    /// - Throws: ``APIError`` naming every member that is wrong.
    static func changes(_ body: JSONValue, creates: Bool) throws(APIError) -> ContactChanges {
        var reader = try FieldReader(body)
        var changes = ContactChanges()
        changes.email = email(&reader)
        changes.phone = phone(&reader)
        changes.externalID = nonEmpty(&reader, "externalId")
        changes.firstName = reader.text("firstName")
        changes.lastName = reader.text("lastName")
        changes.language = language(&reader)
        changes.tags = tags(&reader)
        changes.customFields = customFields(&reader)
        consent(&reader, &changes)
        if creates, reader.problems.isEmpty, changes.email.value == nil, changes.phone.value == nil,
            changes.externalID.value == nil
        {
            reader.fail("email", "One of email, phone and externalId is required")
        }
        try reader.finish()
        return changes
    }

    private static func email(_ reader: inout FieldReader) -> Change<EmailAddress> {
        switch reader.text("email", limit: 1024) {
        case .keep: return .keep
        case .clear: return .clear
        case .set(let text):
            if let address = try? EmailAddress(parsing: text) { return .set(address) }
            reader.fail("email", "Invalid email address format", value: .string(text))
            return .keep
        }
    }

    private static func phone(_ reader: inout FieldReader) -> Change<PhoneNumber> {
        switch reader.text("phone") {
        case .keep: return .keep
        case .clear: return .clear
        case .set(let text):
            if let number = PhoneNumber(text) { return .set(number) }
            reader.fail(
                "phone", "The phone number must be in E.164 format, such as +393391234567", code: .invalidPhoneNumber,
                value: .string(text))
            return .keep
        }
    }

    private static func nonEmpty(_ reader: inout FieldReader, _ name: String) -> Change<String> {
        let change = reader.text(name)
        if change.value?.isEmpty == true {
            reader.fail(name, "\(name) must not be empty", value: .string(""))
            return .keep
        }
        return change
    }

    /// BCP 47 in its usual shape: subtags of 1 to 8 letters and digits, the first of 2 to 8 letters.
    private static func language(_ reader: inout FieldReader) -> Change<String> {
        let change = reader.text("language", limit: 35)
        guard let text = change.value else { return change }
        let subtags = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let isTag =
            (2...8).contains(subtags[0].count)
            && subtags[0].allSatisfy { (0x61...0x7A).contains($0 | 0x20) }
            && subtags.allSatisfy { subtag in
                (1...8).contains(subtag.count)
                    && subtag.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) }
            }
        guard isTag else {
            reader.fail("language", "The language must be a BCP 47 tag, such as en or pt-BR", value: .string(text))
            return .keep
        }
        return change
    }

    private static func tags(_ reader: inout FieldReader) -> ContactChanges.Tags {
        let edits = reader.has("addTags") || reader.has("removeTags")
        if reader.has("tags"), edits {
            reader.fail("tags", "tags cannot be combined with addTags or removeTags")
        }
        if let tags = reader.texts("tags") {
            _ = reader.texts("addTags")
            _ = reader.texts("removeTags")
            return .replace(tags)
        }
        let add = reader.texts("addTags") ?? []
        let remove = reader.texts("removeTags") ?? []
        return edits ? .edit(add: add, remove: remove) : .keep
    }

    private static func customFields(_ reader: inout FieldReader) -> JSONObject {
        guard let fields = reader.object("customFields") else { return JSONObject() }
        for (key, value) in fields where key.isEmpty || key.utf8.count > 128 || key.utf8.contains(0) {
            reader.fail(
                "customFields.\(key.prefix(64))", "A custom field's key has 1 to 128 bytes and no NUL", value: value)
        }
        return fields
    }

    private static func consent(_ reader: inout FieldReader, _ changes: inout ContactChanges) {
        guard let object = reader.object("marketingConsent") else { return }
        for (channel, value) in object {
            switch (channel, value) {
            case ("email", .bool(let granted)): changes.emailConsent = granted
            case ("whatsapp", .bool(let granted)): changes.whatsAppConsent = granted
            case ("email", .null), ("whatsapp", .null): break
            case ("email", _), ("whatsapp", _):
                reader.fail("marketingConsent.\(channel)", "true or false is expected", value: value)
            default:
                reader.fail("marketingConsent.\(channel.prefix(64))", "Unknown channel", value: value)
            }
        }
    }
}
