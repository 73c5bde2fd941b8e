package import SQLDatabase

/// Companies and their two workspaces.
package enum CompanySchema {
    package static func statements(_ dialect: Dialect) -> [String] {
        [
            """
            CREATE TABLE companies (
                id \(dialect.identityColumn),
                client_id \(dialect.text) NOT NULL,
                name \(dialect.text) NOT NULL,
                created_at \(dialect.bigint) NOT NULL
                \(dialect.primaryKey("id"))
            ) \(dialect.tableOptions)
            """,
            "CREATE UNIQUE INDEX companies_client_id ON companies (client_id)",
            """
            CREATE TABLE workspaces (
                id \(dialect.identityColumn),
                company_id \(dialect.bigint) NOT NULL REFERENCES companies (id),
                mode \(dialect.text) NOT NULL
                \(dialect.primaryKey("id"))
            ) \(dialect.tableOptions)
            """,
            "CREATE UNIQUE INDEX workspaces_company_mode ON workspaces (company_id, mode)",
        ]
    }
}
