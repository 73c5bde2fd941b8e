import Foundation
import MinimoTesting
import SQLDatabase
import Testing

@Suite(.timeLimit(.minutes(2))) struct DurabilityTests {
    /// GRDB sets `synchronous` to NORMAL by itself, with which a power cut loses acknowledged writes.
    @Test func sqliteSyncsEveryCommit() async throws {
        try await Fixture.run(.sqlite) { database in
            let pragmas = try await database.write { db in
                (
                    try db.first(Statement("PRAGMA synchronous")) { $0.int(0) },
                    try db.first(Statement("PRAGMA journal_mode")) { $0.text(0) },
                    try db.first(Statement("PRAGMA foreign_keys")) { $0.int(0) }
                )
            }
            #expect(pragmas.0 == 2)
            #expect(pragmas.1 == "wal")
            #expect(pragmas.2 == 1)
            let readers = try await database.read { db in try db.first(Statement("PRAGMA query_only")) { $0.int(0) } }
            #expect(readers == 1)
        }
    }

    @Test func postgresSyncsEveryCommit() async throws {
        try await withTestDatabase(.postgres) { database in
            let settings = try await database.read { db in
                try db.first(
                    Statement("SELECT current_setting('synchronous_commit'), current_setting('statement_timeout')")
                ) { [$0.text(0), $0.text(1)] }
            }
            #expect(settings == ["on", "30s"])
        }
    }

    @Test func onlyTheOwnerReadsTheFile() async throws {
        try await withTestLocation(.sqlite) { location in
            guard case .sqlite(let path) = location else { return }
            let database = try await Database.open(location, logger: .silent)
            try await database.write { try $0.execute(Statement("CREATE TABLE t (a)")) }
            for suffix in ["", "-wal", "-shm"] {
                let attributes = try FileManager.default.attributesOfItem(atPath: path + suffix)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(suffix)")
            }
            _ = try await database.read { try $0.query(Statement("SELECT a FROM t")) { $0.int(0) } }
            await database.close()
            // Nothing is left in the log: the file alone is the database.
            #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
        }
    }

    /// A process is killed while it writes: what it had acknowledged is there, and nothing in between is missing.
    @Test(arguments: TestEngine.allCases)
    func aKilledProcessLosesNoAcknowledgedWrite(_ engine: TestEngine) async throws {
        for round in 1...3 {
            try await withTestLocation(engine) { location in
                let setUp = try await Database.open(location, logger: .silent)
                try await setUp.write { db in
                    try db.execute(
                        Statement {
                            """
                            CREATE TABLE probe (
                                writer \($0.bigint) NOT NULL, number \($0.bigint) NOT NULL, PRIMARY KEY (writer, number)
                            ) \($0.tableOptions)
                            """
                        })
                }
                await setUp.close()

                let probe = try Probe("write", location, 16)
                var lines = await probe.lines(500 * round)
                probe.kill()
                lines += await probe.lines(.max)
                #expect(await probe.wait() == SIGKILL)
                let acknowledged = lines.compactMap { line -> [Int64]? in
                    let numbers = line.split(separator: " ").compactMap { Int64($0) }
                    return numbers.count == 2 ? numbers : nil
                }
                #expect(acknowledged.count >= 500 * round)

                let database = try await Database.open(location, logger: .silent)
                let rows = try await database.read { db in
                    try db.query(Statement("SELECT writer, number FROM probe ORDER BY writer, number")) {
                        [$0.int(0), $0.int(1)]
                    }
                }
                #expect(Set(acknowledged).subtracting(rows) == [])
                for writer in Int64(1)...16 {
                    let numbers = rows.filter { $0[0] == writer }.map { $0[1] }
                    #expect(numbers == (0..<numbers.count).map { Int64($0 + 1) })
                }
                if engine == .sqlite {
                    let check = try await database.read { db in
                        try db.query(Statement("PRAGMA integrity_check")) { $0.text(0) }
                    }
                    #expect(check == ["ok"])
                }
                await database.close()
            }
        }
    }

    /// A command works on the file while the server runs: both write, and each waits for the other.
    @Test func twoConnectionsWriteToOneFile() async throws {
        try await withTestLocation(.sqlite) { location in
            let first = try await Database.open(location, logger: .silent)
            let second = try await Database.open(location, logger: .silent)
            try await first.write { try $0.execute(Statement("CREATE TABLE t (a INTEGER NOT NULL) STRICT")) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in Int64(0)..<400 {
                    let database = number % 2 == 0 ? first : second
                    group.addTask {
                        _ = try await database.write {
                            try $0.execute(Statement("INSERT INTO t (a) VALUES ($1)"), [.integer(number)])
                        }
                    }
                }
                try await group.waitForAll()
            }
            let numbers = try await second.read { db in
                try db.query(Statement("SELECT a FROM t ORDER BY a")) { $0.int(0) }
            }
            #expect(numbers == Array(0..<400))
            await first.close()
            await second.close()
        }
    }
}
