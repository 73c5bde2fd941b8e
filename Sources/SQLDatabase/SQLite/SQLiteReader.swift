import Dispatch
import GRDB

/// A thread with a read connection of its own. It serves one closure at a time, each from one snapshot.
final class SQLiteReader: Interruptible {
    private let path: String
    private let configuration: Database.Configuration
    private let queue: JobQueue
    private let counters: Counters
    private let connections = Connections<DatabaseQueue>()

    init(path: String, configuration: Database.Configuration, queue: JobQueue, counters: Counters) {
        self.path = path
        self.configuration = configuration
        self.queue = queue
        self.counters = counters
    }

    func interrupt() { connections.current?.interrupt() }

    /// The thread: runs until the queue is closed and empty.
    func run() {
        let semaphore = DispatchSemaphore(value: 0)
        while let job = queue.next(semaphore) {
            do {
                let connection = try SQLiteOpening.reader(path: path, configuration)
                connections.current = connection
                defer { connections.current = nil }
                try connection.inDatabase { try serve(job, semaphore, $0) }
                try? connection.close()
            } catch {
                // The connection could not be opened: the next closure tries again.
                if job.ticket.withdraw() { job.fail(error) }
            }
        }
    }

    private func serve(_ first: Job, _ semaphore: DispatchSemaphore, _ database: GRDB.Database) throws {
        let session = try SQLiteSession(try SQLiteOpening.handle(database), configuration)
        let connection = Connection(dialect: .sqlite, session: session)
        counters.update { $0.connections += 1 }
        defer { counters.update { $0.connections -= 1 } }
        var next: Job? = first
        while let job = next {
            if job.ticket.start(on: self) { serve(job, session, connection) }
            next = session.handle.isOutsideTransaction ? queue.next(semaphore) : nil
        }
    }

    private func serve(_ job: Job, _ session: SQLiteSession, _ connection: Connection) {
        counters.update { $0.connectionsInUse += 1 }
        let result = Result {
            try session.control(.begin)
            defer { session.rollback() }
            return try session.perform(job, connection)
        }
        counters.update {
            $0.connectionsInUse -= 1
            if case .success = result { $0.reads += 1 } else { $0.failures += 1 }
        }
        switch result {
        case .success(let answer): answer()
        case .failure(let error): job.fail(error)
        }
    }
}

extension SQLiteSession {
    /// Runs a started closure; its ticket is paused when this returns.
    ///
    /// - Throws: what the closure throws, or the statement's error that it has caught.
    func perform(_ job: Job, _ connection: Connection, timeLimit: Bool = true) throws -> @Sendable () -> Void {
        connection.reset()
        begin(job.ticket, timeLimit: timeLimit)
        defer {
            end()
            job.ticket.pause()
        }
        let answer = try job.run(connection)
        if let failure = connection.failure { throw failure }
        return answer
    }
}
