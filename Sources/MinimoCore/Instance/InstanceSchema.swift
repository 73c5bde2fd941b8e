package import SQLDatabase

/// The tables that belong to the installation as a whole and not to a workspace.
package enum InstanceSchema {
    package static func statements(_ dialect: Dialect) -> [String] {
        [
            """
            CREATE TABLE instance_secrets (
                name \(dialect.text) NOT NULL PRIMARY KEY,
                value \(dialect.blob) NOT NULL
            ) \(dialect.tableOptions)
            """
        ]
    }
}
