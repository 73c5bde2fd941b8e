import NIOCore

/// A connection lent to a sender.
struct SMTPLease<Connection> {
    let id: Int
    let connection: Connection
    /// Whether it carried or could have carried something before.
    let isReused: Bool
}

extension SMTPLease: Sendable where Connection: Sendable {}

/// Which connection serves whom, as a pure state machine: at most so many connections, waiting in order of arrival, and a pause after a
/// failure to connect, so that many messages do not each wait for a timeout.
///
/// Methods return what to do after the lock is given back.
struct SMTPPoolStateMachine<Connection, Waiter> {
    typealias Lease = SMTPLease<Connection>

    enum Action {
        case connect(id: Int)
        case lend(Lease, to: Waiter)
        case fail(Waiter, SMTPUnavailability)
        case quit(Connection)
        case close(Connection)
        /// Call `awake` after this time: a pause ends, and somebody waits.
        case wake(after: TimeAmount)
        /// After a shutdown: no connection is left.
        case drained
    }

    /// The first pause and the longest.
    static var initialBackoff: TimeAmount { .milliseconds(500) }
    static var maximumBackoff: TimeAmount { .seconds(30) }

    /// A connection that is being made. A host with several addresses gets a socket for each in turn; one of them becomes the connection.
    private struct Attempt {
        /// The number of failures when it was begun.
        let failures: Int
        var candidates: [Connection] = []
        var winner: Connection?
    }

    private let maximumConnections: Int
    private var nextID = 0
    private var idle: [(id: Int, connection: Connection)] = []
    private var leased: [Int: Connection] = [:]
    private var connecting: [Int: Attempt] = [:]
    private var waiters: [Int: Waiter] = [:]
    private var queue: [Int] = []
    private var queueHead = 0
    private var failures = 0
    private var pause: (until: NIODeadline, reason: SMTPUnavailability)?
    private var isShutDown = false
    private var isAwakeningDue = false

    init(maximumConnections: Int) {
        self.maximumConnections = maximumConnections
    }

    /// Connections lent out.
    var leasedCount: Int { leased.count }
    /// Connections that are open or being made.
    var openCount: Int { idle.count + leased.count + connecting.count }
    /// Senders without a connection.
    var waitingCount: Int { waiters.count }

    /// Takes an idle connection if there is one. Cheaper than `wait`, and as fair: nobody waits while a connection is idle.
    mutating func leaseIdle() -> Lease? {
        guard !isShutDown, let (id, connection) = idle.popLast() else { return nil }
        leased[id] = connection
        return Lease(id: id, connection: connection, isReused: true)
    }

    /// Enters the queue.
    /// - Parameter waiterID: from `makeID`.
    mutating func wait(_ waiter: Waiter, id waiterID: Int, now: NIODeadline) -> [Action] {
        if isShutDown { return [.fail(waiter, SMTPUnavailability(.shutDown))] }
        if idle.isEmpty, leased.isEmpty, let pause, pause.until > now {
            return [.fail(waiter, pause.reason.retried(after: pause.until - now))]
        }
        waiters[waiterID] = waiter
        queue.append(waiterID)
        if let lease = leaseIdle() { return serve(lease) }
        return connectIfUseful(now: now)
    }

    /// A pause that somebody waits through is over.
    mutating func awake(now: NIODeadline) -> [Action] {
        isAwakeningDue = false
        return connectIfUseful(now: now) + endWaiting(now: now)
    }

    /// A number for a waiter, never given twice.
    mutating func makeID() -> Int {
        nextID += 1
        return nextID
    }

    /// Leaves the queue, if the waiter is still in it.
    mutating func cancelWaiter(_ id: Int) -> [Action] {
        guard let waiter = waiters.removeValue(forKey: id) else { return [] }
        return [.fail(waiter, SMTPUnavailability(.cancelled))]
    }

    /// Gives up every idle connection: one of them was found dead, and the others are as old.
    mutating func dropIdle() -> [Action] {
        defer { idle = [] }
        return idle.map { .quit($0.connection) }
    }

    /// A connection being made has a socket: one of several perhaps, of which all but one are thrown away.
    mutating func opened(_ id: Int, _ connection: Connection) -> [Action] {
        guard connecting[id] != nil, !isShutDown else { return [.close(connection)] }
        connecting[id]?.candidates.append(connection)
        return []
    }

    /// One of the sockets is connected: it is the connection, and the others count no more.
    mutating func connected(_ id: Int, _ connection: Connection) -> [Action] {
        guard let attempt = connecting[id], attempt.winner == nil, !isShutDown else { return [.close(connection)] }
        connecting[id]?.winner = connection
        connecting[id]?.candidates = []
        return []
    }

    mutating func established(_ id: Int, now: NIODeadline) -> [Action] {
        guard let connection = connecting.removeValue(forKey: id)?.winner else { return [] }
        if isShutDown { return [.quit(connection)] + drained() }
        failures = 0
        pause = nil
        leased[id] = connection
        return serve(Lease(id: id, connection: connection, isReused: false)) + connectIfUseful(now: now)
    }

