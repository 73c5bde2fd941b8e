import Logging
import MinimoCore
import SQLDatabase
import Synchronization
import Wire

/// Leases what is due and has room, and starts a worker for each row.
final class Dispatcher: Sendable {
    /// Workspaces of a lane that one round looks at.
    private static let workspaceLimit = 256
    /// How long a message waits that only a newer release can read.
    private static let unreadableWait = Duration.seconds(600)
    /// Under load the rounds are paced: a round for one slot costs as much as one for many.
    private static let smallestBatch = 8
    /// Under load a lane without a backlog is looked at this often.
    private static let lookInterval = Duration.milliseconds(5)

    private let database: Database
    private let nodeID: Int64
    private let worker: DeliveryWorker
    private let configuration: DeliveryConfiguration
    private let logger: Logger
    private let isStopping = Mutex(false)

    init(
        database: Database, nodeID: Int64, worker: DeliveryWorker, configuration: DeliveryConfiguration, logger: Logger
    ) {
        self.database = database
        self.nodeID = nodeID
        self.worker = worker
        self.configuration = configuration
        self.logger = logger
    }

    /// Leases no more; ``run()`` then returns when what has begun is settled or the limit is reached.
    func stop() {
        isStopping.withLock { $0 = true }
        worker.signal.signal()
    }

    /// Works until ``stop()`` or until its task is cancelled, with the upkeep of the channels beside it.
    ///
    /// When a stop takes too long, hand-offs and upkeep are cancelled together: the channels then close what they have open.
    func run() async {
        await withDiscardingTaskGroup { group in
            for channel in Array(worker.channels.values) + Array(worker.sandboxes.values) {
                group.addTask { await channel.run() }
            }
            var rounds = Rounds()
            while !Task.isCancelled, !isStopping.withLock({ $0 }) {
                let leases = await lease(&rounds)
                worker.slots.setAwaited(rounds.hasBacklog)
                if leases.isEmpty {
                    if !rounds.hasNextPage { await worker.signal.wait() }
                } else {
                    await start(leases, in: &group)
                }
            }
            await drain()
            group.cancelAll()
        }
    }

    /// Waits for what has begun, as long as a stop may take.
    private func drain() async {
        worker.slots.setAwaited(true)
        let deadline = worker.clock.now() + configuration.shutdownLimit
        while worker.slots.occupancy != (0, 0), worker.clock.now() < deadline, !Task.isCancelled {
            // Ends with each slot, and with the ticker's signals, so that the deadline is seen.
            await worker.signal.wait()
        }
    }

    private func start(_ leases: [Lease], in group: inout DiscardingTaskGroup) async {
        for lease in leases {
            worker.slots.occupy(lease.stream, lease.lane)
        }
        let keys = leases.map { (workspaceID: $0.workspaceID, id: $0.messageID) }
        let messages: [Int64: Result<Message, MessageStoreError>]
        do {
            messages = try await database.read { db in try MessageStore().get(db, keys: keys) }
        } catch {
            logger.warning("Leased messages cannot be read", metadata: ["error": "\(error)"])
            for lease in leases {
                worker.giveBack(lease)
            }
            return
        }
        for lease in leases {
            let message: Message?
            switch messages[lease.messageID] {
            case nil: message = nil
            case .success(let found)?: message = found
            case .failure(let error)?:
                logger.error(
                    "A message cannot be read", metadata: ["error": "\(error)", "message": "\(lease.messageID)"])
                worker.giveBack(lease, for: Self.unreadableWait)
                continue
            }
            let work = DeliveryWorker.Work(lease: lease, message: message)
            group.addTask { [worker] in await worker.run(work) }
        }
    }

