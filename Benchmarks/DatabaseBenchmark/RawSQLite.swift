import GRDBSQLite
import SQLDatabase

/// The limit: the same statements through SQLite's C interface, in one loop on one thread.
final class RawSQLite {
    struct Failure: Error {}

    private let connection: OpaquePointer
    private static let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    init(_ path: String) throws {
        var pointer: OpaquePointer?
        guard sqlite3_open(path, &pointer) == SQLITE_OK, let pointer else { throw Failure() }
        connection = pointer
        for sql in [
            "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA cache_size = -16000",
            Tables.createContacts(.sqlite),
        ] {
            guard sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK else { throw Failure() }
        }
    }

    deinit { sqlite3_close(connection) }

    /// Upserts per second.
    func rate(_ seconds: Double, perTransaction: Int) -> Double {
        let begin = prepare("BEGIN IMMEDIATE")
        let commit = prepare("COMMIT")
        let upsert = prepare(
            """
            INSERT INTO contacts (workspace_id, email, name, payload, changed) VALUES (1, ?1, ?2, ?3, 0)
            ON CONFLICT (workspace_id, email) DO UPDATE SET name = excluded.name, payload = excluded.payload,
            changed = contacts.changed + 1 RETURNING id
            """)
        defer { for statement in [begin, commit, upsert] { sqlite3_finalize(statement) } }
        return loop(seconds) { count in
            if count % perTransaction == 0 { run(begin) }
            let key = (count &* 7919) % 10_000
            sqlite3_bind_text(upsert, 1, "person\(key)", -1, Self.copies)
            sqlite3_bind_text(upsert, 2, "Person Number \(key)", -1, Self.copies)
            sqlite3_bind_text(upsert, 3, Tables.payload, -1, Self.copies)
            run(upsert)
            if count % perTransaction == perTransaction - 1 { run(commit) }
        } finish: {
            if sqlite3_get_autocommit(connection) == 0 { run(commit) }
        }
    }

    /// Reads by key per second.
    func reads(_ seconds: Double) throws -> Double {
        let read = prepare("SELECT id, name, payload FROM contacts WHERE workspace_id = 1 AND email = ?1")
        defer { sqlite3_finalize(read) }
        return loop(seconds) { count in
            sqlite3_bind_text(read, 1, "person\((count &* 7919) % 10_000)", -1, Self.copies)
            run(read)
        } finish: {
        }
    }

    private func loop(_ seconds: Double, _ body: (Int) -> Void, finish: () -> Void) -> Double {
        let start = ContinuousClock.now
        let deadline = start + .seconds(seconds)
        var count = 0
        while .now < deadline {
            body(count)
            count += 1
        }
        finish()
        return Double(count) / ((ContinuousClock.now - start) / .seconds(1))
    }

    private func prepare(_ sql: String) -> OpaquePointer? {
        var statement: OpaquePointer?
        sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        return statement
    }

    private func run(_ statement: OpaquePointer?) {
        while sqlite3_step(statement) == SQLITE_ROW {}
        sqlite3_reset(statement)
    }
}
