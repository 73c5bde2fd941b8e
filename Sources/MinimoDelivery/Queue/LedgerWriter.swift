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
/// An intent is never durable before a completion that was submitted earlier.
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
        case completion(Completion, @Sendable (Bool) -> Void)

        var isCompletion: Bool {
            if case .completion = self { true } else { false }
        }
    }

    private struct State {
        var entries: [Entry] = []
        var isFinishing = false
        var isStopped = false
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
            let isTaken = submit(.intent(Ledger.Intent(lease: lease, at: time), continuation))
            if !isTaken { continuation.resume(throwing: CancellationError()) }
        }
    }

    /// Submits a completion. Nothing that is announced later becomes durable before it.
    ///
    /// - Parameter written: is called when it is durable, with true, or with false when the writer stopped first or the
    ///   database refuses it for good; the rescuer then finds the row.
    package func complete(_ completion: Completion, written: @escaping @Sendable (Bool) -> Void) {
        if !submit(.completion(completion, written)) { written(false) }
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
                limit = Self.largestBatch
            } catch {
                failures += 1
                if let next = await keep(entries, error, failures: failures) {
                    limit = next
                } else {
                    failures = 0
                    limit = Self.largestBatch
                }
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
            let entries = Array(state.entries.prefix(limit))
            state.entries.removeFirst(entries.count)
            return entries
        }
    }

    private static func batch(_ entries: [Entry]) -> Batch {
        var batch = Batch()
        for entry in entries {
            switch entry {
            case .intent(let intent, _): batch.intents.append(intent)
            case .completion(let completion, _): batch.completions.append(completion)
            }
        }
        return batch
    }

    private func answer(_ entries: [Entry], held: [Bool]) {
        var held = held[...]
        for entry in entries {
            switch entry {
            case .intent(_, let waiter): waiter.resume(returning: held.popFirst() ?? false)
            case .completion(_, let written): written(true)
            }
        }
    }

    /// Fails the intents, puts the completions back for another try, and waits a little. A batch that the database refuses for
    /// its own sake is halved until the culprit is alone.
    ///
    /// - Returns: the largest batch to try next, or nil when the culprit was given up.
    private func keep(_ entries: [Entry], _ error: any Error, failures: Int) async -> Int? {
        for case .intent(_, let waiter) in entries { waiter.resume(throwing: error) }
        let completions = entries.filter(\.isCompletion)
        let isAway = Self.isAway(error)
        if !isAway, failures >= Self.refusalLimit, completions.count == 1,
            case .completion(let completion, let written)? = completions.first
        {
            logger.critical(
                "A completion cannot be written; its message will be rescued as unconfirmed at the next start",
                metadata: ["error": "\(error)", "message": "\(completion.lease.messageID)"])
            written(false)
            return nil
        }
        state.withLock { $0.entries.insert(contentsOf: completions, at: 0) }
        guard isAway else {
            logger.error("The ledger refuses a batch", metadata: ["error": "\(error)"])
            return max(1, completions.count / 2)
        }
        logger.warning(
            "The ledger cannot be written; retrying",
            metadata: ["error": "\(error)", "completions": "\(completions.count)"])
        try? await clock.sleep(for: .milliseconds(100 << min(failures - 1, 6)))
        return Self.largestBatch
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
            case .completion(_, let written): written(false)
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
