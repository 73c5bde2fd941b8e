import GRDBSQLite

/// SQLite's result codes and messages as `DatabaseError`.
enum SQLiteErrors {
    /// - Parameters:
    ///   - code: an extended result code.
    ///   - message: SQLite's message. It may hold values (full-text queries, JSON paths), so only its known parts get out.
    ///   - isAboutText: the message comes from compiling a constant text, and is safe as it is.
    static func error(code: CInt, message: String, isAboutText: Bool) -> DatabaseError {
        let engineCode = String(code)
        switch code {
        case 2067, 1555, 2579:  // SQLITE_CONSTRAINT_UNIQUE, _PRIMARYKEY, _ROWID
            let (columns, index) = uniqueConstraint(message)
            return DatabaseError(.uniqueViolation, constraint: index, columns: columns, engineCode: engineCode)
        case 787:  // SQLITE_CONSTRAINT_FOREIGNKEY
            return DatabaseError(.foreignKeyViolation, engineCode: engineCode)
        case 275:  // SQLITE_CONSTRAINT_CHECK
            return DatabaseError(
                .checkViolation, constraint: suffix(message, after: "CHECK constraint failed: "),
                engineCode: engineCode)
        case 1299:  // SQLITE_CONSTRAINT_NOTNULL
            let column = suffix(message, after: "NOT NULL constraint failed: ")
            return DatabaseError(.checkViolation, columns: column.map { [$0] } ?? [], engineCode: engineCode)
        case 517:  // SQLITE_BUSY_SNAPSHOT
            return DatabaseError(.serializationFailure, engineCode: engineCode)
        case 4874:  // SQLITE_IOERR_SHMSIZE: the wal-index could not grow
            return DatabaseError(.full, engineCode: engineCode)
        default:
            break
        }
        switch code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED:
            return DatabaseError(.unavailable, engineCode: engineCode, detail: "the database is locked")
        case SQLITE_INTERRUPT: return DatabaseError(.cancelled, engineCode: engineCode)
        case SQLITE_FULL: return DatabaseError(.full, engineCode: engineCode, detail: "the disk is full")
        case SQLITE_READONLY: return DatabaseError(.readOnly, engineCode: engineCode)
        case SQLITE_IOERR: return DatabaseError(.unavailable, engineCode: engineCode, detail: "a disk error")
        case SQLITE_NOMEM: return DatabaseError(.unavailable, engineCode: engineCode, detail: "out of memory")
        case SQLITE_CANTOPEN:
            return DatabaseError(.unavailable, engineCode: engineCode, detail: "the file cannot be opened")
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            return DatabaseError(.other, engineCode: engineCode, detail: "the file is damaged or no database")
        default:
            return DatabaseError(.other, engineCode: engineCode, detail: isAboutText ? message : nil)
        }
    }

    /// The columns, or the index's name, from "UNIQUE constraint failed: t.a, t.b" or "… failed: index 'name'".
    private static func uniqueConstraint(_ message: String) -> ([String], String?) {
        guard let list = suffix(message, after: "UNIQUE constraint failed: ") else { return ([], nil) }
        if let name = suffix(list, after: "index '") { return ([], String(name.dropLast())) }
        return (list.split(separator: ",").map { String($0.drop { $0 == " " }) }, nil)
    }

    private static func suffix(_ message: String, after prefix: String) -> String? {
        message.hasPrefix(prefix) ? String(message.dropFirst(prefix.count)) : nil
    }
}

extension DatabaseError {
    /// PostgreSQL cannot store U+0000, so neither engine takes it.
    static let zeroInText = DatabaseError(.other, detail: "U+0000 in a text argument")
}
