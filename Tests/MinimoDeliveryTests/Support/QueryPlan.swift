import MinimoCore
import MinimoTesting
import SQLDatabase

/// How an engine would run a statement, one line for each step.
///
/// PostgreSQL is forbidden to read a table from end to end where there is another way: on small tables it would do so rightly, so what still
/// reads a whole table has no usable index.
func queryPlan(_ database: Database, _ statement: Statement, _ arguments: [SQLValue]) async throws -> [String] {
    let engine = database.dialect.engine
    let prefix = engine == .sqlite ? "EXPLAIN QUERY PLAN " : "EXPLAIN "
    let explain = Statement(prefix + statement.sql(for: database.dialect))
    return try await database.write { db in
        if engine == .postgres { try db.execute(QueryPlanStatements.noScan) }
        return try db.query(explain, arguments) { row in engine == .sqlite ? row.text(3) : row.text(0) }
    }
}

/// The steps of a plan that read one of our tables, or a whole index of one, from end to end.
///
/// The index of leased rows may be walked: it has as many entries as there are hand-offs under way.
func scans(_ plan: [String]) -> [String] {
    let tables = [
        "messages", "message_contents", "message_attachments", "delivery_queue", "delivery_attempts", "events",
        "sandbox_messages",
    ]
    // SQLite names a table by its alias.
    let names = tables + ["q", "m"]
    return plan.filter { line in
        guard !line.contains("delivery_queue_leased") else { return false }
        let words = line.split(separator: " ").map(String.init)
        return tables.contains { line.contains("Seq Scan on \($0)") }
            || (words.count > 1 && words[0] == "SCAN" && names.contains(words[1]))
    }
}

private enum QueryPlanStatements {
    static let noScan = Statement("SET LOCAL enable_seqscan = off")
}
