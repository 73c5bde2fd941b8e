/// What the database has done since it was opened, and what it is doing now. Counts never fall, gauges do.
package struct Statistics: Sendable, Equatable {
    /// Gauge: connections that are open.
    package var connections = 0

    /// Gauge: connections that are running a closure.
    package var connectionsInUse = 0

    /// Gauge: closures that wait for a connection.
    package var waiting = 0

    /// Read closures that succeeded.
    package var reads = 0

    /// Write closures whose transaction was committed.
    package var writes = 0

    /// Closures that ended in an error, cancelled ones included.
    package var failures = 0

    /// Closures that were run again: a collision, a lost connection, a failed group.
    package var retries = 0

    /// Commits of write transactions. On SQLite one commit answers a group of closures.
    package var commits = 0

    /// The largest number of write closures that one commit answered.
    package var largestGroup = 0

    /// Connections that were opened in place of a lost one.
    package var reconnects = 0
}
