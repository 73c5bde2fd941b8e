package import Mail
package import Wire

/// What a write does to one scalar member.
package enum Change<Value: Sendable>: Sendable {
    /// The member was left out: it stays.
    case keep
    /// The member was `null`: it loses its value.
    case clear
    case set(Value)

    /// The value after the change.
    package func applied(to old: Value?) -> Value? {
        switch self {
        case .keep: old
        case .clear: nil
        case .set(let value): value
        }
    }

    /// The new value, when there is one.
    package var value: Value? {
        if case .set(let value) = self { value } else { nil }
    }
}

/// A checked write to a contact: all members optional, omitted ones stay (contract 10.1).
package struct ContactChanges: Sendable {
    /// What happens to the tags.
    package enum Tags: Sendable {
        case keep
        case replace([String])
        case edit(add: [String], remove: [String])
    }

    package var email: Change<EmailAddress> = .keep
    package var phone: Change<PhoneNumber> = .keep
    package var externalID: Change<String> = .keep
    package var firstName: Change<String> = .keep
    package var lastName: Change<String> = .keep
    package var language: Change<String> = .keep
    package var tags: Tags = .keep
    /// Deep-merged into what is stored; a JSON `null` removes its key.
    package var customFields: JSONObject = JSONObject()
    /// A channel that is left out stays as it is.
    package var emailConsent: Bool?
    package var whatsAppConsent: Bool?

    package init() {}
}

/// Where a write comes from: for the contact's `source`, the consent log and events.
package struct WriteOrigin: Sendable {
    package let source: Contact.Source
    package let requestID: String?
    package let at: Timestamp

    package init(source: Contact.Source, requestID: String?, at: Timestamp) {
        self.source = source
        self.requestID = requestID
        self.at = at
    }
}

extension JSONObject {
    /// This object with `changes` merged in: objects merge member by member at any depth, `null` removes a member,
    /// everything else replaces.
    package func merging(_ changes: JSONObject) -> JSONObject {
        // Built anew in one pass: removing members one by one would cost their number squared.
        var merged = JSONObject()
        merged.reserveCapacity(count + changes.count)
        for (key, old) in self {
            switch (old, changes[key]) {
            case (_, nil): _ = merged.append(key, old)
            case (_, .null?): break
            case (.object(let old), .object(let new)?): _ = merged.append(key, .object(old.merging(new)))
            case (_, .object(let new)?): _ = merged.append(key, .object(JSONObject().merging(new)))
            case (_, let new?): _ = merged.append(key, new)
            }
        }
        for (key, new) in changes where new != .null && !contains(key) {
            if case .object(let object) = new {
                _ = merged.append(key, .object(JSONObject().merging(object)))
            } else {
                _ = merged.append(key, new)
            }
        }
        return merged
    }
}
