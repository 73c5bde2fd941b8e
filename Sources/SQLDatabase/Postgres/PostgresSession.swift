import CPostgres

/// A PostgreSQL connection on its thread: transactions, prepared statements, batches.
///
/// BEGIN travels with the first statement of the closure, and the preparation of a statement with its first execution: a
/// closure with one statement costs two round trips, the second being the COMMIT.
final class PostgresSession: Session {
    /// How a transaction starts.
    enum Opening: String, CaseIterable {
        case read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        case write = "BEGIN ISOLATION LEVEL READ COMMITTED"

        fileprivate var name: String {
            switch self {
            case .read: "begin_read"
            case .write: "begin_write"
            }
        }
    }

    private let connection: PostgresConnection
    private let configuration: Database.Configuration
    private var statements: PostgresStatements
    private var parameters = PostgresParameters()

    private var ticket: Ticket?
    private var pendingOpening: Opening?
    private var isUnlimited = false

    /// How many statements travel together: few enough that their answers stay small.
    private static let batch = 128

    init(_ connection: PostgresConnection, _ configuration: Database.Configuration) throws {
        self.connection = connection
        self.configuration = configuration
        statements = PostgresStatements(limit: configuration.maximumStatements)
        connection.isCancelled = { [unowned self] in ticket?.isCancelled ?? false }
        try setUp()
    }

    /// Whether the connection must be replaced.
    var isLost: Bool { connection.isLost }

    /// A closure starts. Nothing is sent yet.
    func begin(_ opening: Opening?, _ ticket: Ticket, timeLimit: Bool) {
        connection.beginClosure()
        self.ticket = ticket
        pendingOpening = opening
        isUnlimited = !timeLimit
        connection.patience = timeLimit ? patience : -1
    }

    /// The closure has returned: cancellations no longer count.
    func end() {
        ticket = nil
        connection.endClosure()
        connection.patience = patience
    }

    /// Commits, unless nothing was sent.
    ///
    /// - Throws: `DatabaseError`; `.unavailable` with `isOutcomeUnknown` if the answer was lost.
    func commit() throws {
        guard connection.isInTransaction else { return pendingOpening = nil }
        var error: DatabaseError?
        do {
            try connection.send(prepared: "commit")
            try connection.sendSync()
            try connection.takeResults { result, status in
                if status == PGRES_FATAL_ERROR {
                    error = PostgresErrors.error(result, statement: "COMMIT")
                } else if String(cString: PQcmdStatus(result)) != "COMMIT" {
                    error = DatabaseError(.other, detail: "the transaction had failed before its COMMIT")
                }
            }
            try connection.takeSync()
        } catch let lost as PostgresConnection.Lost {
            throw DatabaseError(
                .unavailable, engineCode: lost.error.engineCode, isOutcomeUnknown: true, statement: "COMMIT",
                detail: lost.error.detail)
        }
        if let error { throw error.code == .cancelled ? error.with(code: .timeout) : error }
    }

    /// Undoes the transaction, if there is one. A connection on which that fails is lost.
    func rollback() {
        pendingOpening = nil
        guard !connection.isLost, connection.isInTransaction else { return }
        do {
            try connection.send(prepared: "rollback")
            try connection.sendSync()
            try connection.takeResults { _, _ in }
            try connection.takeSync()
            if connection.isInTransaction { connection.giveUp() }
        } catch {
            connection.giveUp()
        }
    }

    /// Forgets all prepared statements, here and on the server.
    func forgetStatements() {
        statements = PostgresStatements(limit: configuration.maximumStatements)
        do {
            try connection.send("DEALLOCATE ALL")
            try connection.sendSync()
            try connection.takeResults { _, _ in }
            try connection.takeSync()
            try setUp()
        } catch {
            connection.giveUp()
        }
    }

