import Foundation
import Logging
import SQLDatabase

/// Rates of the database layer as ratios to its limits on the same machine, measured in the same run.
///
///     database-benchmark [SECONDS PER FIGURE]
///
/// SQLite is compared with the C interface on the same kind of file. PostgreSQL is measured too when
/// MINIMO_TEST_POSTGRES names a server (`scripts/with-postgres`).
@main
enum DatabaseBenchmark {
    static func main() async throws {
        let seconds = CommandLine.arguments.count > 1 ? Double(CommandLine.arguments[1]) ?? 2 : 2
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "minimo-benchmark-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }

        let raw = try RawSQLite(folder.appendingPathComponent("raw.sqlite").path)
        let single = raw.rate(seconds, perTransaction: 1)
        let grouped = raw.rate(seconds, perTransaction: 64)
        print("raw SQLite, upsert, 1 per transaction:  \(format(single))/s")
        print("raw SQLite, upsert, 64 per transaction: \(format(grouped))/s")

        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let path = folder.appendingPathComponent("minimo.sqlite").path
        try await measure("SQLite", .sqlite(path: path), logger, seconds, limit: (single, grouped))

        let pool = try GRDBReads(path)
        let rawReads = try raw.reads(seconds)
        let ours = try await Database.open(.sqlite(path: path), logger: logger)
        print("raw SQLite, read by key in one loop: \(format(rawReads))/s")
        for clients in [1, 8, 64] {
            let theirs = try await rate(seconds, clients) { key in try await pool.read(key) }
            let rate = try await rate(seconds, clients) { key in try await Tables.read(ours, key) }
            print(
                "reads, \(clients) clients: \(format(rate))/s = \(ratio(rate, theirs)) of GRDB's pool.read "
                    + "(\(format(theirs))/s), \(ratio(rate, rawReads)) of raw")
        }
        await ours.close()

        if let url = ProcessInfo.processInfo.environment["MINIMO_TEST_POSTGRES"] {
            try await measure("PostgreSQL", .postgres(url: url), logger, seconds, limit: nil)
        }
    }

    private static func measure(
        _ name: String, _ location: Database.Location, _ logger: Logger, _ seconds: Double,
        limit: (single: Double, grouped: Double)?
    ) async throws {
        let database = try await Database.open(location, logger: logger)
        try await Tables.create(database)
        for clients in [1, 8, 64, 512] {
            let before = database.statistics
            let rate = try await rate(seconds, clients) { key in try await Tables.upsert(database, key) }
            let after = database.statistics
            let size = Double(after.writes - before.writes) / Double(max(1, after.commits - before.commits))
            var line = "\(name), \(clients) clients: \(format(rate)) durable writes/s, \(format(size)) per commit"
            if let limit {
                line += " = \(ratio(rate, limit.single)) of raw singles, \(ratio(rate, limit.grouped)) of raw groups"
            }
            print(line)
        }
        if limit == nil {
            for clients in [1, 16, 64] {
                let rate = try await rate(seconds, clients) { key in try await Tables.read(database, key) }
                print("\(name), \(clients) clients: \(format(rate)) reads/s")
            }
            let batch = try await rate(seconds, 1) { key in try await Tables.upsertBatch(database, key * 100) }
            print("\(name), executeEach of 100: \(format(batch * 100)) rows/s")
        }
        await database.close()
    }

    /// Operations per second of so many tasks, each with one operation under way.
    private static func rate(
        _ seconds: Double, _ clients: Int, _ body: @escaping @Sendable (Int64) async throws -> Void
    ) async throws -> Double {
        let start = ContinuousClock.now
        let deadline = start + .seconds(seconds)
        let total = try await withThrowingTaskGroup(of: Int.self) { group in
            for client in 0..<clients {
                group.addTask {
                    var count = 0
                    while .now < deadline {
                        try await body(Int64((count &* 7919 &+ client &* 104_729) % 10_000))
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        return Double(total) / ((ContinuousClock.now - start) / .seconds(1))
    }

    static func format(_ value: Double) -> String {
        value >= 100 ? String(Int(value)) : String((value * 10).rounded() / 10)
    }

    private static func ratio(_ value: Double, _ limit: Double) -> String {
        String((value / limit * 100).rounded() / 100)
    }
}
