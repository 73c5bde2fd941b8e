package import SQLDatabase

/// Contacts and the log of their consent.
package enum ContactSchema {
    package static func statements(_ dialect: Dialect) -> [String] {
        [
            """
            CREATE TABLE contacts (
                workspace_id \(dialect.bigint) NOT NULL,
                id \(dialect.identityColumn),
                email \(dialect.text),
                email_key \(dialect.text),
                phone \(dialect.text),
                external_id \(dialect.text),
                first_name \(dialect.text),
                last_name \(dialect.text),
                language \(dialect.text),
                status \(dialect.text) NOT NULL,
                source \(dialect.text) NOT NULL,
                tags \(dialect.text) NOT NULL,
                custom_fields \(dialect.text) NOT NULL,
                consent_email \(dialect.boolean),
                consent_whatsapp \(dialect.boolean),
                created_at \(dialect.bigint) NOT NULL,
                updated_at \(dialect.bigint) NOT NULL,
                deleted_at \(dialect.bigint)
                \(dialect.primaryKey("workspace_id, id"))
            ) \(dialect.tableOptions)
            """,
            // Soft-deleted rows keep their identifiers: an upsert that matches one restores it.
            "CREATE UNIQUE INDEX contacts_email ON contacts (workspace_id, email_key) WHERE email_key IS NOT NULL",
            "CREATE UNIQUE INDEX contacts_phone ON contacts (workspace_id, phone) WHERE phone IS NOT NULL",
            """
            CREATE UNIQUE INDEX contacts_external_id ON contacts (workspace_id, external_id)
            WHERE external_id IS NOT NULL
            """,
            "CREATE INDEX contacts_newest ON contacts (workspace_id, created_at, id) WHERE deleted_at IS NULL",
            """
            CREATE TABLE contact_consents (
                workspace_id \(dialect.bigint) NOT NULL,
                id \(dialect.identityColumn),
                contact_id \(dialect.bigint) NOT NULL,
                channel \(dialect.text) NOT NULL,
                granted \(dialect.boolean) NOT NULL,
                source \(dialect.text) NOT NULL,
                request_id \(dialect.text),
                at \(dialect.bigint) NOT NULL
                \(dialect.primaryKey("workspace_id, id"))
            ) \(dialect.tableOptions)
            """,
            "CREATE INDEX contact_consents_contact ON contact_consents (workspace_id, contact_id, id)",
        ]
    }
}
