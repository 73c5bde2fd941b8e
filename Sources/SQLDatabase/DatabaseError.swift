/// Why the database did not do what was asked.
///
/// The description never holds a value, a password or an address, so it may be logged. It may quote the statement's
/// text, which is a constant of the program.
package struct DatabaseError: Error, Sendable, Equatable {
    /// The kinds of failure that callers tell apart.
    package enum Code: String, Sendable, CaseIterable {
        /// A unique index or primary key refused the row; see `violates(_:)`.
        case uniqueViolation
        case foreignKeyViolation
        /// A CHECK or NOT NULL constraint refused the row.
        case checkViolation
        /// Transactions kept colliding although the closure was run again several times.
        case serializationFailure
        /// The Swift task was cancelled; nothing was written.
        case cancelled
        /// The database cannot be reached or is too busy: try again later (HTTP 503).
        case unavailable
        /// No space is left; nothing was written.
        case full
        /// A write was tried where only reading is allowed.
        case readOnly
        /// The statement took longer than `Configuration.statementTimeout`; nothing was written.
        case timeout
        /// A fault in the program or in the database.
        case other
    }

    package let code: Code

    /// The constraint that refused the row, where the engine names it: on PostgreSQL the constraint's or index's name,
    /// on SQLite a CHECK constraint's name or the name of an index on expressions.
    package let constraint: String?

    /// On SQLite the columns of the unique constraint that refused the row, or the column that must not be NULL, each
    /// as `table.column`. Empty on PostgreSQL.
    package let columns: [String]

    /// The engine's own code: SQLSTATE, or SQLite's extended result code.
    package let engineCode: String?

    /// The answer to a COMMIT was lost: the transaction may have happened. Only ever true with `.unavailable`.
    package let isOutcomeUnknown: Bool

    /// The text of the statement that failed.
    package let statement: String?

    /// What happened, in words without values.
    package let detail: String?

    init(
        _ code: Code, constraint: String? = nil, columns: [String] = [], engineCode: String? = nil,
        isOutcomeUnknown: Bool = false, statement: String? = nil, detail: String? = nil
    ) {
        self.code = code
        self.constraint = constraint
        self.columns = columns
        self.engineCode = engineCode
        self.isOutcomeUnknown = isOutcomeUnknown
        self.statement = statement
        self.detail = detail
    }

    /// The same error under another code.
    func with(code: Code) -> DatabaseError {
        DatabaseError(
            code, constraint: constraint, columns: columns, engineCode: engineCode, isOutcomeUnknown: isOutcomeUnknown,
            statement: statement, detail: detail)
    }

    /// Whether this is a unique violation of the given index, on either engine.
    package func violates(_ index: UniqueIndex) -> Bool {
        guard code == .uniqueViolation else { return false }
        if constraint == index.name { return true }
        return !columns.isEmpty && columns == index.columns.map { index.table + "." + $0 }
    }
}

extension DatabaseError: CustomStringConvertible {
    package var description: String {
        var parts = [code.rawValue]
        if let engineCode { parts.append("[\(engineCode)]") }
        if let constraint { parts.append("constraint \(constraint)") }
        if !columns.isEmpty { parts.append("columns \(columns.joined(separator: ", "))") }
        if let detail { parts.append(detail) }
        if isOutcomeUnknown { parts.append("(it is unknown whether the transaction was committed)") }
        if let statement {
            parts.append("in: " + statement.prefix(120).split(whereSeparator: \.isWhitespace).joined(separator: " "))
        }
        return parts.joined(separator: " ")
    }
}