    func run(
        _ statement: Statement, _ arguments: [SQLValue], streaming: Bool, _ fault: RowFault,
        _ body: (Row) throws -> Bool
    ) throws -> Int {
        var changes = 0
        try perform(statement.text.postgres) { errors in
            try parameters.set(arguments)
            let preamble = try sendPreamble(statement)
            try connection.send(preamble.name, &parameters)
            try connection.sendSync()
            try take(preamble, &errors)
            if streaming, errors.first == nil { try connection.useSingleRowMode() }
            var isWanted = true
            try takeRows(&errors, &changes) { row in
                if isWanted { isWanted = try body(Row(storage: .postgres(row), fault: fault)) }
                return isWanted
            }
            try connection.takeSync()
        }
        return changes
    }

    func runEach(
        _ statement: Statement, _ rows: [[SQLValue]], _ fault: RowFault, _ body: (Int, Row) throws -> Void,
        _ changes: (Int) -> Void
    ) throws {
        for start in stride(from: 0, to: rows.count, by: Self.batch) {
            let positions = start..<min(start + Self.batch, rows.count)
            try perform(statement.text.postgres) { errors in
                let preamble = try sendPreamble(statement)
                let sent = try send(rows[positions], preamble.name, &errors)
                try connection.sendSync()
                try take(preamble, &errors)
                for position in positions.prefix(sent) {
                    var count = 0
                    try takeRows(&errors, &count) { row in
                        try body(position, Row(storage: .postgres(row), fault: fault))
                        return true
                    }
                    if errors.first == nil { changes(count) }
                }
                try connection.takeSync()
            }
        }
    }

    func runUncached(_ sql: String) throws {
        try perform(sql) { errors in
            let opening = try sendOpening()
            try connection.send(sql)
            try connection.sendSync()
            for _ in 0..<opening { try takeCompletion(&errors) }
            try takeCompletion(&errors)
            try connection.takeSync()
        }
    }

    private var patience: CInt {
        CInt(clamping: Int((configuration.statementTimeout + .seconds(5)) / .milliseconds(1)))
    }
}

extension PostgresSession {
    /// What is sent before a statement and answered before it.
    fileprivate struct Preamble {
        let name: String
        let completions: Int
        let preparing: Statement?
    }

    /// The first error of a batch, from the server or from the closure that takes its rows.
    fileprivate struct Errors {
        var first: (any Error)?
        let statement: String

        mutating func record(_ error: any Error) {
            if first == nil { first = error }
        }
    }

    fileprivate func setUp() throws {
        let milliseconds = Int(configuration.statementTimeout / .milliseconds(1))
        do {
            try connection.send("SET statement_timeout = \(milliseconds)")
            try connection.send("SET idle_in_transaction_session_timeout = \(max(milliseconds, 1) * 2)")
            // Compiling to machine code costs more than our statements take.
            try connection.send("SET jit = off")
            for opening in Opening.allCases { try connection.sendPrepare(opening.name, opening.rawValue) }
            try connection.sendPrepare("commit", "COMMIT")
            try connection.sendPrepare("rollback", "ROLLBACK")
            try connection.sendSync()
            var errors = Errors(statement: "SET")
            for _ in 0..<(3 + Opening.allCases.count + 2) { try takeCompletion(&errors) }
            try connection.takeSync()
            if let error = errors.first { throw error }
        } catch let lost as PostgresConnection.Lost {
            throw lost.error
        }
    }

    /// Runs one batch; its errors come out when the connection is in step again.
    fileprivate func perform(_ sql: String, _ body: (inout Errors) throws -> Void) throws {
        guard !connection.isLost else { throw DatabaseError(.unavailable, detail: "the connection was lost") }
        if let ticket, ticket.isCancelled { throw DatabaseError(.cancelled, statement: sql) }
        let start = ContinuousClock.now
        var errors = Errors(statement: sql)
        do {
            try body(&errors)
        } catch let lost as PostgresConnection.Lost {
            throw lost.error
        }
        guard let first = errors.first else { return }
        guard let error = first as? DatabaseError, error.code == .cancelled else { throw first }
        if let ticket, ticket.isCancelled { throw error }
        // The server stops a statement after its time limit with the same code; otherwise an administrator did it.
        let isTimeOut = ContinuousClock.now - start >= configuration.statementTimeout * 0.9
        throw error.with(code: isTimeOut ? .timeout : .unavailable)
    }

