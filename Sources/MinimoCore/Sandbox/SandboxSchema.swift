package import SQLDatabase

/// What test workspaces have sent.
package enum SandboxSchema {
    package static func statements(_ dialect: Dialect) -> [String] {
        [
            """
            CREATE TABLE sandbox_messages (
                workspace_id \(dialect.bigint) NOT NULL,
                id \(dialect.identityColumn),
                channel \(dialect.text) NOT NULL,
                message_id \(dialect.bigint) NOT NULL,
                to_address \(dialect.text) NOT NULL,
                from_address \(dialect.text),
                subject \(dialect.text),
                content \(dialect.text) NOT NULL,
                outcome \(dialect.text) NOT NULL,
                created_at \(dialect.bigint) NOT NULL
                \(dialect.primaryKey("workspace_id, id"))
            ) \(dialect.tableOptions)
            """,
            "CREATE UNIQUE INDEX sandbox_messages_message ON sandbox_messages (workspace_id, message_id)",
        ]
    }
}