    /// One round; empty when nothing is due, nothing may be leased, or the database is away.
    private func lease(_ rounds: inout Rounds) async -> [Lease] {
        do {
            let orders = try await orders(&rounds)
            let doubtful = rounds.doubts.tokens(at: .now)
            guard !orders.isEmpty || !doubtful.isEmpty else {
                if !rounds.hasNextPage { worker.observer?(.idle) }
                return []
            }
            rounds.token += 1
            let leases: [Lease]
            do {
                leases = try await take(orders, token: rounds.token, releasing: doubtful)
            } catch {
                if (error as? DatabaseError)?.isOutcomeUnknown ?? true {
                    rounds.doubts.add(rounds.token, at: .now)
                }
                throw error
            }
            rounds.note(orders, leases)
            note(leases)
            if leases.isEmpty, !rounds.hasNextPage { worker.observer?(.idle) }
            return leases
        } catch {
            rounds.hasNextPage = false
            logger.warning("The delivery queue cannot be read", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// What to ask for: due streams that are not held, with their shares of the free slots. Transactional ones come first.
    private func orders(_ rounds: inout Rounds) async throws -> [Rounds.Order] {
        rounds.hasNextPage = false
        let lanes = DeliveryLane.allCases.filter { isWorthwhile($0, rounds) }
        guard !lanes.isEmpty else { return [] }
        let after = rounds.after
        let due = try await database.read { db in
            try lanes.map { lane in
                try QueueStore().due(db, lane: lane, after: after[lane, default: 0], limit: Self.workspaceLimit)
            }
        }
        let now = worker.clock.now()
        var orders: [Rounds.Order] = []
        var free = worker.slots.free(.transactional)
        for (lane, page) in zip(lanes, due) {
            rounds.look(lane, next: page.next, releases: worker.slots.releases)
            let demands = LeasePlan.rotated(
                page.streams.filter { $0.at <= now }.compactMap { demand($0.stream, lane, now) }, round: rounds.token)
            let shares = LeasePlan.shares(free: min(free, worker.slots.free(lane)), among: demands)
            if shares.contains(0) { rounds.backlog.insert(lane) }
            for (demand, share) in zip(demands, shares) where share > 0 {
                orders.append(Rounds.Order(stream: demand.stream, lane: lane, count: share))
                free -= share
            }
        }
        return orders
    }

    /// Whether a round for a lane can bring enough.
    private func isWorthwhile(_ lane: DeliveryLane, _ rounds: Rounds) -> Bool {
        guard worker.slots.free(lane) > 0 else { return false }
        guard rounds.hasBacklog, let look = rounds.looks[lane] else { return true }
        let elapsed = ContinuousClock.now - look.at
        guard rounds.backlog.contains(lane) else { return elapsed >= Self.lookInterval }
        return worker.slots.releases - look.releases >= min(Self.smallestBatch, worker.slots.count / 8)
            || worker.slots.occupancy.handingOff == 0 || elapsed >= configuration.pollInterval
    }

    private func demand(_ stream: DeliveryStream, _ lane: DeliveryLane, _ now: Timestamp) -> LeasePlan.Demand? {
        let occupied = worker.slots.occupied(stream)
        let limit = worker.slots.limit(lane)
        return switch worker.holds.admission(stream, now: now) {
        case .open: LeasePlan.Demand(stream: stream, occupied: occupied, limit: limit)
        case .probe: LeasePlan.Demand(stream: stream, occupied: occupied, limit: min(occupied + 1, limit))
        case .held: nil
        }
    }

    /// One transaction for the whole round.
    private func take(_ orders: [Rounds.Order], token: Int64, releasing tokens: [Int64]) async throws -> [Lease] {
        let nodeID = nodeID
        let now = worker.clock.now()
        return try await database.write { db in
            let queue = QueueStore()
            try queue.release(db, nodeID: nodeID, tokens: tokens)
            return try orders.flatMap { order in
                try queue.lease(
                    db, order.stream, lane: order.lane, limit: order.count, nodeID: nodeID, token: token, now: now)
            }
        }
    }

    private func note(_ leases: [Lease]) {
        worker.counters.add(leases.count, to: \.leased)
        let now = worker.clock.now()
        for stream in Set(leases.map(\.stream)) where worker.holds.admission(stream, now: now) == .probe {
            worker.holds.beganProbe(stream)
        }
    }
}

/// What the dispatcher remembers from round to round.
private struct Rounds {
    /// So many rows of one stream are asked for.
    struct Order: Sendable {
        let stream: DeliveryStream
        let lane: DeliveryLane
        let count: Int
    }

    /// The last look at a lane.
    struct Look {
        let at: ContinuousClock.Instant
        let releases: Int
    }

    /// Where the next look at a lane begins, when it has more streams than one round takes.
    var after: [DeliveryLane: Int64] = [:]
    var looks: [DeliveryLane: Look] = [:]
    /// Lanes that gave all that was asked for, or have a stream that got no slot: they probably have more.
    var backlog: Set<DeliveryLane> = []
    /// A lane that was looked at in this round has more streams than were read.
    var hasNextPage = false
    var doubts = DoubtfulRounds()
    var token: Int64 = 0

    var hasBacklog: Bool { !backlog.isEmpty }

    mutating func look(_ lane: DeliveryLane, next workspaceID: Int64?, releases: Int) {
        after[lane] = workspaceID
        if workspaceID != nil { hasNextPage = true }
        looks[lane] = Look(at: .now, releases: releases)
        // Until the round says otherwise: nothing may be due, or all of it may be held.
        backlog.remove(lane)
    }

    mutating func note(_ orders: [Order], _ leases: [Lease]) {
        for lane in DeliveryLane.allCases {
            let asked = orders.reduce(0) { $1.lane == lane ? $0 + $1.count : $0 }
            if asked > 0, leases.count(where: { $0.lane == lane }) >= asked { backlog.insert(lane) }
        }
    }
}
