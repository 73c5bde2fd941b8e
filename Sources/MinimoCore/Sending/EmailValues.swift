package import Mail
package import Wire

/// The values that a template's variables are filled with.
package enum EmailValues {
    /// The call's values with the contact's behind them: a name that the call gives a value, in whatever case, hides
    /// the contact's (contract A 10.4).
    package static func merged(call: JSONObject, contact: Contact?, recipient: EmailAddress?) -> JSONObject {
        var merged = call
        let given = Set(call.filter { $0.value != .null }.map { $0.key.lowercased() })
        for (name, value) in members(contact, recipient: recipient) where !given.contains(name.lowercased()) {
            merged[name] = value
        }
        return merged
    }

    /// What a contact answers to: its members under their names in the API, its custom fields under their keys.
    private static func members(_ contact: Contact?, recipient: EmailAddress?) -> JSONObject {
        var members = contact?.customFields ?? JSONObject()
        let own: [(String, String?)] = [
            ("email", contact?.email ?? recipient?.description), ("phone", contact?.phone),
            ("firstName", contact?.firstName), ("lastName", contact?.lastName), ("externalId", contact?.externalID),
            ("language", contact?.language),
        ]
        for case (let name, let value?) in own { members[name] = .string(value) }
        return members
    }
}
