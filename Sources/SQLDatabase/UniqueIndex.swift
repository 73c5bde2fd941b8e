/// A unique index, named once: it makes the index and recognises its violation on both engines.
///
/// PostgreSQL reports the index's name, SQLite the columns.
package struct UniqueIndex: Sendable, Equatable {
    package let name: String
    package let table: String
    package let columns: [String]

    /// The condition of a partial index.
    package let condition: String?

    /// - Parameters:
    ///   - name: unique in the database.
    ///   - columns: plain columns in the index's order, no expressions.
    ///   - condition: the WHERE of a partial index.
    package init(name: String, table: String, columns: [String], where condition: String? = nil) {
        self.name = name
        self.table = table
        self.columns = columns
        self.condition = condition
    }

    /// The CREATE UNIQUE INDEX statement, for a migration.
    package var definition: String {
        "CREATE UNIQUE INDEX \(name) ON \(table) (\(columns.joined(separator: ", ")))"
            + (condition.map { " WHERE " + $0 } ?? "")
    }
}
