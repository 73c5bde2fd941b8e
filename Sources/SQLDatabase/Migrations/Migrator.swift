/// Brings the schema of a database up to date.
///
/// All pending migrations happen in one transaction under a lock: several processes may try at the same time, and a
/// migration that fails leaves the database as it was. What was applied is kept in the table `schema_migrations`.
package struct Migrator: Sendable {
    private let migrations: [Migration]

    /// - Parameter migrations: the whole history, in order; checked by `migrate` and `status`.
    package init(_ migrations: [Migration]) { self.migrations = migrations }

    /// Applies what is missing.
    ///
    /// - Returns: the migrations that were applied by this call.
    /// - Throws: `MigrationError` if the history does not fit, `DatabaseError`.
    package func migrate(_ database: Database) async throws -> [Migration] {
        try checkList()
        // Looking first costs one read, and saves the lock when there is nothing to do, as at most starts.
        if try await pending(database).isEmpty { return [] }
        return try await database.changeSchema { connection in
            try connection.lockSchema()
            try connection.execute(.createHistory)
            let pending = try pending(after: try connection.history(), connection.dialect)
            for migration in pending {
                for sql in migration.statements(connection.dialect) { try connection.executeUncached(sql) }
                try connection.execute(
                    .addToHistory,
                    [
                        .integer(Int64(migration.number)), .text(migration.name),
                        .text(migration.checksum(for: connection.dialect)),
                    ])
            }
            return pending
        }
    }

    /// Says of each migration whether it was applied. Changes nothing.
    ///
    /// - Throws: as `migrate`.
    package func status(_ database: Database) async throws -> [(migration: Migration, applied: Bool)] {
        try checkList()
        let pending = Set(try await pending(database).map(\.number))
        return migrations.map { ($0, !pending.contains($0.number)) }
    }

    private func pending(_ database: Database) async throws -> [Migration] {
        try await database.read { connection in
            let exists = try connection.first(.historyExists) { $0.bool(0) } ?? false
            return try pending(after: exists ? try connection.history() : [], connection.dialect)
        }
    }

    private func checkList() throws(MigrationError) {
        for (index, migration) in migrations.enumerated() where migration.number != index + 1 {
            throw MigrationError(
                .invalidList, migration.number,
                "migration \(migration.number) stands at place \(index + 1): number the list 1, 2, 3… without gaps")
        }
    }

    private func pending(after history: [AppliedMigration], _ dialect: Dialect) throws(MigrationError) -> [Migration] {
        if let last = history.last, last.number > migrations.count {
            throw MigrationError(
                .newerDatabase, last.number,
                "the database has migration \(last.number) (\(last.name)), this program knows \(migrations.count): "
                    + "it was used by a newer version; run that version, or restore a backup made before the update")
        }
        for (index, applied) in history.enumerated() {
            let migration = migrations[index]
            guard applied.number == migration.number else {
                throw MigrationError(
                    .missing, migration.number,
                    "migration \(migration.number) (\(migration.name)) is missing although a later one was applied: "
                        + "restore the table schema_migrations from a backup")
            }
            guard applied.checksum == migration.checksum(for: dialect) else {
                throw MigrationError(
                    .changed, migration.number,
                    "migration \(migration.number) (\(migration.name)) was applied with another text: "
                        + "put its text back as it was, and make the change in a new migration")
            }
        }
        return Array(migrations[history.count...])
    }
}

/// A row of `schema_migrations`.
private struct AppliedMigration {
    let number: Int
    let name: String
    let checksum: String
}

extension Connection {
    /// Keeps other processes out until the end of the transaction. SQLite's transaction does so by itself.
    fileprivate func lockSchema() throws {
        if dialect == .postgres { try execute(.lockSchema) }
    }

    fileprivate func history() throws -> [AppliedMigration] {
        try query(.history) {
            AppliedMigration(number: Int($0.int(0)), name: $0.text(1), checksum: $0.text(2))
        }
    }
}

extension Statement {
    /// Locks the current schema; the first number is ours by choice.
    fileprivate static let lockSchema = Statement(
        "SELECT pg_advisory_xact_lock(1296649805, hashtext(current_schema()))")

    fileprivate static let createHistory = Statement { dialect in
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            number \(dialect.bigint) NOT NULL PRIMARY KEY,
            name \(dialect.text) NOT NULL,
            checksum \(dialect.text) NOT NULL
        ) \(dialect.tableOptions)
        """
    }

    fileprivate static let historyExists = Statement { dialect in
        switch dialect.engine {
        case .sqlite: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
        case .postgres: "SELECT to_regclass('schema_migrations') IS NOT NULL"
        }
    }

    fileprivate static let history = Statement("SELECT number, name, checksum FROM schema_migrations ORDER BY number")

    fileprivate static let addToHistory = Statement(
        "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)")
}
