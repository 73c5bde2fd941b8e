/// A SQLite connection on its thread: keeps statements prepared and controls transactions.
final class SQLiteSession: Session {
    /// How a transaction starts and ends, and the marks inside it.
    enum Control: Int, CaseIterable {
        case begin, beginImmediate, beginExclusive, commit, rollback, savepoint, release, rollbackToSavepoint

        fileprivate var sql: String {
            switch self {
            case .begin: "BEGIN"
            case .beginImmediate: "BEGIN IMMEDIATE"
            case .beginExclusive: "BEGIN EXCLUSIVE"
            case .commit: "COMMIT"
            case .rollback: "ROLLBACK"
            case .savepoint: "SAVEPOINT w"
            case .release: "RELEASE w"
            case .rollbackToSavepoint: "ROLLBACK TO w"
            }
        }
    }

    let handle: SQLiteHandle
    private let configuration: Database.Configuration
    private let controls: [SQLiteStatement]
    private var statements: [Int: SQLiteStatement] = [:]
    private var uses = 0

    private var ticket: Ticket?
    private var hasTimeLimit = true
    private var deadline: ContinuousClock.Instant?

    init(_ handle: SQLiteHandle, _ configuration: Database.Configuration) throws {
        self.handle = handle
        self.configuration = configuration
        controls = try Control.allCases.map { try handle.prepare($0.sql) }
        handle.watch(self)
    }

    deinit { handle.watch(nil) }

    func control(_ control: Control) throws { try controls[control.rawValue].execute() }

    /// Undoes the transaction, if SQLite has not done so already.
    func rollback() {
        if handle.isOutsideTransaction { return }
        // A failing ROLLBACK leaves the transaction open only when it is not possible to go on at all; the next BEGIN
        // then fails and says so.
        try? control(.rollback)
    }

    /// The closure whose statements follow; they stop when it is cancelled or takes too long.
    func begin(_ ticket: Ticket, timeLimit: Bool) {
        self.ticket = ticket
        hasTimeLimit = timeLimit
    }

    /// The closure has returned.
    func end() {
        ticket = nil
        deadline = nil
    }

    /// Whether the running statement shall end.
    var shouldStop: Bool {
        guard let ticket else { return false }
        if ticket.isCancelled { return true }
        guard let deadline else { return false }
        return .now >= deadline
    }

    func run(
        _ statement: Statement, _ arguments: [SQLValue], streaming: Bool, _ fault: RowFault,
        _ body: (Row) throws -> Bool
    ) throws -> Int {
        try translate(statement.text.sqlite) {
            try run(try prepared(statement), arguments, fault, body)
        }
    }

    func runEach(
        _ statement: Statement, _ rows: [[SQLValue]], _ fault: RowFault, _ body: (Int, Row) throws -> Void,
        _ changes: (Int) -> Void
    ) throws {
        try translate(statement.text.sqlite) {
            let prepared = try prepared(statement)
            for (position, arguments) in rows.enumerated() {
                let count = try run(prepared, arguments, fault) { row in
                    try body(position, row)
                    return true
                }
                changes(count)
            }
        }
    }

    func runUncached(_ sql: String) throws {
        try translate(sql) { try handle.prepare(sql).execute() }
    }

    private func run(
        _ prepared: SQLiteStatement, _ arguments: [SQLValue], _ fault: RowFault, _ body: (Row) throws -> Bool
    ) throws -> Int {
        if let ticket, ticket.isCancelled { throw DatabaseError(.cancelled) }
        deadline = hasTimeLimit ? .now + configuration.statementTimeout : nil
        let before = handle.totalChanges
        defer { prepared.reset() }
        try prepared.bind(arguments)
        // A statement that changes rows has changed all of them when it shows the first one, so it may stop there.
        while try prepared.step(), try body(Row(storage: .sqlite(prepared.row), fault: fault)) {}
        return handle.totalChanges == before ? 0 : handle.changes
    }

    private func prepared(_ statement: Statement) throws -> SQLiteStatement {
        uses &+= 1
        if let prepared = statements[statement.text.id] {
            prepared.lastUse = uses
            return prepared
        }
        let prepared = try handle.prepare(statement.text.sqlite)
        prepared.lastUse = uses
        if statements.count >= configuration.maximumStatements,
            let oldest = statements.min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            statements[oldest.key] = nil
        }
        statements[statement.text.id] = prepared
        return prepared
    }

    /// Adds the statement's text to an error, and tells a time-out from a cancellation.
    private func translate<T>(_ sql: String, _ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let error as DatabaseError where error.statement == nil {
            var code = error.code
            if code == .cancelled, let ticket, !ticket.isCancelled { code = .timeout }
            throw DatabaseError(
                code, constraint: error.constraint, columns: error.columns, engineCode: error.engineCode,
                statement: sql, detail: error.detail)
        }
    }
}
