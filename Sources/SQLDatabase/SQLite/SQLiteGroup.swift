/// Write transactions on the writer's connection: groups, single closures and schema changes.
final class SQLiteGroup {
    private typealias Outcome = Result<@Sendable () -> Void, any Error>

    private let session: SQLiteSession
    private let thread: any Interruptible
    private let configuration: Database.Configuration
    private let counters: Counters
    private let connection: Connection

    init(
        _ session: SQLiteSession, _ thread: any Interruptible, _ configuration: Database.Configuration,
        _ counters: Counters
    ) {
        self.session = session
        self.thread = thread
        self.configuration = configuration
        self.counters = counters
        connection = Connection(dialect: .sqlite, session: session)
    }

    /// Whether the last transaction has ended, so that the connection can start another one.
    var isUsable: Bool { session.handle.isOutsideTransaction }

    /// Runs a group and answers all its closures.
    ///
    /// - Parameter next: the next closure that waits, if there is one now.
    func run(startingWith first: Job, next: () -> Job?) {
        do {
            try session.control(.beginImmediate)
        } catch {
            return failWaiting(first, error, next)
        }
        let deadline = ContinuousClock.now + configuration.maximumGroupDuration
        var outcomes: [(job: Job, outcome: Outcome)] = []
        var candidate: Job? = first
        while let job = candidate {
            if job.ticket.start(on: thread) {
                let outcome = runInSavepoint(job)
                if session.handle.isOutsideTransaction {
                    answer(job, outcome, committed: false)
                    return runAlone(outcomes.map(\.job))
                }
                outcomes.append((job, outcome))
            }
            guard outcomes.count < configuration.maximumGroupSize, .now < deadline else { break }
            candidate = next()
        }
        do {
            try session.control(.commit)
        } catch {
            session.rollback()
            return runAlone(outcomes.map(\.job))
        }
        if !outcomes.isEmpty { finish(outcomes) }
    }

    /// Runs a closure that changes the schema, alone.
    ///
    /// Rebuilding a table means dropping it, which would carry out ON DELETE actions; so foreign keys are off and are
    /// checked before the commit.
    func changeSchema(_ job: Job) {
        guard job.ticket.start(on: thread) else { return }
        let result = Outcome {
            try session.runUncached("PRAGMA foreign_keys = OFF")
            defer { try? session.runUncached("PRAGMA foreign_keys = ON") }
            try beginExclusive(job.ticket)
            defer { session.rollback() }
            let answer = try session.perform(job, connection, timeLimit: false)
            try checkForeignKeys()
            try session.control(.commit)
            return answer
        }
        answer(job, result, committed: true)
    }

    /// Calls a closure that needs no transaction: the connection is open.
    func confirm(_ job: Job) {
        guard job.ticket.start(on: thread) else { return }
        do {
            try session.perform(job, connection)()
        } catch {
            job.fail(error)
        }
    }

    /// Waits for another process's schema change, which may take long.
    private func beginExclusive(_ ticket: Ticket) throws {
        let deadline = ContinuousClock.now + configuration.schemaLockTimeout
        while true {
            do {
                return try session.control(.beginExclusive)
            } catch let error as DatabaseError where error.code == .unavailable {
                guard ContinuousClock.now < deadline else { throw error }
                if ticket.isCancelled { throw DatabaseError(.cancelled) }
            }
        }
    }

    private func checkForeignKeys() throws {
        var isBroken = false
        _ = try session.run(.foreignKeyCheck, [], streaming: false, RowFault()) { _ in
            isBroken = true
            return false
        }
        if isBroken { throw DatabaseError(.foreignKeyViolation, detail: "rows refer to rows that do not exist") }
    }

    private func runInSavepoint(_ job: Job) -> Outcome {
        Outcome {
            try session.control(.savepoint)
            do {
                let answer = try session.perform(job, connection)
                try session.control(.release)
                return answer
            } catch {
                if !session.handle.isOutsideTransaction {
                    do {
                        try session.control(.rollbackToSavepoint)
                        try session.control(.release)
                    } catch {
                        // The savepoint cannot be undone: give up the whole transaction rather than keep half a closure.
                        session.rollback()
                    }
                }
                throw error
            }
        }
    }

    /// Runs closures of a failed group again, each in its own transaction.
    private func runAlone(_ jobs: [Job]) {
        counters.update { $0.retries += jobs.count }
        for job in jobs where job.ticket.start(on: thread) {
            let outcome = Outcome {
                try session.control(.beginImmediate)
                defer { session.rollback() }
                let answer = try session.perform(job, connection)
                try session.control(.commit)
                return answer
            }
            answer(job, outcome, committed: true)
        }
    }

    /// No transaction could be started: those who wait now would wait for the same.
    private func failWaiting(_ first: Job, _ error: any Error, _ next: () -> Job?) {
        var candidate: Job? = first
        var count = 0
        while let job = candidate {
            if job.ticket.withdraw() {
                counters.update { $0.failures += 1 }
                job.fail(error)
            }
            count += 1
            candidate = count < configuration.maximumGroupSize ? next() : nil
        }
    }

    private func finish(_ outcomes: [(job: Job, outcome: Outcome)]) {
        var writes = 0
        for (_, outcome) in outcomes {
            if case .success = outcome { writes += 1 }
        }
        counters.update {
            $0.commits += 1
            $0.writes += writes
            $0.failures += outcomes.count - writes
            $0.largestGroup = max($0.largestGroup, outcomes.count)
        }
        for (job, outcome) in outcomes {
            switch outcome {
            case .success(let answer): answer()
            case .failure(let error): job.fail(error)
            }
        }
    }

    private func answer(_ job: Job, _ outcome: Outcome, committed: Bool) {
        switch outcome {
        case .success(let answer) where committed:
            counters.update {
                $0.commits += 1
                $0.writes += 1
                $0.largestGroup = max($0.largestGroup, 1)
            }
            answer()
        case .success:
            // The closure returned, but its transaction is gone.
            counters.update { $0.failures += 1 }
            job.fail(DatabaseError(.unavailable, detail: "the transaction was lost"))
        case .failure(let error):
            counters.update { $0.failures += 1 }
            job.fail(error)
        }
    }
}

extension Statement {
    /// One row for each row that refers to nothing.
    fileprivate static let foreignKeyCheck = Statement("PRAGMA foreign_key_check")
}
