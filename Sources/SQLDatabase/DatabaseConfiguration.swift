extension Database {
    /// Limits of a database. The defaults suit one server process.
    package struct Configuration: Sendable {
        /// SQLite: connections for read closures, 1 or more.
        package var maximumReaders = 4

        /// PostgreSQL: connections for all closures, 1 or more.
        package var maximumConnections = 16

        /// Closures that may wait for a connection; one more is answered with `.unavailable`.
        package var maximumWaiting = 10_000

        /// SQLite: write closures that share one commit, 1 or more.
        package var maximumGroupSize = 512

        /// SQLite: for how long closures join a group before it is committed.
        package var maximumGroupDuration: Duration = .milliseconds(10)

        /// How long a statement may run, 1 ms or more; then `.timeout`.
        package var statementTimeout: Duration = .seconds(30)

        /// SQLite: how long a transaction waits for another process's one; then `.unavailable`.
        package var busyTimeout: Duration = .seconds(5)

        /// How long a schema change waits for another process's one; then `.unavailable`.
        package var schemaLockTimeout: Duration = .seconds(600)

        /// PostgreSQL: how long an attempt to connect may take, 2 s or more; then `.unavailable`.
        package var connectTimeout: Duration = .seconds(5)

        /// How often a closure is run again after collisions with other transactions.
        package var maximumRetries = 8

        /// Prepared statements that a connection keeps, 1 or more.
        package var maximumStatements = 256

        /// PostgreSQL: the name that the server shows for our connections.
        package var applicationName = "minimo"

        package init() {}
    }
}
