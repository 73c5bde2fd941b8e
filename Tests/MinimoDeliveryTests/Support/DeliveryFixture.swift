import Logging
import MinimoCore
import MinimoDelivery
import MinimoTesting
import SQLDatabase
import Synchronization
import Testing
import Wire

/// A database with a company, its two workspaces, a clock and a signal.
struct DeliveryFixture: Sendable {
    let database: Database
    let live: Workspace
    let test: Workspace
    let clock: ManualClock
    let signal = QueueSignal()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func with<T>(
        _ engine: TestEngine, clock: ManualClock = ManualClock(), _ body: (DeliveryFixture) async throws -> T
    ) async throws -> T {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let now = clock.now()
            let (live, test) = try await database.write { db in
                let companies = CompanyStore()
                let company = try companies.create(db, name: "Acme", now: now)
                return (
                    try companies.workspace(db, companyID: company.id, mode: .live),
                    try companies.workspace(db, companyID: company.id, mode: .test)
                )
            }
            return try await body(DeliveryFixture(database: database, live: live, test: test, clock: clock))
        }
    }

    /// Queues inline messages to the addresses.
    @discardableResult
    func queue(
        _ addresses: [String], in workspace: Workspace? = nil, category: MessageCategory = .transactional,
        scheduledAt: Timestamp? = nil
    ) async throws -> [Int64] {
        let workspace = workspace ?? live
        let now = clock.now()
        let ids = try await database.write { db in
            try MessageStore().insert(
                db, workspace: workspace,
                messages: addresses.map { address in
                    NewMessage(
                        channel: .email, category: category, to: address, from: "Acme <hello@acme.example>",
                        subject: "Hello", content: .inline(subject: "Hello", html: "<p>Hi</p>", text: "Hi"),
                        contactID: 77, scheduledAt: scheduledAt)
                }, now: now)
        }
        signal.signal()
        return ids
    }

    func message(_ id: Int64, in workspace: Workspace? = nil) async throws -> Message {
        let workspaceID = (workspace ?? live).id
        let message = try await database.read { db in try MessageStore().get(db, workspaceID: workspaceID, id: id) }
        return try #require(message)
    }

    func attempts(_ id: Int64, in workspace: Workspace? = nil) async throws -> [DeliveryAttempt] {
        let workspaceID = (workspace ?? live).id
        return try await database.read { db in try MessageStore().attempts(db, workspaceID: workspaceID, id: id) }
    }

    func events(_ id: Int64, in workspace: Workspace? = nil) async throws -> [Event] {
        let workspaceID = (workspace ?? live).id
        return try await database.read { db in try MessageStore().events(db, workspaceID: workspaceID, id: id) }
    }

    func eventTypes(_ id: Int64, in workspace: Workspace? = nil) async throws -> [EventType] {
        try await events(id, in: workspace).map(\.type)
    }

    func outcomes(_ id: Int64, in workspace: Workspace? = nil) async throws -> [DeliveryAttempt.Outcome] {
        try await attempts(id, in: workspace).map(\.outcome)
    }

    /// A queue row as a test sees it.
    struct QueueRow: Sendable, Equatable {
        var messageID: Int64
        var dueAt: Timestamp
        var attempts: Int
        var isLeased = false
        var hasIntent = false
        var waitReason: String?
        var followUp: String?
    }

    func queueRows() async throws -> [QueueRow] {
        try await database.read { db in
            try db.query(Self.selectQueue) { row in
                QueueRow(
                    messageID: row.int(0), dueAt: Timestamp(microseconds: row.int(1)), attempts: Int(row.int(2)),
                    isLeased: !row.isNull(3), hasIntent: !row.isNull(4), waitReason: row.optionalText(5),
                    followUp: row.optionalText(6))
            }
        }
    }

    private static let selectQueue = Statement(
        """
        SELECT message_id, due_at, attempts, lease_node, intent_at, wait_reason, follow_up FROM delivery_queue
        ORDER BY message_id
        """)

    /// A new node that lives for 12 seconds.
    func makeNode() async throws -> Int64 {
        let now = clock.now()
        return try await database.write { db in
            try NodeStore().register(db, now: now, aliveUntil: now + .seconds(12))
        }
    }

    /// Leases what is due.
    func lease(
        node: Int64, token: Int64 = 1, lane: DeliveryLane = .transactional, limit: Int = 100,
        in workspace: Workspace? = nil
    ) async throws -> [Lease] {
        let now = clock.now()
        let stream = DeliveryStream(workspaceID: (workspace ?? live).id, channel: .email)
        return try await database.write { db in
            try QueueStore().lease(db, stream, lane: lane, limit: limit, nodeID: node, token: token, now: now)
        }
    }
}

