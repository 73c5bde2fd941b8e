package import Logging
package import MinimoCore
package import SQLDatabase
import ServiceLifecycle
import Synchronization
import Wire

/// Sends what is due: leases from the queue, hands off through the channels, writes the ledger, rescues what dead engines
/// left behind.
///
/// Any number of engines may work on one PostgreSQL. What each guarantees: an accepted message is never lost; it is
/// handed off twice only after the ledger has called it `unconfirmed`; and a process that dies leaves at most one
/// unconfirmed message for each connection in use.
package final class DeliveryEngine: Service {
    private let database: Database
    private let channels: [MessageChannel: any Channel]
    private let sandboxes: [MessageChannel: any Channel]
    private let signal: QueueSignal
    private let configuration: DeliveryConfiguration
    private let clock: any DeliveryClock
    private let logger: Logger
    private let observer: (@Sendable (DeliveryObservation) -> Void)?
    private let counters = DeliveryCounters()
    private let slots: SlotBoard
    private let lifecycle = Mutex(Lifecycle())

    private struct Lifecycle {
        var isStopping = false
        var dispatcher: Dispatcher?
        /// The database was away for this node, so it may have been for the others: they get time to say that they live.
        var judgesAgainAt: Timestamp?
    }

    /// - Parameters:
    ///   - channels: for messages of live workspaces. Messages of other channels wait.
    ///   - sandboxes: the same for test workspaces, whose messages never reach the others.
    ///   - signal: is signalled by whoever queues messages in this process.
    ///   - observer: for tests.
    package init(
        database: Database, channels: [MessageChannel: any Channel], sandboxes: [MessageChannel: any Channel],
        signal: QueueSignal,
        configuration: DeliveryConfiguration = .init(), clock: any DeliveryClock = SystemDeliveryClock(),
        logger: Logger, observer: (@Sendable (DeliveryObservation) -> Void)? = nil
    ) {
        self.database = database
        self.channels = channels
        self.sandboxes = sandboxes
        self.signal = signal
        self.configuration = configuration
        self.clock = clock
        self.logger = logger
        self.observer = observer
        slots = SlotBoard(count: configuration.slots)
    }

    /// What the engine has done since it started.
    package var statistics: DeliveryStatistics {
        var value = counters.value
        (value.handingOff, value.settling) = slots.occupancy
        return value
    }

    /// Begins to stop: no more is leased, what has begun may end within the limit, the rest is given back. ``run()`` returns
    /// afterwards. A graceful shutdown of the service group does the same.
    package func stop() {
        let dispatcher = lifecycle.withLock { lifecycle in
            lifecycle.isStopping = true
            return lifecycle.dispatcher
        }
        dispatcher?.stop()
    }

    /// Works until it is stopped or cancelled. Cancelling is like a crash: nothing is lost, but the next start has to rescue.
    ///
    /// - Throws: `DatabaseError` when the engine cannot register itself.
    package func run() async throws {
        let nodeID = try await register()
        var logger = logger
        logger[metadataKey: "node"] = "\(nodeID)"
        let settlement = Settlement(retry: configuration.retry, unconfirmed: configuration.unconfirmed)
        let rescuer = Rescuer(settlement: settlement)
        if configuration.isExclusive { try await rescueAll(rescuer, nodeID: nodeID, logger) }
        let writer = LedgerWriter(database: database, clock: clock, logger: logger)
        let worker = DeliveryWorker(
            channels: channels, sandboxes: sandboxes, settlement: settlement, writer: writer, holds: HoldBoard(),
            slots: slots, counters: counters, clock: clock, signal: signal, observer: observer)
        let dispatcher = Dispatcher(
            database: database, nodeID: nodeID, worker: worker, configuration: configuration, logger: logger)
        let isStopping = lifecycle.withLock { lifecycle in
            lifecycle.dispatcher = dispatcher
            return lifecycle.isStopping
        }
        if isStopping { dispatcher.stop() }
        logger.info("Delivery started")
        await withGracefulShutdownHandler {
            await work(dispatcher, writer, rescuer, nodeID: nodeID, logger)
        } onGracefulShutdown: {
            self.stop()
        }
        await leave(nodeID, logger)
    }

    /// Runs everything; returns when the dispatcher and then the writer have ended.
    private func work(
        _ dispatcher: Dispatcher, _ writer: LedgerWriter, _ rescuer: Rescuer, nodeID: Int64, _ logger: Logger
    ) async {
        await withDiscardingTaskGroup { upkeep in
            upkeep.addTask { await self.tick() }
            upkeep.addTask { await self.keepAlive(nodeID, logger) }
            upkeep.addTask { await self.keepRescuing(rescuer, nodeID, logger) }
            await withTaskGroup(of: Void.self) { writing in
                writing.addTask { await writer.run() }
                await dispatcher.run()
                writer.finish()
                // Without a database nothing can be written: what is left is rescued as unconfirmed.
                writing.addTask { try? await self.clock.sleep(for: self.configuration.shutdownLimit) }
                await writing.next()
                writing.cancelAll()
            }
            upkeep.cancelAll()
        }
    }

    private func register() async throws -> Int64 {
        let now = clock.now()
        let aliveUntil = now + configuration.nodeLifetime
        return try await database.write { db in try NodeStore().register(db, now: now, aliveUntil: aliveUntil) }
    }

    /// Looks at the queue again and again: due times, other processes' messages, ends of holds.
    private func tick() async {
        while (try? await clock.sleep(for: configuration.pollInterval)) != nil {
            signal.signal()
        }
    }

    private func keepAlive(_ nodeID: Int64, _ logger: Logger) async {
        while (try? await clock.sleep(for: configuration.heartbeatInterval)) != nil {
            let now = clock.now()
            let aliveUntil = now + configuration.nodeLifetime
            do {
                try await database.write { db in
                    try NodeStore().renew(db, nodeID: nodeID, now: now, aliveUntil: aliveUntil)
                }
            } catch {
                suspendJudgement()
                logger.warning("The engine cannot say that it is alive", metadata: ["error": "\(error)"])
            }
        }
    }

    private func keepRescuing(_ rescuer: Rescuer, _ nodeID: Int64, _ logger: Logger) async {
        repeat {
            do {
                var hasMore = true
                while hasMore, !Task.isCancelled, mayJudge() {
                    let now = clock.now()
                    let result = try await database.write { db in
                        let result = try rescuer.rescue(db, nodeID: nodeID, now: now)
                        if !result.hasMore { try NodeStore().removeDead(db, now: now) }
                        return result
                    }
                    note(result.released, result.unconfirmed, logger)
                    hasMore = result.hasMore
                }
            } catch {
                suspendJudgement()
                logger.warning("Leases of dead nodes cannot be rescued", metadata: ["error": "\(error)"])
            }
        } while (try? await clock.sleep(for: configuration.rescueInterval)) != nil
    }

    private func suspendJudgement() {
        let time = clock.now() + configuration.nodeLifetime
        lifecycle.withLock { $0.judgesAgainAt = time }
    }

    /// Whether a node that has not been heard of is dead, and not only cut off.
    private func mayJudge() -> Bool {
        let now = clock.now()
        return lifecycle.withLock { lifecycle in
            // A time beyond the lifetime was set before the clock was turned back.
            guard let time = lifecycle.judgesAgainAt, now < time, time <= now + configuration.nodeLifetime else {
                lifecycle.judgesAgainAt = nil
                return true
            }
            return false
        }
    }

    /// Rescues whatever any other node has leased: they are all gone.
    private func rescueAll(_ rescuer: Rescuer, nodeID: Int64, _ logger: Logger) async throws {
        var hasMore = true
        while hasMore {
            let now = clock.now()
            let result = try await database.write { db in
                try rescuer.rescue(db, nodeID: nodeID, isAlone: true, now: now)
            }
            note(result.released, result.unconfirmed, logger)
            hasMore = result.hasMore
        }
    }

    private func note(_ released: Int, _ unconfirmed: Int, _ logger: Logger) {
        guard released + unconfirmed > 0 else { return }
        counters.add(released + unconfirmed, to: \.rescued)
        logger.notice(
            "Rescued leases of dead nodes",
            metadata: ["released": "\(released)", "unconfirmed": "\(unconfirmed)"])
        signal.signal()
        observer?(.rescued(released: released, unconfirmed: unconfirmed))
    }

    /// Gives back what is left and says goodbye; what an intent was written for is then rescued as unconfirmed.
    private func leave(_ nodeID: Int64, _ logger: Logger) async {
        do {
            try await database.write { db in
                try QueueStore().releaseAll(db, nodeID: nodeID)
                try NodeStore().remove(db, nodeID: nodeID)
            }
        } catch {
            logger.warning("The engine could not say goodbye; its leases expire", metadata: ["error": "\(error)"])
        }
        logger.info("Delivery stopped")
    }
}
