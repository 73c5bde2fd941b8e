import Dispatch
import GRDB

/// The thread with the one connection that writes. It commits in groups.
///
/// It takes the closures that wait, runs each in a savepoint, commits once, and then answers all: a commit costs one
/// write to the disk, whatever the number of closures. Nobody is told anything, success or error, before the commit,
/// because both may rest on what another closure of the group has written.
///
/// Some errors end SQLite's whole transaction (a full disk, an interrupted write), and the commit itself may fail. Then
/// the closure at fault gets its error, and the others of the group are run again, each in a transaction of its own: at
/// most twice in all.
final class SQLiteWriter: Interruptible {
    private let path: String
    private let configuration: Database.Configuration
    private let queue: JobQueue
    private let counters: Counters
    private let connections = Connections<DatabasePool>()

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
                let pool = try open()
                connections.current = pool
                defer { connections.current = nil }
                try pool.writeWithoutTransaction { database in
                    let session = try SQLiteSession(try SQLiteOpening.handle(database), configuration)
                    counters.update { $0.connections += 1 }
                    serve(job, semaphore, SQLiteGroup(session, self, configuration, counters))
                    counters.update { $0.connections -= 1 }
                }
                // It closes also when it has become useless; the next closure then opens it anew.
                try? pool.close()
            } catch {
                if job.ticket.withdraw() { job.fail(error) }
            }
        }
    }

    /// Opens the file; another process that opens it at the same moment may hold it for a while.
    private func open() throws -> DatabasePool {
        let deadline = ContinuousClock.now + configuration.busyTimeout
        while true {
            do {
                return try SQLiteOpening.writer(path: path, configuration)
            } catch let error as DatabaseError where error.detail == "the database is locked" {
                guard ContinuousClock.now < deadline else { throw error }
                SQLiteOpening.pause()
            }
        }
    }

    private func serve(_ first: Job, _ semaphore: DispatchSemaphore, _ group: SQLiteGroup) {
        var next: Job? = first
        while let job = next {
            counters.update { $0.connectionsInUse += 1 }
            switch job.kind {
            case .opening: group.confirm(job)
            case .schemaChange: group.changeSchema(job)
            case .read, .write: group.run(startingWith: job) { queue.poll { $0.kind == .write } }
            }
            counters.update { $0.connectionsInUse -= 1 }
            next = group.isUsable ? queue.next(semaphore) : nil
        }
    }
}
