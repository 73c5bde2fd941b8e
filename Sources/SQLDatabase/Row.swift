/// One row of a result. Valid only inside the closure that receives it.
///
/// Columns are counted from 0. Reading a column as another type than it has, or a NULL through a non-optional accessor, is
/// a programming error: the accessor returns a zero value, and the statement then throws `DatabaseError.other`, so that
/// neither a wrong value gets out nor the server stops.
package struct Row {
    enum Storage {
        case sqlite(SQLiteRow)
        case postgres(PostgresRow)
    }

    let storage: Storage
    let fault: RowFault

    /// An integer column.
    package func int(_ column: Int) -> Int64 { optionalInt(column) ?? missing(column, 0) }

    /// A text column.
    package func text(_ column: Int) -> String { optionalText(column) ?? missing(column, "") }

    /// A flag; on SQLite any integer but 0 is true.
    package func bool(_ column: Int) -> Bool { optionalBool(column) ?? missing(column, false) }

    /// A floating-point column; integers are converted.
    package func double(_ column: Int) -> Double { optionalDouble(column) ?? missing(column, 0) }

    /// A column of bytes.
    package func blob(_ column: Int) -> [UInt8] { optionalBlob(column) ?? missing(column, []) }

    /// Whether the column is NULL.
    package func isNull(_ column: Int) -> Bool {
        switch storage {
        case .sqlite(let row): row.isNull(column, fault)
        case .postgres(let row): row.isNull(column, fault)
        }
    }

    /// An integer column that may be NULL.
    package func optionalInt(_ column: Int) -> Int64? {
        switch storage {
        case .sqlite(let row): row.int(column, fault)
        case .postgres(let row): row.int(column, fault)
        }
    }

    /// A text column that may be NULL.
    package func optionalText(_ column: Int) -> String? {
        switch storage {
        case .sqlite(let row): row.text(column, fault)
        case .postgres(let row): row.text(column, fault)
        }
    }

    /// A flag that may be NULL.
    package func optionalBool(_ column: Int) -> Bool? {
        switch storage {
        case .sqlite(let row): row.int(column, fault).map { $0 != 0 }
        case .postgres(let row): row.bool(column, fault)
        }
    }

    /// A floating-point column that may be NULL.
    package func optionalDouble(_ column: Int) -> Double? {
        switch storage {
        case .sqlite(let row): row.double(column, fault)
        case .postgres(let row): row.double(column, fault)
        }
    }

    /// A column of bytes that may be NULL.
    package func optionalBlob(_ column: Int) -> [UInt8]? {
        switch storage {
        case .sqlite(let row): row.blob(column, fault)
        case .postgres(let row): row.blob(column, fault)
        }
    }

    private func missing<T>(_ column: Int, _ zero: T) -> T {
        fault.report("column \(column) is NULL")
        return zero
    }
}

/// The first wrong access to a row of the running statement.
final class RowFault {
    private(set) var message: String?

    func report(_ message: String) {
        if self.message == nil { self.message = message }
    }

    func clear() { message = nil }
}
