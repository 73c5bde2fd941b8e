import Dispatch
import MinimoTesting
import SQLDatabase
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct CancellationTests {
    private static let endlessInsert = Statement(
        """
        INSERT INTO people (workspace_id, email)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i > 0)
        SELECT 2, CAST(i AS TEXT) FROM n
        """)

    @Test(arguments: TestEngine.allCases)
    func stopsALongRead(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let started = Signal()
            let task = Task {
                try await database.read { db in
                    started.raise()
                    return try db.first(Fixture.endless) { $0.int(0) }
                }
            }
            await started.wait()
            task.cancel()
            let error = try await databaseError { try await task.value }
            #expect(error?.code == .cancelled)
            let count = try await database.read { try $0.count() }
            #expect(count == 0)
            #expect(database.statistics.reconnects == 0)
        }
    }

    /// The cancelled closure is undone; those around it are not touched.
    @Test(arguments: TestEngine.allCases)
    func stopsALongWriteAndNothingElse(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let started = Signal()
            let task = Task {
                try await database.write { db in
                    _ = try db.addPerson("cancelled")
                    started.raise()
                    // The statement writes, so that stopping it ends SQLite's whole transaction.
                    try db.execute(Self.endlessInsert)
                }
            }
            await started.wait()
            let others = (0..<50).map { number in
                Task { try await database.write { db in _ = try db.addPerson("p\(number)") } }
            }
            task.cancel()
            let error = try await databaseError { try await task.value }
            #expect(error?.code == .cancelled)
            for other in others { try await other.value }
            let emails = try await database.read { try Set($0.emails()) }
            #expect(emails == Set((0..<50).map { "p\($0)" }))
            let stray = try await database.read { try $0.emails(workspace: 2) }
            #expect(stray == [])
        }
    }

    /// Rows are streaming when the task is cancelled.
    @Test(arguments: TestEngine.allCases)
    func stopsAStream(_ engine: TestEngine) async throws {
        let endless = Statement(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i > 0) SELECT i FROM n")
        try await Fixture.run(engine) { database in
            let started = Signal()
            let task = Task {
                try await database.read { db in
                    try db.forEach(endless) { row in
                        if row.int(0) == 1000 { started.raise() }
                        return true
                    }
                }
            }
            await started.wait()
            task.cancel()
            let error = try await databaseError { try await task.value }
            #expect(error?.code == .cancelled)
            let count = try await database.read { try $0.count() }
            #expect(count == 0)
        }
    }

    /// A member of a group is stopped in the middle of a write, which ends SQLite's whole transaction: the others of
    /// the group are run again and succeed.
    @Test func aGroupSurvivesAStoppedMember() async throws {
        var configuration = Database.Configuration()
        configuration.maximumGroupDuration = .seconds(60)
        configuration.statementTimeout = .milliseconds(200)
        try await Fixture.run(.sqlite, configuration) { database in
            let isHeld = Signal()
            let release = DispatchSemaphore(value: 0)
            let runs = Atomic(0)
            let holder = Task {
                try await database.write { db in
                    if runs.add(1, ordering: .relaxed).newValue == 1 {
                        isHeld.raise()
                        release.wait()
                    }
                    _ = try db.addPerson("first")
                }
            }
            await isHeld.wait()
            let victim = Task { try await database.write { try $0.execute(Self.endlessInsert) } }
            while database.statistics.waiting == 0 { await Task.yield() }
            // The holder goes on, and the victim joins its group.
            release.signal()
            let error = try await databaseError { try await victim.value }
            #expect(error?.code == .timeout)
            try await holder.value
            #expect(runs.load(ordering: .relaxed) == 2)
            #expect(database.statistics.retries == 1)
            let emails = try await database.read { try $0.emails() }
            #expect(emails == ["first"])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func answersAWaitingClosureAtOnce(_ engine: TestEngine) async throws {
        var configuration = Database.Configuration()
        configuration.maximumConnections = 1
        try await Fixture.run(engine, configuration) { database in
            let isHeld = Signal()
            let release = DispatchSemaphore(value: 0)
            let holder = Task {
                try await database.write { db in
                    isHeld.raise()
                    release.wait()
                    _ = try db.addPerson("holder")
                }
            }
            await isHeld.wait()
            let waiting = Task { try await database.write { db in _ = try db.addPerson("waiting") } }
            while database.statistics.waiting == 0 { await Task.yield() }
            waiting.cancel()
            // Answered while the only connection that could run it is still held.
            let error = try await databaseError { try await waiting.value }
            #expect(error?.code == .cancelled)
            release.signal()
            try await holder.value
            let emails = try await database.read { try $0.emails() }
            #expect(emails == ["holder"])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func aCancelledTaskRunsNothing(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            let go = Signal()
            let task = Task {
                await go.wait()
                try await database.write { db in _ = try db.addPerson("a") }
            }
            task.cancel()
            go.raise()
            let error = try await databaseError { try await task.value }
            #expect(error?.code == .cancelled)
            let count = try await database.read { try $0.count() }
            #expect(count == 0)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func aStatementHasATimeLimit(_ engine: TestEngine) async throws {
        var configuration = Database.Configuration()
        configuration.statementTimeout = .milliseconds(100)
        try await withTestDatabase(engine, configuration: configuration) { database in
            let error = try await databaseError {
                try await database.read { db in try db.first(Fixture.endless) { $0.int(0) } }
            }
            #expect(error?.code == .timeout)
            let one = try await database.write { db in try db.first(Statement("SELECT 1")) { $0.int(0) } }
            #expect(one == 1)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func theQueueIsBounded(_ engine: TestEngine) async throws {
        var configuration = Database.Configuration()
        configuration.maximumConnections = 1
        configuration.maximumWaiting = 2
        try await Fixture.run(engine, configuration) { database in
            let isHeld = Signal()
            let release = DispatchSemaphore(value: 0)
            let holder = Task {
                try await database.write { _ in
                    isHeld.raise()
                    release.wait()
                }
            }
            await isHeld.wait()
            let waiting = (0..<2).map { number in
                Task { try await database.write { db in _ = try db.addPerson("p\(number)") } }
            }
            while database.statistics.waiting < 2 { await Task.yield() }
            let error = try await databaseError { try await database.write { _ in } }
            #expect(error?.code == .unavailable)
            release.signal()
            try await holder.value
            for task in waiting { try await task.value }
            let count = try await database.read { try $0.count() }
            #expect(count == 2)
        }
    }
}
