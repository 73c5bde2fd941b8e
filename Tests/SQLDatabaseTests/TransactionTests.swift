import MinimoTesting
import SQLDatabase
import Synchronization
import Testing

@Suite struct TransactionTests {
    @Test(arguments: TestEngine.allCases)
    func anErrorUndoesTheWholeClosure(_ engine: TestEngine) async throws {
        struct Stop: Error {}
        try await Fixture.run(engine) { database in
            await #expect(throws: Stop.self) {
                try await database.write { db in
                    _ = try db.addPerson("a")
                    _ = try db.addPerson("b")
                    throw Stop()
                }
            }
            let count = try await database.read { try $0.count() }
            #expect(count == 0)
        }
    }

    /// Many closures at once, of which every third fails: each is undone or done by itself.
    @Test(arguments: TestEngine.allCases)
    func closuresOfAGroupAreIndependent(_ engine: TestEngine) async throws {
        struct Stop: Error {}
        try await Fixture.run(engine) { database in
            let succeeded = try await withThrowingTaskGroup(of: Int?.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        do {
                            try await database.write { db in
                                _ = try db.addPerson("p\(number)")
                                if number % 3 == 0 { throw Stop() }
                            }
                            return number
                        } catch is Stop {
                            return nil
                        }
                    }
                }
                return try await group.reduce(into: Set<Int>()) { if let number = $1 { $0.insert(number) } }
            }
            let emails = try await database.read { try Set($0.emails()) }
            #expect(succeeded == Set((0..<300).filter { $0 % 3 != 0 }))
            #expect(emails == Set(succeeded.map { "p\($0)" }))
            await database.close()
            let statistics = database.statistics
            #expect(statistics.failures == 100)
            #expect(statistics.writes == 201)
            #expect(statistics.connections == 0)
            #expect(statistics.connectionsInUse == 0 && statistics.waiting == 0)
            if engine == .sqlite { #expect(statistics.largestGroup > 1) }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func aReadSeesOneSnapshot(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let hasRead = Signal()
            let written = Mutex(false)
            async let counts = database.read { db in
                let before = try db.count()
                hasRead.raise()
                // Statements go on, on a thread of the database's, until the other side has committed.
                while !written.withLock({ $0 }) { _ = try db.count() }
                return [before, try db.count()]
            }
            await hasRead.wait()
            try await database.write { db in _ = try db.addPerson("a") }
            let now = try await database.read { try $0.count() }
            written.withLock { $0 = true }
            let seen = try await counts
            #expect(seen == [0, 0])
            #expect(now == 1)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func executeCountsChangedRows(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let counts = try await database.write { db in
                let insert = Statement("INSERT INTO people (workspace_id, email) VALUES (1, $1) ON CONFLICT DO NOTHING")
                return [
                    try db.execute(insert, ["a"]), try db.execute(insert, ["a"]), try db.execute(insert, ["b"]),
                    try db.execute(Statement("UPDATE people SET age = 1")),
                    try db.execute(Statement("SELECT * FROM people")),
                    try db.execute(Statement("UPDATE people SET age = 2 WHERE email = 'c'")),
                    try db.execute(Statement("CREATE INDEX people_age_index ON people (age)")),
                    try db.execute(Statement("DELETE FROM people")),
                ]
            }
            #expect(counts == [1, 0, 1, 2, 0, 0, 0, 2])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func batchesKeepTheirOrder(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let (ids, changes, found) = try await database.write { db in
                let rows = (0..<1000).map { [SQLValue.integer(1), .text("p\($0)"), .integer(Int64($0))] }
                let ids = try db.queryEach(Fixture.addPerson, rows) { $0.int(0) }
                let changes = try db.executeEach(
                    Statement("UPDATE people SET age = age + 1 WHERE workspace_id = $1 AND age >= $2"),
                    [[1, 999], [1, 5000], [2, 0]])
                let found = try db.queryEach(
                    Statement("SELECT email FROM people WHERE age = $1"), [[1000], [-1], [7]]
                ) { $0.text(0) }
                let nothing = try db.executeEach(Fixture.addPerson, [])
                return (ids, changes + nothing, found)
            }
            #expect(ids == (1...1000).map { [Int64($0)] })
            #expect(changes == [1, 0, 0])
            #expect(found == [["p999"], [], ["p7"]])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func anErrorInABatchUndoesIt(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let error = try await databaseError {
                try await database.write { db in
                    try db.executeEach(
                        Fixture.addPerson, (0..<300).map { [1, .text($0 == 200 ? "p100" : "p\($0)"), nil] })
                }
            }
            #expect(error?.violates(Fixture.byEmail) == true)
            let count = try await database.read { try $0.count() }
            #expect(count == 0)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func forEachStreamsAndStops(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let numbers = Statement(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT i FROM n")
            let (sum, seen, after) = try await database.read { db in
                var sum: Int64 = 0
                try db.forEach(numbers, [100_000]) { row in
                    sum += row.int(0)
                    return true
                }
                var seen: [Int64] = []
                try db.forEach(numbers, [1000]) { row in
                    seen.append(row.int(0))
                    return seen.count < 3
                }
                return (sum, seen, try db.query(numbers, [2]) { $0.int(0) })
            }
            #expect(sum == 5_000_050_000)
            #expect(seen == [1, 2, 3])
            #expect(after == [1, 2])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func firstCarriesAChangeOutWhole(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let (first, count) = try await database.write { db in
                let first = try db.first(
                    Statement("INSERT INTO people (workspace_id, email) VALUES (1, 'a'), (1, 'b') RETURNING email")
                ) { $0.text(0) }
                return (first, try db.count())
            }
            #expect(first == "a")
            #expect(count == 2)
        }
    }

    /// More statements than a connection keeps prepared.
    @Test(arguments: TestEngine.allCases)
    func preparedStatementsAreBounded(_ engine: TestEngine) async throws {
        var configuration = Database.Configuration()
        configuration.maximumStatements = 2
        configuration.maximumConnections = 1
        try await Fixture.run(engine, configuration) { database in
            let statements = (0..<5).map { Statement("SELECT CAST($1 AS BIGINT) + \($0)") }
            let sums = try await database.read { db in
                try (0..<3).flatMap { round in
                    try statements.map { try db.first($0, [.integer(Int64(round) * 10)]) { $0.int(0) } ?? -1 }
                }
            }
            #expect(sums == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24])
            if engine == .postgres {
                let kept = try await database.read { db in
                    try db.first(Statement("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 's%'")) {
                        $0.int(0)
                    }
                }
                #expect((1...2).contains(kept ?? 0))
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func aClosedDatabaseIsUnavailable(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            await database.close()
            let error = try await databaseError { try await database.read { try $0.count() } }
            #expect(error?.code == .unavailable)
        }
    }
}