/// A channel that answers as a test says, and remembers what it was asked.
final class ScriptedChannel: Channel {
    typealias Script = @Sendable (HandOff) async -> DeliveryOutcome

    private let script: Script
    private let seen = Mutex<[(id: Int64, attempt: Int)]>([])

    /// - Parameter script: by default the intent is written and the message is taken.
    init(_ script: @escaping Script = ScriptedChannel.accept) {
        self.script = script
    }

    static let accept: Script = { handOff in
        do {
            try await handOff.announce()
            return .accepted(providerID: "p\(handOff.message.id)", ChannelReply(code: 250, text: "ok"))
        } catch {
            return .unavailable(.relayUnavailable)
        }
    }

    /// Every hand-off that was asked for.
    var deliveries: [(id: Int64, attempt: Int)] { seen.withLock { $0 } }

    func deliver(_ handOff: HandOff) async {
        seen.withLock { $0.append((handOff.message.id, handOff.attempt)) }
        handOff.conclude(await script(handOff))
    }

    func run() async {}
}

/// A gate that a test opens.
final class Gate: Sendable {
    private let state = Mutex((isOpen: false, waiters: [CheckedContinuation<Void, Never>]()))

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// An engine at work, and what it tells.
final class RunningEngine: Sendable {
    let engine: DeliveryEngine
    private let observations: AsyncStream<DeliveryObservation>

    private init(engine: DeliveryEngine, observations: AsyncStream<DeliveryObservation>) {
        self.engine = engine
        self.observations = observations
    }

    /// Runs an engine beside the body, then stops it and waits for its end.
    @discardableResult
    static func with<T: Sendable>(
        _ fixture: DeliveryFixture, live: any Channel = ScriptedChannel(), sandbox: any Channel = ScriptedChannel(),
        configuration: DeliveryConfiguration = .init(), clock: (any DeliveryClock)? = nil,
        _ body: (RunningEngine) async throws -> T
    ) async throws -> T {
        let (stream, continuation) = AsyncStream<DeliveryObservation>.makeStream()
        let engine = DeliveryEngine(
            database: fixture.database, channels: [.email: live], sandboxes: [.email: sandbox],
            signal: fixture.signal, configuration: configuration, clock: clock ?? fixture.clock,
            logger: fixture.logger, observer: { continuation.yield($0) })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            let result: Result<T, any Error>
            do {
                result = .success(try await body(RunningEngine(engine: engine, observations: stream)))
            } catch {
                result = .failure(error)
            }
            engine.stop()
            try await group.waitForAll()
            return try result.get()
        }
    }

    /// Waits until that many rows have been settled after the last call; answers their ids in order.
    @discardableResult
    func settled(_ count: Int) async -> [Int64] {
        var ids: [Int64] = []
        guard count > 0 else { return ids }
        for await case .settled(let id, _) in observations {
            ids.append(id)
            if ids.count == count { break }
        }
        return ids
    }

    /// Waits for the next round that finds nothing to lease.
    func idle() async {
        for await case .idle in observations { break }
    }

    /// Waits for whatever comes next.
    func next() async {
        for await _ in observations { break }
    }

    /// Waits for the next rescue.
    func rescued() async -> (released: Int, unconfirmed: Int) {
        for await case .rescued(let released, let unconfirmed) in observations {
            return (released, unconfirmed)
        }
        return (0, 0)
    }
}
