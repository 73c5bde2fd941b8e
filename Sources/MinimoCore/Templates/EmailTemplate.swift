package import Wire

/// An email template (contract 10.3).
package struct EmailTemplate: Sendable {
    package enum Status: String, Sendable, CaseIterable {
        case draft
        /// The only status that can be sent.
        case active
        case archived
    }

    package let id: Int64
    package var name: String
    package var category: MessageCategory
    package var status: Status
    /// Counts the changes of the content, from 1.
    package var version: Int64
    package var source: EmailTemplateSource
    /// The names of the variables as a JSON array, as it is stored.
    package var variablesJSON: String
    package let createdAt: Timestamp
    package var updatedAt: Timestamp
}

/// A checked write to a template; for a new one ``name`` and ``subject`` must be set.
package struct EmailTemplateChanges: Sendable {
    package var name: String?
    package var subject: String?
    package var preheader: Change<String> = .keep
    package var html: Change<String> = .keep
    package var text: Change<String> = .keep
    package var category: MessageCategory?
    package var status: EmailTemplate.Status?

    package init() {}
}

/// Why a write to a template was refused.
package enum EmailTemplateRefusal: Error {
    /// A part does not parse.
    case syntax(EmailTemplateError)
    /// Neither html nor text would remain.
    case bodyMissing
}
