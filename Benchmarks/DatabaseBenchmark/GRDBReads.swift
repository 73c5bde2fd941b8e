import GRDB

/// The same read through GRDB's own pool, to compare with.
struct GRDBReads: Sendable {
    private let pool: DatabasePool

    init(_ path: String) throws { pool = try DatabasePool(path: path) }

    func read(_ key: Int64) async throws {
        _ = try await pool.read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT id, name, payload FROM contacts WHERE workspace_id = 1 AND email = ?")
            return try Row.fetchOne(statement, arguments: ["person\(key)"]).map { row in
                (row[0] as Int64, row[1] as String, row[2] as String)
            }
        }
    }
}
