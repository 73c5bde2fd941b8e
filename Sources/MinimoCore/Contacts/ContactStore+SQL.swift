import Mail
import SQLDatabase
import Wire

/// The statements of ``ContactStore`` and the mapping between rows and contacts.
extension ContactStore {
    static func contact(_ row: Row) -> Contact {
        Contact(
            id: row.int(0), email: row.optionalText(1), phone: row.optionalText(2), externalID: row.optionalText(3),
            firstName: row.optionalText(4), lastName: row.optionalText(5), language: row.optionalText(6),
            status: Contact.Status(rawValue: row.text(7)) ?? .active,
            source: Contact.Source(rawValue: row.text(8)) ?? .api,
            tagsJSON: row.text(9), customFieldsJSON: row.text(10), emailConsent: row.optionalBool(11),
            whatsAppConsent: row.optionalBool(12), createdAt: Timestamp(microseconds: row.int(13)),
            updatedAt: Timestamp(microseconds: row.int(14)),
            deletedAt: row.optionalInt(15).map(Timestamp.init(microseconds:)))
    }

    static func values(_ contact: Contact, workspaceID: Int64) -> [SQLValue] {
        // A stored address was parsed once already; the key is derived from it again so that the two columns cannot
        // disagree.
        let key = contact.email.flatMap { try? EmailAddress(parsing: $0).comparisonKey }
        return [
            .integer(workspaceID), .optional(contact.email), .optional(key), .optional(contact.phone),
            .optional(contact.externalID), .optional(contact.firstName), .optional(contact.lastName),
            .optional(contact.language), .text(contact.status.rawValue), .text(contact.source.rawValue),
            .text(contact.tagsJSON), .text(contact.customFieldsJSON), .optional(contact.emailConsent),
            .optional(contact.whatsAppConsent), .integer(contact.createdAt.microseconds),
            .integer(contact.updatedAt.microseconds),
        ]
    }

    private static let columns = """
        id, email, phone, external_id, first_name, last_name, language, status, source, tags, custom_fields,
        consent_email, consent_whatsapp, created_at, updated_at, deleted_at
        """

    static let selectByID = Statement {
        "SELECT \(columns) FROM contacts WHERE workspace_id = $1 AND id = $2 \($0.forUpdate)"
    }
    static let selectByEmail = Statement {
        "SELECT \(columns) FROM contacts WHERE workspace_id = $1 AND email_key = $2 \($0.forUpdate)"
    }
    static let selectByPhone = Statement {
        "SELECT \(columns) FROM contacts WHERE workspace_id = $1 AND phone = $2 \($0.forUpdate)"
    }
    static let selectByExternalID = Statement {
        "SELECT \(columns) FROM contacts WHERE workspace_id = $1 AND external_id = $2 \($0.forUpdate)"
    }
    static let selectLiveByID = Statement(
        "SELECT \(columns) FROM contacts WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL")
    static let selectLiveByEmail = Statement(
        "SELECT \(columns) FROM contacts WHERE workspace_id = $1 AND email_key = $2 AND deleted_at IS NULL")
    static let selectPage = Statement(
        """
        SELECT \(columns) FROM contacts WHERE workspace_id = $1 AND deleted_at IS NULL
        ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3
        """)
    static let countAll = Statement("SELECT COUNT(*) FROM contacts WHERE workspace_id = $1 AND deleted_at IS NULL")
    static let insert = Statement(
        """
        INSERT INTO contacts (workspace_id, email, email_key, phone, external_id, first_name, last_name, language,
            status, source, tags, custom_fields, consent_email, consent_whatsapp, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id
        """)
    static let update = Statement(
        """
        UPDATE contacts SET email = $2, email_key = $3, phone = $4, external_id = $5, first_name = $6, last_name = $7,
            language = $8, status = $9, source = $10, tags = $11, custom_fields = $12, consent_email = $13,
            consent_whatsapp = $14, created_at = $15, updated_at = $16, deleted_at = NULL
        WHERE workspace_id = $1 AND id = $17
        """)
    static let softDelete = Statement(
        "UPDATE contacts SET deleted_at = $3, updated_at = $3 WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL"
    )
    static let insertConsent = Statement(
        """
        INSERT INTO contact_consents (workspace_id, contact_id, channel, granted, source, request_id, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """)
}
