package import Logging

/// A SQLite file or a PostgreSQL server, behind one interface.
///
/// Closures are synchronous, run on a thread of the database's own, and may be run again after a collision, a lost
/// connection or a failed group: they must touch nothing outside. Cancelling the task stops the running statement and
/// undoes the transaction.
package final class Database: Sendable {
    /// Where the data are.
    package enum Location: Sendable {
        /// A file, made if it is missing.
        case sqlite(path: String)
        /// A libpq connection URI, `postgres://…`.
        case postgres(url: String)
    }

    package let dialect: Dialect
    private let driver: any Driver

    init(dialect: Dialect, driver: any Driver) {
        self.dialect = dialect
        self.driver = driver
    }

    deinit { driver.beginClosing() }

    /// Opens the database and proves that it can be used.
    ///
    /// - Throws: `DatabaseError`: `.unavailable` when it cannot be reached or opened.
    package static func open(
        _ location: Location, configuration: Configuration = .init(), logger: Logger
    ) async throws -> Database {
        let database =
            switch location {
            case .sqlite(let path):
                Database(dialect: .sqlite, driver: SQLiteDriver(path: path, configuration: configuration))
            case .postgres(let url):
                Database(
                    dialect: .postgres,
                    driver: try PostgresDriver(url: url, configuration: configuration, logger: logger))
            }
        do {
            try await database.submit(.opening) { _ in }
        } catch {
            await database.close()
            throw error
        }
        return database
    }

    /// Runs a closure that reads from one snapshot of the data. It never waits for writers.
    ///
    /// - Throws: `DatabaseError`, and what the closure throws.
    package func read<T: Sendable>(_ body: @escaping @Sendable (Connection) throws -> T) async throws -> T {
        try await submit(.read, body)
    }

    /// Runs a closure as one transaction, which is durable when this returns and undone when it throws.
    ///
    /// PostgreSQL runs it at READ COMMITTED: what a decision rests on needs a unique index, a conditional statement or
    /// `Dialect.forUpdate`.
    ///
    /// - Throws: `DatabaseError`, and what the closure throws. With `DatabaseError.isOutcomeUnknown` the transaction may
    ///   have happened.
    @discardableResult
    package func write<T: Sendable>(_ body: @escaping @Sendable (Connection) throws -> T) async throws -> T {
        try await submit(.write, body)
    }

    /// Runs a closure that changes the schema: one transaction, alone, without a time limit.
    @discardableResult
    func changeSchema<T: Sendable>(_ body: @escaping @Sendable (Connection) throws -> T) async throws -> T {
        try await submit(.schemaChange, body)
    }

    /// Takes no further closures, lets those finish that wait or run, and closes all connections.
    package func close() async {
        await driver.close()
    }

    /// Figures for metrics.
    package var statistics: Statistics { driver.statistics }

    private func submit<T: Sendable>(
        _ kind: Job.Kind, _ body: @escaping @Sendable (Connection) throws -> T
    ) async throws -> T {
        let ticket = Ticket()
        // An unsafe continuation, because a checked one costs an allocation and a lock per call. The ticket gives the
        // answer to one side only: to the cancellation while the job waits, to the driver from then on.
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<T, any Error>) in
                let isQueued = ticket.wait { continuation.resume(throwing: DatabaseError(.cancelled)) }
                guard isQueued else { return continuation.resume(throwing: DatabaseError(.cancelled)) }
                driver.submit(
                    Job(
                        kind: kind, ticket: ticket,
                        run: { connection in
                            let value = try body(connection)
                            return { continuation.resume(returning: value) }
                        },
                        fail: { continuation.resume(throwing: $0) }))
            }
        } onCancel: {
            ticket.cancel()
        }
    }
}
