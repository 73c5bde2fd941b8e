import GRDBSQLite

/// The C interface of SQLite on a connection that GRDB has opened.
///
/// Statements are prepared, bound, stepped and read here, because GRDB's layer costs more than the statement itself
/// where many small ones run in one transaction (upserts, 100 at a time, at a third of the C interface's rate). Used on the connection's thread only.
struct SQLiteHandle {
    private let connection: OpaquePointer

    init(_ connection: OpaquePointer) {
        self.connection = connection
        // GRDB leaves its authorizer behind from the statements that it compiled; ours need none.
        sqlite3_set_authorizer(connection, nil, nil)
    }

    /// Whether no transaction is open. SQLite ends one by itself after some errors.
    var isOutsideTransaction: Bool { sqlite3_get_autocommit(connection) != 0 }

    /// Rows changed by the last INSERT, UPDATE or DELETE.
    var changes: Int { Int(sqlite3_changes64(connection)) }

    /// Rows changed since the connection was opened.
    var totalChanges: Int { Int(sqlite3_total_changes64(connection)) }

    /// Compiles exactly one statement.
    ///
    /// - Throws: `DatabaseError`; its detail is SQLite's message, which at this point speaks of the text alone.
    func prepare(_ sql: String) throws -> SQLiteStatement {
        var sql = sql
        return try sql.withUTF8 { bytes in
            try bytes.withMemoryRebound(to: CChar.self) { text in
                var pointer: OpaquePointer?
                var tail: UnsafePointer<CChar>?
                let code = sqlite3_prepare_v3(
                    connection, text.baseAddress, CInt(text.count), UInt32(SQLITE_PREPARE_PERSISTENT), &pointer, &tail)
                guard code == SQLITE_OK else {
                    throw SQLiteErrors.error(code: code, message: message, isAboutText: true)
                }
                guard let pointer else { throw DatabaseError(.other, detail: "no statement in the text") }
                let statement = SQLiteStatement(pointer, self)
                if let tail, let start = text.baseAddress, !isBlank(text[(tail - start)...]) {
                    throw DatabaseError(.other, detail: "more than one statement in the text")
                }
                try statement.readParameters()
                return statement
            }
        }
    }

    /// Calls `session.shouldStop` every few thousand steps of SQLite's machine.
    func watch(_ session: SQLiteSession?) {
        guard let session else { return sqlite3_progress_handler(connection, 0, nil, nil) }
        sqlite3_progress_handler(
            connection, 4000,
            { context in
                guard let context else { return 0 }
                return Unmanaged<SQLiteSession>.fromOpaque(context).takeUnretainedValue().shouldStop ? 1 : 0
            }, Unmanaged.passUnretained(session).toOpaque())
    }

    /// The error of the last call.
    func error(_ code: CInt) -> DatabaseError {
        SQLiteErrors.error(code: code, message: message, isAboutText: false)
    }

    private var message: String { sqlite3_errmsg(connection).map { String(cString: $0) } ?? "" }

    private func isBlank(_ text: Slice<UnsafeBufferPointer<CChar>>) -> Bool {
        text.allSatisfy { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 || $0 == 0x3B }
    }
}

/// A prepared statement; finalised with its last reference.
final class SQLiteStatement {
    private let pointer: OpaquePointer
    private let handle: SQLiteHandle

    /// For each of SQLite's parameters, which are numbered by first appearance, the position of its argument.
    private var argumentPositions: [Int] = []
    private var argumentCount = 0

    /// When it was used last, in statements of the connection.
    var lastUse = 0

    fileprivate init(_ pointer: OpaquePointer, _ handle: SQLiteHandle) {
        self.pointer = pointer
        self.handle = handle
    }

    deinit { sqlite3_finalize(pointer) }

    fileprivate func readParameters() throws {
        let count = sqlite3_bind_parameter_count(pointer)
        for index in 0..<count {
            guard let name = sqlite3_bind_parameter_name(pointer, index + 1), name[0] == CChar(0x24),
                let number = Int(String(cString: name + 1)), number >= 1
            else { throw DatabaseError(.other, detail: "a placeholder that is not $1, $2…") }
            argumentPositions.append(number - 1)
            argumentCount = max(argumentCount, number)
        }
    }

    /// Binds all arguments.
    func bind(_ arguments: [SQLValue]) throws {
        guard arguments.count == argumentCount else {
            throw DatabaseError(
                .other, detail: "\(arguments.count) arguments for a statement with \(argumentCount) placeholders")
        }
        for (index, position) in argumentPositions.enumerated() {
            let code = try bind(arguments[position], at: CInt(index + 1))
            guard code == SQLITE_OK else { throw handle.error(code) }
        }
    }

