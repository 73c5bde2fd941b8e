/// A transaction in progress. Valid only inside the closure that receives it.
///
/// An error of a statement fails the whole closure, even when the closure catches it: later statements throw the same
/// error and the transaction is rolled back. PostgreSQL works like that by itself; SQLite is made to. Where a row may be
/// there already, use ON CONFLICT.
///
/// Statements cannot be nested: none may run inside the closure that maps the rows of another one.
package final class Connection {
    package let dialect: Dialect
    let session: any Session
    let fault = RowFault()

    /// The first error of a statement in this run of the closure.
    private(set) var failure: DatabaseError?
    private var isRunning = false

    init(dialect: Dialect, session: any Session) {
        self.dialect = dialect
        self.session = session
    }

    /// Forgets the last closure.
    func reset() {
        failure = nil
        isRunning = false
    }

    /// Runs a statement and returns the number of rows that it inserted, updated or deleted itself.
    ///
    /// - Throws: `DatabaseError`.
    @discardableResult
    package func execute(_ statement: Statement, _ arguments: [SQLValue] = []) throws -> Int {
        try run { try session.run(statement, arguments, streaming: false, fault) { _ in true } }
    }

    /// Runs a statement and maps its rows.
    ///
    /// - Throws: `DatabaseError`, and what `map` throws.
    package func query<T>(
        _ statement: Statement, _ arguments: [SQLValue] = [], _ map: (Row) throws -> T
    ) throws -> [T] {
        try run {
            var result: [T] = []
            _ = try session.run(statement, arguments, streaming: false, fault) { row in
                result.append(try map(row))
                return true
            }
            return result
        }
    }

    /// Runs a statement and maps its first row, if there is one.
    ///
    /// A statement that changes rows is always carried out whole.
    ///
    /// - Throws: `DatabaseError`, and what `map` throws.
    package func first<T>(
        _ statement: Statement, _ arguments: [SQLValue] = [], _ map: (Row) throws -> T
    ) throws -> T? {
        try run {
            var result: T?
            _ = try session.run(statement, arguments, streaming: false, fault) { row in
                result = try map(row)
                return false
            }
            return result
        }
    }

    /// Runs a statement and hands over its rows one by one, in constant memory.
    ///
    /// - Parameter body: returns false to stop.
    /// - Throws: `DatabaseError`, and what `body` throws.
    package func forEach(
        _ statement: Statement, _ arguments: [SQLValue] = [], _ body: (Row) throws -> Bool
    ) throws {
        try run { _ = try session.run(statement, arguments, streaming: true, fault, body) }
    }

    /// Runs a statement once for each list of arguments and returns the numbers of changed rows, in that order.
    ///
    /// On PostgreSQL the statements travel together and cost a round trip for each hundred or so.
    ///
    /// - Throws: `DatabaseError` of the first one that fails.
    package func executeEach(_ statement: Statement, _ rows: [[SQLValue]]) throws -> [Int] {
        try run {
            var changes: [Int] = []
            changes.reserveCapacity(rows.count)
            try session.runEach(statement, rows, fault, { _, _ in }, { changes.append($0) })
            return changes
        }
    }

    /// Runs a statement once for each list of arguments and maps the rows of each, in that order.
    ///
    /// - Throws: `DatabaseError` of the first one that fails, and what `map` throws.
    package func queryEach<T>(
        _ statement: Statement, _ rows: [[SQLValue]], _ map: (Row) throws -> T
    ) throws -> [[T]] {
        try run {
            var results = [[T]](repeating: [], count: rows.count)
            try session.runEach(statement, rows, fault, { results[$0].append(try map($1)) }, { _ in })
            return results
        }
    }

    /// Runs one statement that is not kept prepared: schema changes.
    ///
    /// - Throws: `DatabaseError`.
    func executeUncached(_ sql: String) throws {
        try run { try session.runUncached(sql) }
    }

    private func run<T>(_ operation: () throws -> T) throws -> T {
        if let failure { throw failure }
        guard !isRunning else { throw DatabaseError(.other, detail: "a statement inside another one's rows") }
        isRunning = true
        fault.clear()
        defer { isRunning = false }
        do {
            let result = try operation()
            if let message = fault.message { throw DatabaseError(.other, detail: message) }
            return result
        } catch let error as DatabaseError {
            if failure == nil { failure = error }
            throw error
        }
    }
}

/// What an engine does for a connection. Lives on the connection's thread.
protocol Session: AnyObject {
    /// Runs a statement; `body` receives each row and returns false to stop. Returns the number of changed rows.
    func run(
        _ statement: Statement, _ arguments: [SQLValue], streaming: Bool, _ fault: RowFault,
        _ body: (Row) throws -> Bool
    ) throws -> Int

    /// Runs a statement for each list of arguments; `body` receives the list's position and each row, `changes` the
    /// number of changed rows.
    func runEach(
        _ statement: Statement, _ rows: [[SQLValue]], _ fault: RowFault, _ body: (Int, Row) throws -> Void,
        _ changes: (Int) -> Void
    ) throws

    /// Runs one statement without keeping it prepared.
    func runUncached(_ sql: String) throws
}
