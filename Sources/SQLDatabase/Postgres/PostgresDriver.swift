import Logging

/// PostgreSQL: a bounded number of threads, each with its connection.
final class PostgresDriver: Driver {
    private let queue: JobQueue
    private let url: PostgresURL
    private let configuration: Database.Configuration
    private let logger: Logger
    private let backOff = PostgresBackOff()
    private let counters = Counters()

    /// - Throws: `DatabaseError.other` if the URL cannot be read.
    init(url: String, configuration: Database.Configuration, logger: Logger) throws {
        self.url = try PostgresURL(url, configuration)
        self.configuration = configuration
        self.logger = logger
        queue = JobQueue(
            name: "database", maximumThreads: max(1, configuration.maximumConnections),
            maximumWaiting: configuration.maximumWaiting)
    }

    func submit(_ job: Job) {
        queue.submit(job) { [url, configuration, queue, backOff, counters, logger] in
            do {
                PostgresWorker(
                    url: url, configuration: configuration, queue: queue, backOff: backOff, counters: counters,
                    logger: logger, wake: try PostgresWake()
                ).run()
            } catch {
                // No file descriptor was left: this thread ends and the next closure starts another one.
                if let job = queue.poll(where: { _ in true }), job.ticket.withdraw() { job.fail(error) }
            }
        }
    }

    func beginClosing() { queue.close() }

    func close() async {
        queue.close()
        await queue.waitUntilClosed()
    }

    var statistics: Statistics {
        var statistics = counters.current
        statistics.waiting = queue.waiting
        return statistics
    }
}
