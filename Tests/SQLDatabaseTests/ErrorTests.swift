import MinimoTesting
import SQLDatabase
import Testing

/// What goes wrong is told alike by both engines, and without values.
@Suite struct ErrorTests {
    @Test(arguments: TestEngine.allCases)
    func uniqueViolationNamesTheIndex(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            try await database.write { db in _ = try db.addPerson("secret@example.com") }
            let error = try await databaseError {
                try await database.write { db in try db.addPerson("secret@example.com") }
            }
            #expect(error?.code == .uniqueViolation)
            #expect(error?.violates(Fixture.byEmail) == true)
            #expect(error?.violates(UniqueIndex(name: "other", table: "people", columns: ["email"])) == false)
            #expect(error.map { "\($0)".contains("secret") } == false)
            let key = try await databaseError {
                try await database.write { db in
                    try db.execute(Statement("INSERT INTO people (workspace_id, id, email) VALUES (1, 1, 'b')"))
                }
            }
            #expect(key?.code == .uniqueViolation)
            #expect(key?.violates(Fixture.byEmail) == false)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func otherConstraints(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let check = try await databaseError {
                try await database.write { db in try db.addPerson("a", age: -1) }
            }
            #expect(check?.code == .checkViolation)
            #expect(check?.constraint == "people_age")
            let null = try await databaseError {
                try await database.write { db in try db.execute(Fixture.addPerson, [1, nil, nil]) }
            }
            #expect(null?.code == .checkViolation)
            #expect(null?.columns == ["people.email"])
            let reference = try await databaseError {
                try await database.write { db in
                    try db.execute(Statement("INSERT INTO notes (workspace_id, person_id, body) VALUES (1, 99, 'x')"))
                }
            }
            #expect(reference?.code == .foreignKeyViolation)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func readsCannotWrite(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let error = try await databaseError { try await database.read { db in try db.addPerson("a") } }
            #expect(error?.code == .readOnly)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func faultsOfTheProgram(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let faults: [@Sendable (Connection) throws -> Void] = [
                { try $0.execute(Statement("SELEKT 1")) },
                { try $0.execute(Statement("SELECT nothing FROM people")) },
                { try $0.execute(Statement("SELECT 1; SELECT 2")) },
                { try $0.execute(Statement("")) },
                { try $0.execute(Statement("SELECT CAST($1 AS TEXT)"), []) },
                { try $0.execute(Statement("SELECT CAST($1 AS TEXT)"), ["a", "b"]) },
                { _ = try $0.query(Statement("SELECT 'x'")) { $0.int(0) } },
                { _ = try $0.query(Statement("SELECT CAST(NULL AS TEXT)")) { $0.text(0) } },
                { _ = try $0.query(Statement("SELECT 'x'")) { $0.text(1) } },
                { db in try db.forEach(Statement("SELECT 1")) { _ in try db.count() == 0 } },
            ]
            for (index, fault) in faults.enumerated() {
                let error = try await databaseError { try await database.write { try fault($0) } }
                #expect(error?.code == .other, "fault \(index)")
            }
            let alive = try await database.write { try $0.count() }
            #expect(alive == 0)
            #expect(database.statistics.reconnects == 0)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func aValueNeverReachesTheDescription(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let error = try await databaseError {
                try await database.write { db in
                    try db.execute(
                        Statement("INSERT INTO people (workspace_id, email, age) VALUES (1, 'x', $1)"), ["hunter2"])
                }
            }
            #expect(error != nil)
            #expect(error.map { "\($0)".contains("hunter2") } == false)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func aCaughtErrorStillFailsTheClosure(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let error = try await databaseError {
                try await database.write { db in
                    _ = try db.addPerson("a")
                    _ = try? db.addPerson("a")
                    _ = try? db.addPerson("b")
                }
            }
            #expect(error?.code == .uniqueViolation)
            let count = try await database.read { try $0.count() }
            #expect(count == 0)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func theClosuresOwnErrorComesOut(_ engine: TestEngine) async throws {
        struct Taken: Error {}
        try await Fixture.run(engine) { database in
            await #expect(throws: Taken.self) {
                try await database.write { db in
                    _ = try db.addPerson("a")
                    do {
                        _ = try db.addPerson("a")
                    } catch let error as DatabaseError where error.violates(Fixture.byEmail) {
                        throw Taken()
                    }
                }
            }
            let count = try await database.read { try $0.count() }
            #expect(count == 0)
        }
    }

    @Test func aPasswordNeverGetsOut() async throws {
        let urls = [
            "postgres://user:hunter2@127.0.0.1:1/x", "postgres://user:hunter2@127.0.0.1:port/x",
            "postgres://user:hunter2%zz@127.0.0.1/x", "postgres://user:hunter2@[::1/x",
            "postgres://127.0.0.1:1/x?password=hunter2&hunter2=1", "hunter2",
        ]
        for url in urls {
            let error = try await databaseError { try await Database.open(.postgres(url: url), logger: .silent) }
            #expect(error != nil)
            #expect(error.map { String(reflecting: $0).contains("hunter2") } == false, "\(url)")
        }
    }
}
