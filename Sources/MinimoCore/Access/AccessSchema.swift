package import SQLDatabase

/// API keys and their secrets.
package enum AccessSchema {
    package static func statements(_ dialect: Dialect) -> [String] {
        [
            """
            CREATE TABLE api_keys (
                workspace_id \(dialect.bigint) NOT NULL REFERENCES workspaces (id),
                id \(dialect.identityColumn),
                name \(dialect.text) NOT NULL,
                permissions \(dialect.text) NOT NULL,
                expires_at \(dialect.bigint) NOT NULL,
                revoked_at \(dialect.bigint),
                last_used_at \(dialect.bigint),
                created_at \(dialect.bigint) NOT NULL
                \(dialect.primaryKey("workspace_id, id"))
            ) \(dialect.tableOptions)
            """,
            // A key has one secret, and for the overlap of a rotation two. The hash is unique over all workspaces: it
            // is what finds the workspace.
            """
            CREATE TABLE api_key_secrets (
                hash \(dialect.blob) NOT NULL PRIMARY KEY,
                workspace_id \(dialect.bigint) NOT NULL,
                key_id \(dialect.bigint) NOT NULL,
                expires_at \(dialect.bigint),
                created_at \(dialect.bigint) NOT NULL
            ) \(dialect.tableOptions)
            """,
            "CREATE INDEX api_key_secrets_key ON api_key_secrets (workspace_id, key_id)",
        ]
    }
}
