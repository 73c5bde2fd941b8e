package import SQLDatabase

/// Email templates and every version of their content.
package enum EmailTemplateSchema {
    package static func statements(_ dialect: Dialect) -> [String] {
        [
            """
            CREATE TABLE email_templates (
                workspace_id \(dialect.bigint) NOT NULL,
                id \(dialect.identityColumn),
                name \(dialect.text) NOT NULL,
                category \(dialect.text) NOT NULL,
                status \(dialect.text) NOT NULL,
                version \(dialect.bigint) NOT NULL,
                subject \(dialect.text) NOT NULL,
                preheader \(dialect.text),
                html \(dialect.text),
                text \(dialect.text),
                variables \(dialect.text) NOT NULL,
                created_at \(dialect.bigint) NOT NULL,
                updated_at \(dialect.bigint) NOT NULL,
                deleted_at \(dialect.bigint)
                \(dialect.primaryKey("workspace_id, id"))
            ) \(dialect.tableOptions)
            """,
            """
            CREATE INDEX email_templates_newest ON email_templates (workspace_id, created_at, id)
            WHERE deleted_at IS NULL
            """,
            // A version is never changed or removed: messages are rendered from the one that they were accepted with.
            """
            CREATE TABLE email_template_versions (
                workspace_id \(dialect.bigint) NOT NULL,
                template_id \(dialect.bigint) NOT NULL,
                version \(dialect.bigint) NOT NULL,
                subject \(dialect.text) NOT NULL,
                preheader \(dialect.text),
                html \(dialect.text),
                text \(dialect.text),
                created_at \(dialect.bigint) NOT NULL,
                PRIMARY KEY (workspace_id, template_id, version)
            ) \(dialect.tableOptions)
            """,
        ]
    }
}
