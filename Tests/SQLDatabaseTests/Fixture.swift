import Logging
import MinimoTesting
import SQLDatabase
import Synchronization

/// The tables that most tests use.
enum Fixture {
    static let byEmail = UniqueIndex(
        name: "people_email", table: "people", columns: ["workspace_id", "email"], where: "active = TRUE")

    static let migrations = [
        Migration(number: 1, name: "people") { dialect in
            [
                """
                CREATE TABLE people (
                    workspace_id \(dialect.bigint) NOT NULL,
                    id \(dialect.identityColumn),
                    email \(dialect.text) NOT NULL,
                    age \(dialect.bigint),
                    active \(dialect.boolean) NOT NULL DEFAULT TRUE,
                    score \(dialect.double),
                    picture \(dialect.blob),
                    CONSTRAINT people_age CHECK (age >= 0),
                    CONSTRAINT people_key UNIQUE (workspace_id, id)
                    \(dialect.primaryKey("workspace_id, id"))
                ) \(dialect.tableOptions)
                """,
                byEmail.definition,
                """
                CREATE TABLE notes (
                    workspace_id \(dialect.bigint) NOT NULL,
                    id \(dialect.identityColumn),
                    person_id \(dialect.bigint) NOT NULL,
                    body \(dialect.text) NOT NULL
                    \(dialect.primaryKey("workspace_id, id")),
                    FOREIGN KEY (workspace_id, person_id) REFERENCES people (workspace_id, id)
                ) \(dialect.tableOptions)
                """,
            ]
        }
    ]

    static let addPerson = Statement(
        "INSERT INTO people (workspace_id, email, age) VALUES ($1, $2, $3) RETURNING id")
    static let emails = Statement("SELECT email FROM people WHERE workspace_id = $1 ORDER BY id")
    static let count = Statement("SELECT count(*) FROM people")

    /// Runs until it is stopped, on both engines.
    static let endless = Statement(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i > 0) SELECT count(*) FROM n")

    /// Runs a test with these tables.
    static func run<T>(
        _ engine: TestEngine, _ configuration: Database.Configuration? = nil, _ body: (Database) async throws -> T
    ) async throws -> T {
        try await withTestDatabase(engine, migrations: migrations, configuration: configuration, body)
    }
}

extension Connection {
    func addPerson(_ email: String, age: Int64? = nil, workspace: Int64 = 1) throws -> Int64? {
        try first(Fixture.addPerson, [.integer(workspace), .text(email), .optional(age)]) { $0.int(0) }
    }

    func emails(workspace: Int64 = 1) throws -> [String] {
        try query(Fixture.emails, [.integer(workspace)]) { $0.text(0) }
    }

    func count() throws -> Int64? { try first(Fixture.count) { $0.int(0) } }
}

/// A one-time event between a closure on a database thread and a test.
final class Signal: Sendable {
    private struct State {
        var isRaised = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func raise() {
        let waiting = state.withLock { state in
            state.isRaised = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isRaised = state.withLock { state in
                if !state.isRaised { state.waiting.append(continuation) }
                return state.isRaised
            }
            if isRaised { continuation.resume() }
        }
    }
}

extension Logger {
    /// Writes nothing.
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// The database error that a body throws, or nil.
func databaseError<T>(_ body: () async throws -> T) async throws -> DatabaseError? {
    do {
        _ = try await body()
        return nil
    } catch let error as DatabaseError {
        return error
    }
}
