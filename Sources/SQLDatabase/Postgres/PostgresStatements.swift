/// The statements that a connection has prepared on the server.
struct PostgresStatements {
    private struct Entry {
        let name: String
        var lastUse: Int
    }

    private var entries: [Int: Entry] = [:]
    private var uses = 0
    private let limit: Int

    init(limit: Int) { self.limit = max(1, limit) }

    static func newName(of statement: Statement) -> String { "s\(statement.text.id)" }

    /// The name of a prepared statement.
    mutating func name(of statement: Statement) -> String? {
        uses &+= 1
        guard let index = entries.index(forKey: statement.text.id) else { return nil }
        entries.values[index].lastUse = uses
        return entries.values[index].name
    }

    mutating func insert(_ statement: Statement) {
        entries[statement.text.id] = Entry(name: Self.newName(of: statement), lastUse: uses)
    }

    /// Makes room for one more.
    ///
    /// - Returns: the name of the statement that the server shall forget.
    mutating func evict() -> String? {
        guard entries.count >= limit, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) else {
            return nil
        }
        entries[oldest.key] = nil
        return oldest.value.name
    }
}
