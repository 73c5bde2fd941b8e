package import SQLDatabase

/// The log of what happened in each workspace.
package enum EventSchema {
    package static func statements(_ dialect: Dialect) -> [String] {
        [
            """
            CREATE TABLE events (
                workspace_id \(dialect.bigint) NOT NULL,
                id \(dialect.identityColumn),
                type \(dialect.text) NOT NULL,
                at \(dialect.bigint) NOT NULL,
                message_id \(dialect.bigint),
                contact_id \(dialect.bigint),
                data \(dialect.text) NOT NULL
                \(dialect.primaryKey("workspace_id, id"))
            ) \(dialect.tableOptions)
            """,
            "CREATE INDEX events_message ON events (workspace_id, message_id, id) WHERE message_id IS NOT NULL",
            "CREATE INDEX events_contact ON events (workspace_id, contact_id, id) WHERE contact_id IS NOT NULL",
        ]
    }
}
