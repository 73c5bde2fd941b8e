/// The settings of a delivery engine.
package struct DeliveryConfiguration: Sendable {
    /// Hand-offs at a time.
    package var slots: Int
    /// No other engine works on this database: whatever is leased when it starts belongs to a process that is gone.
    package var isExclusive: Bool
    /// How often the queue is looked at without a signal: the precision of due times, and how late messages are noticed
    /// that another process has queued.
    package var pollInterval: Duration
    /// How often a node says that it is alive.
    package var heartbeatInterval: Duration
    /// How long it counts as alive after having said so. Clocks of nodes must agree within the difference of the two.
    package var nodeLifetime: Duration
    /// How often leases of dead nodes are looked for.
    package var rescueInterval: Duration
    /// How long a stop waits for hand-offs that have begun.
    package var shutdownLimit: Duration
    package var retry: RetryPolicy
    package var unconfirmed: UnconfirmedPolicy

    package init(
        slots: Int = 128, isExclusive: Bool = false, pollInterval: Duration = .milliseconds(500),
        heartbeatInterval: Duration = .seconds(3), nodeLifetime: Duration = .seconds(12),
        rescueInterval: Duration = .seconds(5), shutdownLimit: Duration = .seconds(20), retry: RetryPolicy = .init(),
        unconfirmed: UnconfirmedPolicy = .init()
    ) {
        self.slots = max(slots, 2)
        self.isExclusive = isExclusive
        self.pollInterval = pollInterval
        self.heartbeatInterval = heartbeatInterval
        self.nodeLifetime = nodeLifetime
        self.rescueInterval = rescueInterval
        self.shutdownLimit = shutdownLimit
        self.retry = retry
        self.unconfirmed = unconfirmed
    }
}
