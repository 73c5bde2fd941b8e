package import SQLDatabase

/// How an engine would run a statement.
package struct QueryPlan: Sendable {
    /// One line for each step.
    package let steps: [String]

    /// Asks the engine.
    ///
    /// PostgreSQL is forbidden to read a table from end to end where there is another way: on small tables it would do
    /// so rightly, so what still reads a whole table has no usable index.
    ///
    /// - Throws: `DatabaseError` when the statement is wrong.
    package init(_ database: Database, _ statement: Statement, _ arguments: [SQLValue]) async throws {
        let engine = database.dialect.engine
        let prefix = engine == .sqlite ? "EXPLAIN QUERY PLAN " : "EXPLAIN "
        let explain = Statement(prefix + statement.sql(for: database.dialect))
        steps = try await database.write { db in
            if engine == .postgres { try db.execute(Self.noScan) }
            return try db.query(explain, arguments) { row in engine == .sqlite ? row.text(3) : row.text(0) }
        }
    }

    /// The steps that read a table, or a whole index of one, from end to end.
    ///
    /// - Parameters:
    ///   - tables: the tables that grow, with the aliases under which SQLite names them.
    ///   - index: an index that may be walked because it stays small.
    package func scans(of tables: [String], except index: String? = nil) -> [String] {
        steps.filter { line in
            if let index, line.contains(index) { return false }
            let words = line.split(separator: " ").map(String.init)
            return tables.contains { line.contains("Seq Scan on \($0)") }
                || (words.count > 1 && words[0] == "SCAN" && tables.contains(words[1]))
        }
    }

    private static let noScan = Statement("SET LOCAL enable_seqscan = off")
}