    mutating func connectFailed(_ id: Int, _ reason: SMTPUnavailability, now: NIODeadline) -> [Action] {
        guard let attempt = connecting.removeValue(forKey: id) else { return [] }
        // Attempts that were under way together fail together: that is one failure.
        if attempt.failures == failures {
            failures += 1
            // A server that serves other connections is not down, it takes no more of them: their places are soon free.
            let doublings = leased.isEmpty && idle.isEmpty ? min(failures - 1, 10) : 0
            let doubled = Self.initialBackoff.nanoseconds << doublings
            let isHopeless = reason.code == .authentication && reason.reply?.isPermanent == true
            let length = isHopeless ? Self.maximumBackoff : min(.nanoseconds(doubled), Self.maximumBackoff)
            pause = (now + length, reason)
        }
        if isShutDown { return drained() }
        return connectIfUseful(now: now) + endWaiting(now: now)
    }

    mutating func released(_ id: Int, now: NIODeadline) -> [Action] {
        guard let connection = leased[id] else { return [] }
        if isShutDown {
            leased[id] = nil
            return [.quit(connection)] + drained()
        }
        return serve(Lease(id: id, connection: connection, isReused: true)) + connectIfUseful(now: now)
    }

    mutating func closed(_ id: Int, now: NIODeadline) -> [Action] {
        idle.removeAll { $0.id == id }
        guard leased.removeValue(forKey: id) != nil else { return [] }
        if isShutDown { return drained() }
        return connectIfUseful(now: now) + endWaiting(now: now)
    }

    /// `true`: the connection was idle and is the pool's no more.
    mutating func removeIdle(_ id: Int) -> Bool {
        guard let index = idle.firstIndex(where: { $0.id == id }) else { return false }
        idle.remove(at: index)
        return true
    }

    /// Takes in nothing more. Senders that have a connection keep it.
    mutating func shutDown() -> [Action] {
        isShutDown = true
        var actions: [Action] = waiters.values.map { .fail($0, SMTPUnavailability(.shutDown)) }
        waiters = [:]
        queue = []
        queueHead = 0
        actions += dropIdle()
        actions += connecting.values.flatMap { attempt in
            (attempt.winner.map { [$0] } ?? attempt.candidates).map { .close($0) }
        }
        return actions + drained()
    }

    /// Every connection that is lent out, to be closed by force.
    var leasedConnections: [Connection] { Array(leased.values) }

    /// Lends to the longest waiting, or lays the connection by.
    private mutating func serve(_ lease: Lease) -> [Action] {
        while queueHead < queue.count {
            let id = queue[queueHead]
            queueHead += 1
            if queueHead > 64, queueHead * 2 > queue.count {
                queue.removeFirst(queueHead)
                queueHead = 0
            }
            if let waiter = waiters.removeValue(forKey: id) { return [.lend(lease, to: waiter)] }
        }
        queue = []
        queueHead = 0
        leased[lease.id] = nil
        idle.append((lease.id, lease.connection))
        return []
    }

    /// Begins as many connections as have somebody waiting for them; after a failure only one, until it succeeds.
    private mutating func connectIfUseful(now: NIODeadline) -> [Action] {
        guard !isShutDown else { return [] }
        if let pause, pause.until > now { return [] }
        let limit = min(waiters.count, failures > 0 ? 1 : maximumConnections)
        // An attempt from before the failure may hang until its timeout: it is no answer to whether the server is back.
        var count = failures > 0 ? connecting.values.count { $0.failures == failures } : connecting.count
        var actions: [Action] = []
        while count < limit, openCount < maximumConnections {
            let id = makeID()
            connecting[id] = Attempt(failures: failures)
            count += 1
            actions.append(.connect(id: id))
        }
        return actions
    }

    /// What becomes of those who wait while no connection may be made.
    ///
    /// A server that serves other connections takes no more of them: whoever waits gets one of those, or a new one when the pause is over –
    /// a lent connection alone is no promise, it may hang for minutes. Where there is none, senders know what else to do, and when to
    /// come again.
    private mutating func endWaiting(now: NIODeadline) -> [Action] {
        guard let pause, pause.until > now, !waiters.isEmpty else { return [] }
        guard leased.isEmpty else {
            guard !isAwakeningDue else { return [] }
            isAwakeningDue = true
            return [.wake(after: pause.until - now)]
        }
        let reason = pause.reason.retried(after: pause.until - now)
        defer {
            waiters = [:]
            queue = []
            queueHead = 0
        }
        return queue[queueHead...].compactMap { id in waiters[id].map { .fail($0, reason) } }
    }

    private func drained() -> [Action] {
        isShutDown && openCount == 0 ? [.drained] : []
    }
}

extension SMTPUnavailability {
    /// The same reason, with the time until the next attempt.
    func retried(after pause: TimeAmount) -> SMTPUnavailability {
        SMTPUnavailability(code, reply: reply, retryAfter: .nanoseconds(pause.nanoseconds))
    }
}
