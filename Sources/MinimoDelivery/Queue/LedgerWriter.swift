package import Logging
import MinimoCore
package import SQLDatabase
import Synchronization
package import Wire

/// Writes the intents and completions of all workers in shared transactions (group commit).
///
/// Whatever has gathered while one transaction runs goes into the next, so the price of a durable commit is shared by all
/// that wait for it. Intents that cannot be written fail: their messages are not sent. Completions are kept and tried again
/// until they are written; workers wait for them, so no more gather than there are workers.
package final class LedgerWriter: Sendable {
    /// What goes into one transaction.
    package struct Batch: Sendable {
        package var intents: [Ledger.Intent] = []
        package var completions: [Completion] = []
    }

    /// Commits a batch and says for each intent whether its lease held.
    package typealias Commit = @Sendable (Batch) async throws -> [Bool]

    private struct State {
        var intents: [(intent: Ledger.Intent, waiter: CheckedContinuation<Bool, any Error>)] = []
        var completions: [(completion: Completion, waiter: CheckedContinuation<Bool, Never>)] = []
        var isFinishing = false
        var isStopped = false
    }

    /// What was taken for one transaction, with those who wait for it.
    private struct Round {
        var intents: ArraySlice<(intent: Ledger.Intent, waiter: CheckedContinuation<Bool, any Error>)>
        var completions: ArraySlice<(completion: Completion, waiter: CheckedContinuation<Bool, Never>)>

        var isEmpty: Bool { intents.isEmpty && completions.isEmpty }
    }

    private static let largestBatch = 512
    /// How often a completion that the database refuses for its own sake is tried before it is left to the rescuer.
    private static let refusalLimit = 5

    private let commit: Commit
    private let clock: any DeliveryClock
    private let logger: Logger
    private let wake = QueueSignal()
    private let state = Mutex(State())

    package init(commit: @escaping Commit, clock: any DeliveryClock, logger: Logger) {
        self.commit = commit
        self.clock = clock
        self.logger = logger
    }

    /// A writer to a database.
    package convenience init(database: Database, clock: any DeliveryClock, logger: Logger) {
        let ledger = Ledger()
        self.init(
            commit: { batch in
                try await database.write { db in
                    let held = try ledger.announce(db, batch.intents)
                    try ledger.settle(db, batch.completions)
                    return held
                }
            },
            clock: clock, logger: logger)
    }

    /// Makes an intent durable.
    ///
    /// - Returns: whether the lease held; if not, nothing may be sent.
    /// - Throws: when it could not be written: nothing may be sent either.
    package func announce(_ lease: Lease, at time: Timestamp) async throws -> Bool {
        try await withCheckedThrowingContinuation { continuation in
            let isTaken = state.withLock { state in
                guard !state.isStopped else { return false }
                state.intents.append((Ledger.Intent(lease: lease, at: time), continuation))
                return true
            }
            if isTaken { wake.signal() } else { continuation.resume(throwing: CancellationError()) }
        }
    }

    /// Returns when the completion is durable.
    ///
    /// - Returns: false when the writer stopped first or the database refuses it for good; the rescuer then finds the row.
    @discardableResult
    package func complete(_ completion: Completion) async -> Bool {
        await withCheckedContinuation { continuation in
            let isTaken = state.withLock { state in
                guard !state.isStopped else { return false }
                state.completions.append((completion, continuation))
                return true
            }
            if isTaken { wake.signal() } else { continuation.resume(returning: false) }
        }
    }

    /// Intents and completions that no transaction has taken up yet.
    package var waiting: Int { state.withLock { $0.intents.count + $0.completions.count } }

    /// Lets `run()` return when everything is written that has been asked for.
    package func finish() {
        state.withLock { $0.isFinishing = true }
        wake.signal()
    }

    /// Writes until ``finish()``, or until its task is cancelled: then whoever waits is told that nothing was written.
    package func run() async {
        var limit = Self.largestBatch
        var failures = 0
        while !Task.isCancelled {
            let round = take(limit)
            if round.isEmpty {
                if state.withLock({ $0.isFinishing && $0.intents.isEmpty && $0.completions.isEmpty }) { break }
                await wake.wait()
                continue
            }
            do {
                let held = try await commit(
                    Batch(intents: round.intents.map(\.intent), completions: round.completions.map(\.completion)))
                for (entry, isHeld) in zip(round.intents, held) { entry.waiter.resume(returning: isHeld) }
                for entry in round.completions { entry.waiter.resume(returning: true) }
                failures = 0
                limit = Self.largestBatch
            } catch {
                failures += 1
                for entry in round.intents { entry.waiter.resume(throwing: error) }
                if let next = await keep(round, error, failures: failures) {
                    limit = next
                } else {
                    failures = 0
                    limit = Self.largestBatch
                }
            }
        }
        stop()
    }

    private func take(_ limit: Int) -> Round {
        state.withLock { state in
            let intents = state.intents.prefix(limit)
            let completions = state.completions.prefix(limit)
            state.intents.removeFirst(intents.count)
            state.completions.removeFirst(completions.count)
            return Round(intents: intents, completions: completions)
        }
    }

    /// Puts completions back for another try and waits a little. A batch that the database refuses for its own sake is
    /// halved until the culprit is alone.
    ///
    /// - Returns: the largest batch to try next, or nil when the culprit was given up.
    private func keep(_ round: Round, _ error: any Error, failures: Int) async -> Int? {
        if Self.isAway(error) {
            logger.warning(
                "The ledger cannot be written; retrying",
                metadata: ["error": "\(error)", "completions": "\(round.completions.count)"])
            putBack(round)
            // At most 100 ms × 2^6; whoever waits for a completion keeps its slot, so nothing piles up.
            try? await clock.sleep(for: .milliseconds(100 << min(failures - 1, 6)))
            return Self.largestBatch
        }
        if round.completions.count == 1, failures >= Self.refusalLimit, let entry = round.completions.first {
            logger.critical(
                "A completion cannot be written; its message will be rescued as unconfirmed at the next start",
                metadata: ["error": "\(error)", "message": "\(entry.completion.lease.messageID)"])
            entry.waiter.resume(returning: false)
            return nil
        }
        logger.error("The ledger refuses a batch", metadata: ["error": "\(error)"])
        putBack(round)
        return max(1, round.completions.count / 2)
    }

    private func putBack(_ round: Round) {
        state.withLock { $0.completions.insert(contentsOf: round.completions, at: 0) }
    }

    private func stop() {
        let rest = state.withLock { state in
            state.isStopped = true
            let rest = Round(intents: state.intents[...], completions: state.completions[...])
            state.intents = []
            state.completions = []
            return rest
        }
        for entry in rest.intents { entry.waiter.resume(throwing: CancellationError()) }
        for entry in rest.completions { entry.waiter.resume(returning: false) }
    }

    /// Whether the database could not be used at all, so that the same batch may succeed later.
    private static func isAway(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return error is CancellationError }
        switch error.code {
        case .unavailable, .timeout, .full, .readOnly, .serializationFailure, .cancelled: return true
        case .uniqueViolation, .foreignKeyViolation, .checkViolation, .other: return false
        }
    }
}
