import CPostgres

/// SQLSTATE codes (PostgreSQL 15, appendix A) as `DatabaseError`.
enum PostgresErrors {
    /// The error that a result describes.
    static func error(_ result: OpaquePointer, statement: String?) -> DatabaseError {
        let state = field(result, CInt(UInt8(ascii: "C")))
        let constraint = field(result, CInt(UInt8(ascii: "n")))
        // A primary message may quote a value ("invalid input syntax …"). Those of class 42, errors of the statement's
        // text, speak of names only.
        let message = state?.hasPrefix("42") == true ? field(result, CInt(UInt8(ascii: "M"))) : nil
        var columns: [String] = []
        if state == "23502", let table = field(result, CInt(UInt8(ascii: "t"))),
            let column = field(result, CInt(UInt8(ascii: "c")))
        {
            columns = [table + "." + column]
        }
        return DatabaseError(
            code(state ?? ""), constraint: constraint, columns: columns, engineCode: state, statement: statement,
            detail: message)
    }

    static func code(_ state: String) -> DatabaseError.Code {
        switch state {
        case "23505": .uniqueViolation
        case "23503", "23001": .foreignKeyViolation
        case "23514", "23502", "23P01": .checkViolation
        case "40001", "40P01": .serializationFailure
        // Told from a time-out by the session, which knows whether it asked for it.
        case "57014": .cancelled
        case "55P03", "25P03", "57P05": .timeout
        case "53100": .full
        case "25006": .readOnly
        // The wrong number of arguments.
        case "08P01": .other
        // Insufficient resources, operator intervention, system errors, connections.
        case let state where ["08", "53", "57", "58"].contains(state.prefix(2)): .unavailable
        default: .other
        }
    }

    /// Whether the prepared statement is unknown to the server, or the schema has changed under it.
    static func isStalePlan(_ state: String?) -> Bool { state == "26000" || state == "0A000" }

    static func field(_ result: OpaquePointer, _ code: CInt) -> String? {
        PQresultErrorField(result, code).map { String(cString: $0) }
    }
}
