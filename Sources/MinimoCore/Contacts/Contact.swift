package import Wire

/// A person of one workspace (contract 10.1).
package struct Contact: Sendable, Hashable {
    /// Whether the person can be written to.
    package enum Status: String, Sendable, CaseIterable {
        case active, unsubscribed, bounced, complained
    }

    /// Where a contact, or a change of its consent, came from.
    package enum Source: String, Sendable, CaseIterable {
        case api, `import`, dashboard, form, inbound
    }

    package let id: Int64
    package var email: String?
    package var phone: String?
    package var externalID: String?
    package var firstName: String?
    package var lastName: String?
    /// BCP 47.
    package var language: String?
    package var status: Status
    package var source: Source
    /// A JSON array of strings, as it is stored.
    package var tagsJSON: String
    /// A JSON object, as it is stored.
    package var customFieldsJSON: String
    package var emailConsent: Bool?
    package var whatsAppConsent: Bool?
    package let createdAt: Timestamp
    package var updatedAt: Timestamp
    package var deletedAt: Timestamp?

    /// The tags, in the order in which they were given.
    package var tags: [String] {
        guard case .array(let values)? = try? JSONReader.parse(tagsJSON) else { return [] }
        return values.compactMap { if case .string(let tag) = $0 { tag } else { nil } }
    }

    /// The custom fields.
    package var customFields: JSONObject {
        guard case .object(let object)? = try? JSONReader.parse(customFieldsJSON) else { return JSONObject() }
        return object
    }
}
