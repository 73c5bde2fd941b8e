/// SQLite: one thread that writes, a few that read.
final class SQLiteDriver: Driver {
    private let writers: JobQueue
    private let readers: JobQueue
    private let counters = Counters()
    private let path: String
    private let configuration: Database.Configuration

    init(path: String, configuration: Database.Configuration) {
        self.path = path
        self.configuration = configuration
        writers = JobQueue(name: "database-write", maximumThreads: 1, maximumWaiting: configuration.maximumWaiting)
        readers = JobQueue(
            name: "database-read", maximumThreads: max(1, configuration.maximumReaders),
            maximumWaiting: configuration.maximumWaiting)
    }

    func submit(_ job: Job) {
        switch job.kind {
        case .read:
            readers.submit(job) { [path, configuration, readers, counters] in
                SQLiteReader(path: path, configuration: configuration, queue: readers, counters: counters).run()
            }
        case .write, .schemaChange, .opening:
            writers.submit(job) { [path, configuration, writers, counters] in
                SQLiteWriter(path: path, configuration: configuration, queue: writers, counters: counters).run()
            }
        }
    }

    func beginClosing() {
        readers.close()
        writers.close()
    }

    func close() async {
        writers.refuse()
        readers.close()
        await readers.waitUntilClosed()
        // The writer goes last: the last connection moves the log into the file and removes it, which a reader cannot.
        writers.close()
        await writers.waitUntilClosed()
    }

    var statistics: Statistics {
        var statistics = counters.current
        statistics.waiting = readers.waiting + writers.waiting
        return statistics
    }
}