    private func bind(_ value: SQLValue, at index: CInt) throws -> CInt {
        switch value {
        case .null: sqlite3_bind_null(pointer, index)
        case .integer(let value): sqlite3_bind_int64(pointer, index, value)
        case .real(let value): sqlite3_bind_double(pointer, index, value)
        case .boolean(let value): sqlite3_bind_int64(pointer, index, value ? 1 : 0)
        case .text(let value): try bind(text: value, at: index)
        case .integers(let values): try bind(text: JSONList.text(values), at: index)
        case .texts(let values): try bind(text: JSONList.text(values), at: index)
        case .blob(let bytes):
            bytes.isEmpty
                ? sqlite3_bind_zeroblob(pointer, index, 0)
                : sqlite3_bind_blob64(pointer, index, bytes, UInt64(bytes.count), Self.copies)
        }
    }

    private func bind(text: String, at index: CInt) throws -> CInt {
        var text = text
        return try text.withUTF8 { bytes in
            guard !bytes.contains(0) else { throw DatabaseError.zeroInText }
            return bytes.withMemoryRebound(to: CChar.self) { bytes in
                // An empty text has a null base address, which would bind NULL.
                guard let start = bytes.baseAddress else {
                    return sqlite3_bind_text(pointer, index, "", 0, Self.copies)
                }
                return sqlite3_bind_text64(pointer, index, start, UInt64(bytes.count), Self.copies, UInt8(SQLITE_UTF8))
            }
        }
    }

    /// SQLITE_TRANSIENT, a macro that Swift does not import: SQLite copies what is bound.
    private static var copies: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    /// Goes to the next row.
    ///
    /// - Returns: false at the end.
    func step() throws -> Bool {
        let code = sqlite3_step(pointer)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw handle.error(code)
        }
    }

    /// Runs a statement without arguments and rows, such as COMMIT.
    func execute() throws {
        defer { reset() }
        while try step() {}
    }

    /// Ends the statement's run.
    func reset() {
        sqlite3_reset(pointer)
        if argumentCount > 0 { sqlite3_clear_bindings(pointer) }
    }

    /// The row that `step` reached.
    var row: SQLiteRow { SQLiteRow(statement: pointer) }
}

/// The current row of a statement.
struct SQLiteRow {
    fileprivate let statement: OpaquePointer

    func isNull(_ column: Int, _ fault: RowFault) -> Bool { type(column, fault) == SQLITE_NULL }

    func int(_ column: Int, _ fault: RowFault) -> Int64? {
        switch type(column, fault) {
        case SQLITE_INTEGER: return sqlite3_column_int64(statement, CInt(column))
        case SQLITE_NULL: return nil
        default:
            fault.report("column \(column) is not an integer")
            return nil
        }
    }

    func double(_ column: Int, _ fault: RowFault) -> Double? {
        switch type(column, fault) {
        case SQLITE_INTEGER, SQLITE_FLOAT: return sqlite3_column_double(statement, CInt(column))
        case SQLITE_NULL: return nil
        default:
            fault.report("column \(column) is not a number")
            return nil
        }
    }

    func text(_ column: Int, _ fault: RowFault) -> String? {
        switch type(column, fault) {
        case SQLITE_TEXT:
            guard let start = sqlite3_column_text(statement, CInt(column)) else { return nil }
            let count = Int(sqlite3_column_bytes(statement, CInt(column)))
            return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
        case SQLITE_NULL: return nil
        default:
            fault.report("column \(column) is not text")
            return nil
        }
    }

    func blob(_ column: Int, _ fault: RowFault) -> [UInt8]? {
        switch type(column, fault) {
        case SQLITE_BLOB:
            let count = Int(sqlite3_column_bytes(statement, CInt(column)))
            guard count > 0, let start = sqlite3_column_blob(statement, CInt(column)) else { return [] }
            return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
        case SQLITE_NULL: return nil
        default:
            fault.report("column \(column) is not bytes")
            return nil
        }
    }

    /// The type, after a check that the column exists: SQLite leaves a wrong column undefined.
    private func type(_ column: Int, _ fault: RowFault) -> CInt {
        guard column >= 0, column < Int(sqlite3_column_count(statement)) else {
            fault.report("no column \(column)")
            return SQLITE_NULL
        }
        return sqlite3_column_type(statement, CInt(column))
    }
}
