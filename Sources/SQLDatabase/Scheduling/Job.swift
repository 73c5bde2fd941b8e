/// A closure on its way through a driver.
struct Job: Sendable {
    /// What the closure may do.
    enum Kind: Sendable {
        /// Read, from one snapshot.
        case read
        /// Write, in a transaction that may answer other closures too.
        case write
        /// Change the schema: alone, without a time limit, and on SQLite with foreign keys checked at the end only.
        case schemaChange
        /// Nothing but see whether there is a connection.
        case opening
    }

    let kind: Kind
    let ticket: Ticket

    /// Runs the closure and returns what tells its result to the task.
    let run: @Sendable (Connection) throws -> @Sendable () -> Void

    /// Tells the task that the closure failed.
    let fail: @Sendable (any Error) -> Void
}

/// What the two engines do behind a `Database`.
protocol Driver: AnyObject, Sendable {
    /// Takes a closure, or answers it with `.unavailable` when too many wait or the database is closed. Never blocks.
    func submit(_ job: Job)

    /// Takes no further closures and returns at once; those that wait are still run, then the connections are closed.
    func beginClosing()

    /// The same, but returns when the connections are closed.
    func close() async

    var statistics: Statistics { get }
}