    /// Sends BEGIN if it is due. Returns the number of answers to expect.
    fileprivate func sendOpening() throws -> Int {
        guard let opening = pendingOpening else { return 0 }
        pendingOpening = nil
        try connection.send(prepared: opening.name)
        guard isUnlimited else { return 1 }
        try connection.send("SET LOCAL statement_timeout = 0")
        try connection.send("SET LOCAL idle_in_transaction_session_timeout = 0")
        return 3
    }

    fileprivate func sendPreamble(_ statement: Statement) throws -> Preamble {
        var completions = try sendOpening()
        if let name = statements.name(of: statement) {
            return Preamble(name: name, completions: completions, preparing: nil)
        }
        if let oldest = statements.evict() {
            try connection.send("DEALLOCATE " + oldest)
            completions += 1
        }
        let name = PostgresStatements.newName(of: statement)
        try connection.sendPrepare(name, statement.text.postgres)
        return Preamble(name: name, completions: completions, preparing: statement)
    }

    /// Sends executions up to the first whose arguments cannot be sent. Returns their number.
    fileprivate func send(_ rows: ArraySlice<[SQLValue]>, _ name: String, _ errors: inout Errors) throws -> Int {
        var sent = 0
        for arguments in rows {
            do {
                try parameters.set(arguments)
            } catch {
                // Not thrown from here: what was sent must be answered, or the connection would be out of step.
                errors.record(error)
                break
            }
            try connection.send(name, &parameters)
            sent += 1
        }
        return sent
    }

    fileprivate func take(_ preamble: Preamble, _ errors: inout Errors) throws {
        for _ in 0..<preamble.completions { try takeCompletion(&errors) }
        guard let statement = preamble.preparing else { return }
        var isPrepared = false
        try connection.takeResults { result, status in
            if status == PGRES_FATAL_ERROR {
                errors.record(PostgresErrors.error(result, statement: errors.statement))
            }
            isPrepared = status == PGRES_COMMAND_OK
        }
        if isPrepared { statements.insert(statement) }
    }

    fileprivate func takeCompletion(_ errors: inout Errors) throws {
        try connection.takeResults { result, status in
            if status == PGRES_FATAL_ERROR {
                errors.record(PostgresErrors.error(result, statement: errors.statement))
            }
        }
    }

    /// Takes the results of one statement; `body` gets the rows until it returns false.
    fileprivate func takeRows(
        _ errors: inout Errors, _ changes: inout Int, _ body: (PostgresRow) throws -> Bool
    ) throws {
        try connection.takeResults { result, status in
            switch status {
            case PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE:
                guard errors.first == nil else { return }
                do {
                    for row in 0..<PQntuples(result) {
                        guard try body(PostgresRow(result, row)) else { break }
                    }
                } catch {
                    errors.record(error)
                }
                if status == PGRES_TUPLES_OK { changes = Self.changes(result) }
            case PGRES_COMMAND_OK:
                changes = Self.changes(result)
            case PGRES_EMPTY_QUERY:
                errors.record(DatabaseError(.other, detail: "no statement in the text"))
            case PGRES_FATAL_ERROR:
                errors.record(PostgresErrors.error(result, statement: errors.statement))
            default:
                // PGRES_PIPELINE_ABORTED: an earlier statement of the batch has failed.
                return
            }
        }
    }

    /// Rows changed, from the command tag: that of a SELECT counts the rows returned.
    private static func changes(_ result: OpaquePointer) -> Int {
        guard let tag = PQcmdStatus(result), tag[0] != CChar(0x53), let count = PQcmdTuples(result) else { return 0 }
        return Int(String(cString: count)) ?? 0
    }
}
