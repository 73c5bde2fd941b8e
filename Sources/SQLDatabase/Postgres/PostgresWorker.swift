import Dispatch
import Logging

/// A thread with a PostgreSQL connection of its own. It serves one closure at a time.
final class PostgresWorker: Interruptible {
    private let url: PostgresURL
    private let configuration: Database.Configuration
    private let queue: JobQueue
    private let backOff: PostgresBackOff
    private let counters: Counters
    private let logger: Logger
    private let wake: PostgresWake

    init(
        url: PostgresURL, configuration: Database.Configuration, queue: JobQueue, backOff: PostgresBackOff,
        counters: Counters, logger: Logger, wake: PostgresWake
    ) {
        self.url = url
        self.configuration = configuration
        self.queue = queue
        self.backOff = backOff
        self.counters = counters
        self.logger = logger
        self.wake = wake
    }

    func interrupt() { wake.signal() }

    /// The thread: runs until the queue is closed and empty.
    func run() {
        let semaphore = DispatchSemaphore(value: 0)
        var session: PostgresSession?
        while let job = queue.next(semaphore) {
            guard job.ticket.start(on: self) else { continue }
            counters.update { $0.connectionsInUse += 1 }
            serve(job, &session)
            counters.update { $0.connectionsInUse -= 1 }
        }
        if session != nil { counters.update { $0.connections -= 1 } }
    }

    /// Runs a started closure until it has succeeded or failed for good, and answers it.
    private func serve(_ job: Job, _ session: inout PostgresSession?) {
        var attempts = PostgresAttempts(limit: configuration.maximumRetries)
        while true {
            do {
                let session = try connected(&session)
                try PostgresTransaction(session, counters).run(job)
                return
            } catch let failure as PostgresTransaction.Failure {
                guard let next = attempts.next(after: failure), !job.ticket.isCancelled else {
                    return fail(job, failure.error)
                }
                counters.update { $0.retries += 1 }
                switch next {
                case .again: break
                case .forgetStatements: session?.forgetStatements()
                case .pause(let milliseconds): wake.sleep(milliseconds: milliseconds)
                }
                guard job.ticket.start(on: self) else { return }
            } catch {
                return fail(job, error)
            }
        }
    }

    private func fail(_ job: Job, _ error: any Error) {
        job.ticket.pause()
        counters.update { $0.failures += 1 }
        job.fail(error)
    }

    /// The connection, opened if there is none or the last one was lost.
    private func connected(_ session: inout PostgresSession?) throws -> PostgresSession {
        if let session, !session.isLost { return session }
        let isReplacement = session != nil
        if isReplacement {
            session = nil
            counters.update { $0.connections -= 1 }
        }
        try backOff.check()
        do {
            let opened = try PostgresSession(try PostgresConnection(url, wake), configuration)
            backOff.succeeded()
            session = opened
            counters.update {
                $0.connections += 1
                if isReplacement { $0.reconnects += 1 }
            }
            return opened
        } catch {
            if backOff.failed() { logger.warning("PostgreSQL cannot be reached", metadata: ["error": "\(error)"]) }
            throw error
        }
    }
}
