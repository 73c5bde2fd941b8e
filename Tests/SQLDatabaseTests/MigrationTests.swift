import MinimoTesting
import Testing

@testable import SQLDatabase

@Suite(.timeLimit(.minutes(1))) struct MigrationTests {
    private static func table(_ number: Int, _ name: String? = nil) -> Migration {
        Migration(number: number, name: "table \(number)") { dialect in
            ["CREATE TABLE \(name ?? "t\(number)") (id \(dialect.bigint) NOT NULL) \(dialect.tableOptions)"]
        }
    }

    @Test(arguments: TestEngine.allCases)
    func appliesWhatIsMissing(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine) { database in
            let before = try await Migrator([Self.table(1), Self.table(2)]).status(database)
            #expect(before.map(\.applied) == [false, false])
            let first = try await Migrator([Self.table(1)]).migrate(database)
            #expect(first.map(\.number) == [1])
            let middle = try await Migrator([Self.table(1), Self.table(2)]).status(database)
            #expect(middle.map(\.applied) == [true, false])
            let second = try await Migrator([Self.table(1), Self.table(2)]).migrate(database)
            #expect(second.map(\.number) == [2])
            let third = try await Migrator([Self.table(1), Self.table(2)]).migrate(database)
            #expect(third.isEmpty)
            let rows = try await database.read { db in
                try db.query(Statement("SELECT number, name FROM schema_migrations ORDER BY number")) {
                    "\($0.int(0)) \($0.text(1))"
                }
            }
            #expect(rows == ["1 table 1", "2 table 2"])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func aFailureLeavesTheDatabaseAsItWas(_ engine: TestEngine) async throws {
        let broken = Migration(number: 2, name: "broken") { _ in
            ["CREATE TABLE half (id INTEGER)", "CREATE TABLE half (id INTEGER)"]
        }
        try await withTestDatabase(engine) { database in
            let error = try await databaseError {
                try await Migrator([Self.table(1), broken]).migrate(database)
            }
            #expect(error?.code == .other)
            #expect(error?.statement == "CREATE TABLE half (id INTEGER)")
            let applied = try await Migrator([Self.table(1), Self.table(2, "half")]).migrate(database)
            #expect(applied.map(\.number) == [1, 2])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func refusesAHistoryThatDoesNotFit(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: [Self.table(1), Self.table(2)]) { database in
            let cases: [([Migration], MigrationError.Code, Int)] = [
                ([Self.table(1, "other"), Self.table(2)], .changed, 1),
                ([Self.table(1), Self.table(2, "other"), Self.table(3)], .changed, 2),
                ([Self.table(1)], .newerDatabase, 2),
                ([], .newerDatabase, 2),
                ([Self.table(2), Self.table(1)], .invalidList, 2),
                ([Self.table(1), Self.table(3)], .invalidList, 3),
            ]
            for (migrations, code, number) in cases {
                for isStatus in [false, true] {
                    do {
                        let migrator = Migrator(migrations)
                        if isStatus {
                            _ = try await migrator.status(database)
                        } else {
                            _ = try await migrator.migrate(database)
                        }
                        Issue.record("\(code) was accepted")
                    } catch let error as MigrationError {
                        #expect(error.code == code)
                        #expect(error.number == number)
                    }
                }
            }
            try await database.write { try $0.execute(Statement("DELETE FROM schema_migrations WHERE number = 1")) }
            await #expect(throws: MigrationError.self) {
                try await Migrator([Self.table(1), Self.table(2)]).migrate(database)
            }
        }
    }

    @Test func theTextDecidesTheChecksum() {
        let one = Migration(number: 1, name: "a") { _ in ["AB", "C"] }
        let two = Migration(number: 1, name: "a") { _ in ["A", "BC"] }
        #expect(one.checksum(for: .sqlite) != two.checksum(for: .sqlite))
        // FNV-1a of "AB\u{FF}C\u{FF}", so that stored checksums stay valid.
        #expect(one.checksum(for: .sqlite) == "63e67b4778e98141")
    }

    @Test(arguments: TestEngine.allCases)
    func manyAtOnceApplyItOnce(_ engine: TestEngine) async throws {
        try await withTestLocation(engine) { location in
            let probes = try (0..<4).map { _ in try Probe("migrate", location, 20) }
            for probe in probes { #expect(await probe.lines(1) == ["ready"]) }
            for probe in probes { probe.send("go") }
            var applied: [String] = []
            for probe in probes {
                applied += await probe.lines(1)
                #expect(await probe.wait() == 0)
            }
            #expect(applied.sorted() == ["0", "0", "0", "20"])
            let database = try await Database.open(location, logger: .silent)
            let last = try await database.read { db in try db.query(Statement("SELECT id FROM step_20")) { $0.int(0) } }
            #expect(last == [20])
            await database.close()
        }
    }

    /// SQLite changes a table by building it anew: rows that refer to it stay, and a broken reference is found.
    @Test func sqliteTablesCanBeRebuilt() async throws {
        let start = Migration(number: 1, name: "start") { _ in
            [
                "CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT",
                "CREATE TABLE child (p INTEGER NOT NULL REFERENCES parent (id) ON DELETE CASCADE) STRICT",
                "INSERT INTO parent (id) VALUES (1), (2)", "INSERT INTO child (p) VALUES (1), (2)",
            ]
        }
        func rebuild(_ condition: String) -> Migration {
            Migration(number: 2, name: "rebuild") { _ in
                [
                    "CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT) STRICT",
                    "INSERT INTO parent_new (id) SELECT id FROM parent WHERE \(condition)",
                    "DROP TABLE parent", "ALTER TABLE parent_new RENAME TO parent",
                ]
            }
        }
        try await withTestDatabase(.sqlite, migrations: [start]) { database in
            let error = try await databaseError { try await Migrator([start, rebuild("id = 1")]).migrate(database) }
            #expect(error?.code == .foreignKeyViolation)
            _ = try await Migrator([start, rebuild("TRUE")]).migrate(database)
            let (children, foreignKeys) = try await database.write { db in
                (
                    try db.query(Statement("SELECT p FROM child ORDER BY p")) { $0.int(0) },
                    try db.first(Statement("PRAGMA foreign_keys")) { $0.int(0) }
                )
            }
            #expect(children == [1, 2])
            #expect(foreignKeys == 1)
        }
    }
}
