import MinimoTesting
import Synchronization
import Testing

@testable import SQLDatabase

/// What happens when PostgreSQL, or the way to it, fails.
@Suite(.timeLimit(.minutes(1))) struct PostgresConnectionTests {
    private static let processID = Statement("SELECT pg_backend_pid()")
    private static let terminate = Statement("SELECT pg_terminate_backend($1::int, 5000)")

    private static func single() -> Database.Configuration {
        var configuration = Database.Configuration()
        configuration.maximumConnections = 1
        return configuration
    }

    @Test func anIdleConnectionThatWasLostIsReplaced() async throws {
        try await Fixture.run(.postgres, Self.single()) { database in
            let process = try await database.read { try $0.first(Self.processID) { $0.int(0) } }
            try await withTestDatabase(.postgres) { other in
                let isGone = try await other.read { db in
                    try db.first(Self.terminate, [.optional(process)]) { $0.bool(0) }
                }
                #expect(isGone == true)
            }
            let id = try await database.write { try $0.addPerson("a") }
            #expect(id == 1)
            let next = try await database.read { try $0.first(Self.processID) { $0.int(0) } }
            #expect(next != process)
            #expect(database.statistics.reconnects == 1)
            #expect(database.statistics.connections == 1)
        }
    }

    /// Before the COMMIT was sent nothing can have happened, so the closure is run again.
    @Test func aClosureWhoseConnectionIsLostIsRunAgain() async throws {
        try await Fixture.run(.postgres, Self.single()) { database in
            let runs = Atomic(0)
            try await database.write { db in
                _ = try db.addPerson("a")
                if runs.add(1, ordering: .relaxed).newValue == 1 {
                    try db.execute(Statement("SELECT pg_terminate_backend(pg_backend_pid())"))
                }
            }
            let emails = try await database.read { try $0.emails() }
            #expect(emails == ["a"])
            #expect(runs.load(ordering: .relaxed) == 2)
        }
    }

    @Test func aClosureThatAlwaysLosesItsConnectionIsUnavailable() async throws {
        try await Fixture.run(.postgres, Self.single()) { database in
            let error = try await databaseError {
                try await database.write { db in
                    try db.execute(Statement("SELECT pg_terminate_backend(pg_backend_pid())"))
                }
            }
            #expect(error?.code == .unavailable)
            #expect(error?.isOutcomeUnknown == false)
            let count = try await database.read { try $0.count() }
            #expect(count == 0)
        }
    }

    /// The server ends the connection while it commits.
    @Test func aLostAnswerToCommitIsToldAsUnknown() async throws {
        try await Fixture.run(.postgres) { database in
            try await database.write { db in
                try db.execute(
                    Statement(
                        """
                        CREATE FUNCTION vanish() RETURNS trigger LANGUAGE plpgsql AS
                        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'
                        """))
                try db.execute(
                    Statement(
                        """
                        CREATE CONSTRAINT TRIGGER vanish AFTER INSERT ON people
                        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION vanish()
                        """))
            }
            let runs = Atomic(0)
            let error = try await databaseError {
                try await database.write { db in
                    runs.add(1, ordering: .relaxed)
                    _ = try db.addPerson("a")
                }
            }
            #expect(error?.code == .unavailable)
            #expect(error?.isOutcomeUnknown == true)
            #expect(runs.load(ordering: .relaxed) == 1)
            let count = try await database.read { try $0.count() }
            #expect(count == 0)
        }
    }

    @Test func anUnreachableServerIsAnsweredFast() async throws {
        let error = try await databaseError {
            try await Database.open(.postgres(url: "postgres://minimo@127.0.0.1:1/none"), logger: .silent)
        }
        #expect(error?.code == .unavailable)
    }

    @Test func attemptsToConnectBackOff() {
        let backOff = PostgresBackOff()
        let start = ContinuousClock.now
        #expect(throws: Never.self) { try backOff.check(now: start) }
        #expect(backOff.failed(now: start))
        #expect(throws: DatabaseError.self) { try backOff.check(now: start) }
        #expect(throws: Never.self) { try backOff.check(now: start + .milliseconds(100)) }
        for _ in 0..<20 { #expect(!backOff.failed(now: start)) }
        #expect(throws: DatabaseError.self) { try backOff.check(now: start + .milliseconds(2400)) }
        #expect(throws: Never.self) { try backOff.check(now: start + .seconds(5)) }
        backOff.succeeded()
        #expect(throws: Never.self) { try backOff.check(now: start) }
    }

    @Test func collisionsAreTriedAgain() async throws {
        try await Fixture.run(.postgres) { database in
            try await database.write { db in
                try db.execute(Statement("CREATE SEQUENCE attempts"))
                try db.execute(
                    Statement(
                        """
                        CREATE FUNCTION collide(times bigint) RETURNS void LANGUAGE plpgsql AS $$
                        BEGIN
                            IF nextval('attempts') <= times THEN
                                RAISE EXCEPTION 'collision' USING ERRCODE = 'serialization_failure';
                            END IF;
                        END $$
                        """))
            }
            try await database.write { db in
                _ = try db.addPerson("a")
                try db.execute(Statement("SELECT collide($1)"), [3])
            }
            let emails = try await database.read { try $0.emails() }
            #expect(emails == ["a"])
            #expect(database.statistics.retries == 3)
            let error = try await databaseError {
                try await database.write { try $0.execute(Statement("SELECT collide($1)"), [1_000_000]) }
            }
            #expect(error?.code == .serializationFailure)
        }
    }

    @Test func deadlocksAreResolved() async throws {
        try await Fixture.run(.postgres) { database in
            try await database.write { db in
                _ = try db.addPerson("a")
                _ = try db.addPerson("b")
            }
            let update = Statement("UPDATE people SET age = coalesce(age, 0) + 1 WHERE email = $1")
            let meeting = Meeting()
            async let first = database.write { db in
                try db.execute(update, ["a"])
                meeting.attend()
                return try db.execute(update, ["b"])
            }
            async let second = database.write { db in
                try db.execute(update, ["b"])
                meeting.attend()
                return try db.execute(update, ["a"])
            }
            #expect(try await [first, second] == [1, 1])
            let ages = try await database.read { db in
                try db.query(Statement("SELECT age FROM people ORDER BY id")) { $0.int(0) }
            }
            #expect(ages == [2, 2])
            // The side that lost may lose once more.
            #expect(database.statistics.retries >= 1)
        }
    }

    /// Both sides hold their first row before either asks for its second one. A repeated run does not wait.
    private final class Meeting: Sendable {
        private let present = Atomic(0)

        func attend() {
            present.add(1, ordering: .relaxed)
            while present.load(ordering: .relaxed) < 2 {}
        }
    }

    /// A statement was prepared, then another process changed the schema.
    @Test func aStalePlanIsPreparedAgain() async throws {
        try await Fixture.run(.postgres, Self.single()) { database in
            try await database.write { db in _ = try db.addPerson("a") }
            let all = Statement("SELECT * FROM people")
            _ = try await database.read { try $0.query(all) { $0.int(0) } }
            try await database.write { try $0.execute(Statement("ALTER TABLE people ADD COLUMN extra TEXT")) }
            let rows = try await database.read { try $0.query(all) { $0.isNull(7) } }
            #expect(rows == [true])
            #expect(database.statistics.reconnects == 0)
        }
    }

    @Test func rowsAreSkippedThatOthersHold() async throws {
        try await Fixture.run(.postgres) { database in
            try await database.write { db in for name in ["a", "b"] { _ = try db.addPerson(name) } }
            let take = Statement { "SELECT email FROM people ORDER BY id LIMIT 1 \($0.skipLocked)" }
            let taken = try await database.write { db in try db.first(take) { $0.text(0) } }
            #expect(taken == "a")
            let isHeld = Signal()
            let done = Mutex(false)
            async let first = database.write { db in
                let email = try db.first(take) { $0.text(0) }
                isHeld.raise()
                while !done.withLock({ $0 }) {}
                return email
            }
            await isHeld.wait()
            let second = try await database.write { db in try db.first(take) { $0.text(0) } }
            done.withLock { $0 = true }
            #expect(try await first == "a")
            #expect(second == "b")
        }
    }
}
