package import Logging
import MinimoCore
package import SQLDatabase
import Synchronization
package import Wire

/// Writes the intents and completions of all workers in shared transactions (group commit), in the order of their arrival.
///
/// Whatever has gathered while one transaction runs goes into the next, so the price of a durable commit is shared by all
/// that wait for it. Intents that cannot be written fail: their messages are not sent. Completions are kept and tried again
/// until they are written; who submits them bounds how many there are.
///
/// An intent is never durable before a completion that was submitted earlier, except before one that the database keeps
/// refusing for its own sake.
package final class LedgerWriter: Sendable {
    /// What goes into one transaction.
    package struct Batch: Sendable {
        package var intents: [Ledger.Intent] = []
        package var completions: [Completion] = []
    }

    /// Commits a batch and says for each intent whether its lease held.
    package typealias Commit = @Sendable (Batch) async throws -> [Bool]

    private enum Entry {
        case intent(Ledger.Intent, CheckedContinuation<Bool, any Error>)
        case completion(Pending)

        /// Must be written alone, so that it does no harm to others.
        var isRefused: Bool {
            if case .completion(let pending) = self { pending.refusals > 0 } else { false }
        }
    }

    /// A completion on its way into the database.
    private struct Pending {
        var completion: Completion
        let written: @Sendable (Bool) -> Void
        /// How often the database refused it when it was alone in its transaction.
        var refusals = 0
        /// Transactions that had been committed when it was refused the last time.
        var commits = 0
        /// Its details were given up.
        var isReduced = false
    }

    private struct State {
        var entries: [Entry] = []
        var isFinishing = false
        var isStopped = false
    }

    private static let largestBatch = 512
    /// How often a completion that is refused alone is tried before it lets the others pass.
    private static let refusalLimit = 5
    private static let shortestPause = Duration.milliseconds(100)

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
            let isTaken = submit(.intent(Ledger.Intent(lease: lease, at: time), continuation))
            if !isTaken { continuation.resume(throwing: CancellationError()) }
        }
    }

    /// Submits a completion. Nothing that is announced later becomes durable before it.
    ///
    /// One that the database refuses again and again, while it takes others, is written without its details.
    ///
    /// - Parameter written: is called when it is durable, with true, or with false when the writer stopped first; the
    ///   rescuer then finds the row.
    package func complete(_ completion: Completion, written: @escaping @Sendable (Bool) -> Void) {
        if !submit(.completion(Pending(completion: completion, written: written))) { written(false) }
    }

    /// Intents and completions that no transaction has taken up yet.
    package var waiting: Int { state.withLock { $0.entries.count } }

    /// Lets `run()` return when everything is written that has been asked for.
    package func finish() {
        state.withLock { $0.isFinishing = true }
        wake.signal()
    }

    /// Writes until ``finish()``, or until its task is cancelled: then whoever waits is told that nothing was written.
    package func run() async {
        var limit = Self.largestBatch
        var failures = 0
        var commits = 0
        while !Task.isCancelled {
            let entries = take(limit)
            if entries.isEmpty {
                if state.withLock({ $0.isFinishing && $0.entries.isEmpty }) { break }
                await wake.wait()
                continue
            }
            do {
                answer(entries, held: try await commit(Self.batch(entries)))
                failures = 0
                commits += 1
                limit = min(limit * 2, Self.largestBatch)
            } catch {
                failures += 1
                limit = await keep(entries, error, failures: failures, commits: commits)
            }
        }
        stop()
    }

    private func submit(_ entry: Entry) -> Bool {
        let isTaken = state.withLock { state in
            if !state.isStopped { state.entries.append(entry) }
            return !state.isStopped
        }
        if isTaken { wake.signal() }
        return isTaken
    }

    private func take(_ limit: Int) -> [Entry] {
        state.withLock { state in
            let isRefused = state.entries.first?.isRefused ?? false
            let entries = Array(
                isRefused ? state.entries.prefix(1) : state.entries.prefix(limit).prefix { !$0.isRefused })
            state.entries.removeFirst(entries.count)
            return entries
        }
    }

    private static func batch(_ entries: [Entry]) -> Batch {
        var batch = Batch()
        for entry in entries {
            switch entry {
            case .intent(let intent, _): batch.intents.append(intent)
            case .completion(let pending): batch.completions.append(pending.completion)
            }
        }
        return batch
    }

    private func answer(_ entries: [Entry], held: [Bool]) {
        var held = held[...]
        for entry in entries {
            switch entry {
            case .intent(_, let waiter): waiter.resume(returning: held.popFirst() ?? false)
            case .completion(let pending): pending.written(true)
            }
        }
    }

    /// Fails the intents, puts the completions back for another try, and waits a little. A batch that the database refuses for
    /// its own sake is halved until the culprit is alone.
    ///
    /// - Returns: the largest batch to try next.
    private func keep(_ entries: [Entry], _ error: any Error, failures: Int, commits: Int) async -> Int {
        for case .intent(_, let waiter) in entries { waiter.resume(throwing: error) }
        let isAway = Self.isAway(error)
        if !isAway, entries.count == 1, case .completion(let pending)? = entries.first {
            await keepRefused(pending, error, failures: failures, commits: commits)
            return Self.largestBatch
        }
        let completions = entries.filter { if case .completion = $0 { true } else { false } }
        state.withLock { $0.entries.insert(contentsOf: completions, at: 0) }
        guard isAway else {
            logger.error("The ledger refuses a batch", metadata: ["error": "\(error)"])
            try? await clock.sleep(for: Self.shortestPause)
            return max(1, (completions.isEmpty ? entries.count : completions.count) / 2)
        }
        logger.warning(
            "The ledger cannot be written; retrying",
            metadata: ["error": "\(error)", "completions": "\(completions.count)"])
        await pause(failures)
        return Self.largestBatch
    }

    /// Keeps a completion that was refused alone. Whether the fault is its own shows only when others are taken meanwhile:
    /// then its details are given up. Its lease never is.
    private func keepRefused(_ refused: Pending, _ error: any Error, failures: Int, commits: Int) async {
        var pending = refused
        let isItsOwnFault = pending.refusals > 0 && commits > pending.commits
        pending.refusals += 1
        pending.commits = commits
        let metadata: Logger.Metadata = [
            "error": "\(error)", "message": "\(pending.completion.lease.messageID)",
        ]
        if isItsOwnFault, pending.refusals > Self.refusalLimit, !pending.isReduced {
            logger.critical("A completion cannot be written; its details are given up", metadata: metadata)
            pending.completion = pending.completion.withoutDetails
            pending.isReduced = true
            state.withLock { $0.entries.insert(.completion(pending), at: 0) }
            return
        }
        logger.error("The ledger refuses a completion; retrying", metadata: metadata)
        let letsOthersPass = pending.refusals >= Self.refusalLimit
        let hasOthers = state.withLock { state in
            let hasOthers = state.entries.contains { !$0.isRefused }
            state.entries.insert(.completion(pending), at: letsOthersPass ? state.entries.count : 0)
            return hasOthers
        }
        if !letsOthersPass || !hasOthers { await pause(failures) }
    }

    private func pause(_ failures: Int) async {
        try? await clock.sleep(for: Self.shortestPause * (1 << min(failures - 1, 6)))
    }

    private func stop() {
        let rest = state.withLock { state in
            state.isStopped = true
            defer { state.entries = [] }
            return state.entries
        }
        for entry in rest {
            switch entry {
            case .intent(_, let waiter): waiter.resume(throwing: CancellationError())
            case .completion(let pending): pending.written(false)
            }
        }
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
