import SQLDatabase

/// The table and statements of the benchmark: a contact by workspace and address.
enum Tables {
    private static let upsertStatement = Statement(
        """
        INSERT INTO contacts (workspace_id, email, name, payload, changed) VALUES (1, $1, $2, $3, $4)
        ON CONFLICT (workspace_id, email) DO UPDATE SET name = excluded.name, payload = excluded.payload,
        changed = contacts.changed + 1 RETURNING id
        """)
    private static let readStatement = Statement(
        "SELECT id, name, payload FROM contacts WHERE workspace_id = 1 AND email = $1")

    static func create(_ database: Database) async throws {
        try await database.write { db in
            try db.execute(Statement("DROP TABLE IF EXISTS contacts"))
            try db.execute(Statement(createContacts))
        }
    }

    static func createContacts(_ dialect: Dialect) -> String {
        """
        CREATE TABLE contacts (
            workspace_id \(dialect.bigint) NOT NULL, id \(dialect.identityColumn), email \(dialect.text) NOT NULL,
            name \(dialect.text) NOT NULL, payload \(dialect.text) NOT NULL, changed \(dialect.bigint) NOT NULL,
            UNIQUE (workspace_id, email)
        ) \(dialect.tableOptions)
        """
    }

    static let payload = #"{"city":"Lima","plan":"pro","tags":["a","b","c"],"score":42,"vip":true}"#

    static func arguments(_ key: Int64) -> [SQLValue] {
        [.text("person\(key)"), .text("Person Number \(key)"), .text(payload), .integer(0)]
    }

    static func upsert(_ database: Database, _ key: Int64) async throws {
        try await database.write { db in _ = try db.first(upsertStatement, arguments(key)) { $0.int(0) } }
    }

    static func upsertBatch(_ database: Database, _ start: Int64) async throws {
        try await database.write { db in
            _ = try db.executeEach(upsertStatement, (0..<100).map { arguments(start + $0) })
        }
    }

    static func read(_ database: Database, _ key: Int64) async throws {
        _ = try await database.read { db in
            try db.first(readStatement, [.text("person\(key)")]) { ($0.int(0), $0.text(1), $0.text(2)) }
        }
    }
}
