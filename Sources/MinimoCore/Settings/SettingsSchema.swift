package import SQLDatabase

/// Channels and sender domains.
package enum SettingsSchema {
    package static func statements(_ dialect: Dialect) -> [String] {
        [
            """
            CREATE TABLE email_channels (
                workspace_id \(dialect.bigint) NOT NULL PRIMARY KEY,
                default_from \(dialect.text) NOT NULL,
                updated_at \(dialect.bigint) NOT NULL
            ) \(dialect.tableOptions)
            """,
            // The URL holds the password and is sealed as a whole.
            """
            CREATE TABLE email_relays (
                workspace_id \(dialect.bigint) NOT NULL,
                id \(dialect.identityColumn),
                position \(dialect.bigint) NOT NULL,
                url_sealed \(dialect.blob) NOT NULL,
                connections \(dialect.bigint) NOT NULL
                \(dialect.primaryKey("workspace_id, id"))
            ) \(dialect.tableOptions)
            """,
            "CREATE UNIQUE INDEX email_relays_position ON email_relays (workspace_id, position)",
            """
            CREATE TABLE sender_domains (
                workspace_id \(dialect.bigint) NOT NULL,
                id \(dialect.identityColumn),
                domain \(dialect.text) NOT NULL,
                trusted \(dialect.boolean) NOT NULL,
                verified_at \(dialect.bigint),
                created_at \(dialect.bigint) NOT NULL
                \(dialect.primaryKey("workspace_id, id"))
            ) \(dialect.tableOptions)
            """,
            "CREATE UNIQUE INDEX sender_domains_domain ON sender_domains (workspace_id, domain)",
        ]
    }
}
