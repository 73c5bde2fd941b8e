/// One run of a closure as a transaction.
struct PostgresTransaction {
    /// The closure failed; it was not committed, unless the error says that this is unknown.
    struct Failure: Error {
        /// What the caller is told.
        let error: any Error
        /// What the database said, if anything.
        let cause: DatabaseError?
        let isConnectionLost: Bool
    }

    private let session: PostgresSession
    private let counters: Counters
    private let connection: Connection

    init(_ session: PostgresSession, _ counters: Counters) {
        self.session = session
        self.counters = counters
        connection = Connection(dialect: .postgres, session: session)
    }

    /// Runs a started closure and answers it if it succeeds.
    ///
    /// - Throws: `Failure`; then the caller answers.
    func run(_ job: Job) throws {
        session.begin(opening(job.kind), job.ticket, timeLimit: job.kind != .schemaChange)
        let answer: @Sendable () -> Void
        do {
            answer = try job.run(connection)
            finish(job)
            if let failure = connection.failure { throw failure }
        } catch {
            finish(job)
            session.rollback()
            throw Failure(error: error, cause: connection.failure, isConnectionLost: session.isLost)
        }
        switch job.kind {
        case .read, .opening:
            counters.update { $0.reads += 1 }
            // The result does not depend on the end of the transaction, so the caller need not wait for it.
            answer()
            try? session.commit()
        case .write, .schemaChange:
            do {
                try session.commit()
            } catch {
                session.rollback()
                throw Failure(error: error, cause: error as? DatabaseError, isConnectionLost: session.isLost)
            }
            counters.update {
                $0.writes += 1
                $0.commits += 1
                $0.largestGroup = max($0.largestGroup, 1)
            }
            answer()
        }
    }

    private func finish(_ job: Job) {
        session.end()
        job.ticket.pause()
    }

    private func opening(_ kind: Job.Kind) -> PostgresSession.Opening? {
        switch kind {
        case .read: .read
        case .write, .schemaChange: .write
        case .opening: nil
        }
    }
}

/// Decides whether a closure is run again.
struct PostgresAttempts {
    enum Next: Equatable {
        /// At once, on a new connection.
        case again
        /// At once, after forgetting all prepared statements.
        case forgetStatements
        /// After a pause, because it collided with another transaction.
        case pause(milliseconds: Int32)
    }

    private let limit: Int
    private var collisions = 0
    private var hasReplacedConnection = false
    private var hasForgottenStatements = false

    init(limit: Int) { self.limit = limit }

    mutating func next(after failure: PostgresTransaction.Failure) -> Next? {
        guard let cause = failure.cause, !cause.isOutcomeUnknown else { return nil }
        if failure.isConnectionLost {
            defer { hasReplacedConnection = true }
            return hasReplacedConnection ? nil : .again
        }
        if cause.code == .serializationFailure {
            guard collisions < limit else { return nil }
            collisions += 1
            return .pause(milliseconds: Int32.random(in: 1...Int32(1 << min(collisions, 6))))
        }
        if PostgresErrors.isStalePlan(cause.engineCode) {
            defer { hasForgottenStatements = true }
            return hasForgottenStatements ? nil : .forgetStatements
        }
        return nil
    }
}
