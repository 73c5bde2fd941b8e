import GRDB
import GRDBSQLite
import Glibc

/// How the connections to a SQLite file are opened and set up.
enum SQLiteOpening {
    /// Opens the one connection that writes. The file is in WAL mode afterwards, and a commit is durable.
    static func writer(path: String, _ configuration: Database.Configuration) throws -> DatabasePool {
        createFile(path)
        var settings = base(configuration)
        settings.label = "minimo.writer"
        // GRDB sets synchronous = NORMAL when the pool opens, whatever was set before, so it is set here, after.
        return try translate {
            let pool = try DatabasePool(path: path, configuration: settings)
            try pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = FULL")
                try database.execute(sql: "PRAGMA journal_size_limit = 67108864")
                try database.execute(sql: "PRAGMA cache_size = -16000")
                // A checkpoint writes each changed page once, however often it stands in the log: fewer of them, fewer writes.
                try database.execute(sql: "PRAGMA wal_autocheckpoint = 4000")
                // What a savepoint needs for going back would otherwise be written to a file beyond 64 KB.
                try database.execute(sql: "PRAGMA temp_store = MEMORY")
            }
            return pool
        }
    }

    /// Opens a connection that only reads.
    static func reader(path: String, _ configuration: Database.Configuration) throws -> DatabaseQueue {
        var settings = base(configuration)
        settings.label = "minimo.reader"
        settings.readonly = true
        return try translate {
            let queue = try DatabaseQueue(path: path, configuration: settings)
            try queue.inDatabase { database in
                try database.execute(sql: "PRAGMA query_only = TRUE")
                try database.execute(sql: "PRAGMA cache_size = -8000")
            }
            return queue
        }
    }

    /// The connection's pointer, for use on its thread.
    static func handle(_ database: GRDB.Database) throws -> SQLiteHandle {
        guard let connection = database.sqliteConnection else {
            throw DatabaseError(.unavailable, detail: "the connection is closed")
        }
        return SQLiteHandle(connection)
    }

    /// Runs GRDB's own work and translates its errors.
    static func translate<T>(_ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let error as GRDB.DatabaseError {
            throw SQLiteErrors.error(
                code: error.extendedResultCode.rawValue, message: error.message ?? "", isAboutText: false)
        }
    }

    /// Blocks the thread for a moment, before another attempt.
    static func pause() { sqlite3_sleep(2) }

    /// Makes an empty file that only its owner can read, if there is none: SQLite would let everybody read it. Its
    /// companions (-wal, -shm) get the same permissions.
    private static func createFile(_ path: String) {
        let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        if descriptor >= 0 { close(descriptor) }
    }

    private static func base(_ configuration: Database.Configuration) -> GRDB.Configuration {
        var settings = GRDB.Configuration()
        settings.foreignKeysEnabled = true
        // GRDB stops the program when a block ends inside a transaction. Ours ends so only if a ROLLBACK has failed, and
        // the connection is closed then.
        settings.allowsUnsafeTransactions = true
        // SQLite's own handler sleeps up to 100 ms between attempts: beside a process that writes all the time it would
        // hardly ever meet the moment when the lock is free.
        let limit = configuration.busyTimeout
        settings.busyMode = .callback { attempts in
            guard Duration.milliseconds(attempts) < limit else { return false }
            sqlite3_sleep(1)
            return true
        }
        settings.prepareDatabase { database in
            try database.execute(sql: "PRAGMA trusted_schema = FALSE")
        }
        return settings
    }
}
