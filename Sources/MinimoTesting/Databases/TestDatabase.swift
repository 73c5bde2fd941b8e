import Foundation
import Logging
package import SQLDatabase
import Synchronization

/// Why there is no database for a test.
package struct TestDatabaseError: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

/// Runs a test on a fresh database, which is removed afterwards.
///
/// SQLite: a new file in the temporary folder. PostgreSQL: a new schema on the server that the environment variable
/// `MINIMO_TEST_POSTGRES` names (`scripts/with-postgres` starts one). A bounded number of databases exists at a time; a
/// call inside another one's body does not count.
///
/// - Throws: what the body throws; `TestDatabaseError` if PostgreSQL is asked for and the variable is missing, so that an
///   engine is never skipped silently.
package func withTestDatabase<T>(
    _ engine: TestEngine, migrations: [Migration] = [], configuration: Database.Configuration? = nil,
    _ body: (Database) async throws -> T
) async throws -> T {
    try await withTestLocation(engine) { location in
        var settings = Database.Configuration()
        settings.maximumConnections = 8
        let database = try await Database.open(
            location, configuration: configuration ?? settings, logger: .silent)
        return try await closing(database) {
            if !migrations.isEmpty { _ = try await Migrator(migrations).migrate(database) }
            return try await body(database)
        }
    }
}

/// Makes a place for a database that the body opens itself, once or several times, and removes it afterwards.
///
/// - Throws: as `withTestDatabase`.
package func withTestLocation<T>(
    _ engine: TestEngine, _ body: (Database.Location) async throws -> T
) async throws -> T {
    try await TestPermits.shared.withPermit {
        switch engine {
        case .sqlite: try await withTemporaryFile(body)
        case .postgres: try await withTemporarySchema(body)
        }
    }
}

private func withTemporaryFile<T>(_ body: (Database.Location) async throws -> T) async throws -> T {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("minimo-test-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(.sqlite(path: folder.appendingPathComponent("minimo.sqlite").path))
}

private func withTemporarySchema<T>(_ body: (Database.Location) async throws -> T) async throws -> T {
    guard let url = ProcessInfo.processInfo.environment["MINIMO_TEST_POSTGRES"] else {
        throw TestDatabaseError(
            description: "MINIMO_TEST_POSTGRES is not set: run the tests with scripts/with-postgres")
    }
    let schema = "test_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
    try await administer(url, "CREATE SCHEMA \(schema)")
    let separator = url.contains("?") ? "&" : "?"
    let result: Result<T, any Error>
    do {
        result = .success(try await body(.postgres(url: url + separator + "options=-csearch_path%3D" + schema)))
    } catch {
        result = .failure(error)
    }
    try await administer(url, "DROP SCHEMA \(schema) CASCADE")
    return try result.get()
}

/// Runs one statement on the server, outside any test's schema.
private func administer(_ url: String, _ sql: String) async throws {
    let database = try await Database.open(.postgres(url: url), logger: .silent)
    let statement = Statement(sql)
    try await closing(database) { _ = try await database.write { try $0.execute(statement) } }
}

private func closing<T>(_ database: Database, _ body: () async throws -> T) async throws -> T {
    do {
        let result = try await body()
        await database.close()
        return result
    } catch {
        await database.close()
        throw error
    }
}

extension Logger {
    /// Writes nothing.
    fileprivate static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// Bounds the databases that exist at a time: tests run all at once, and a server has a limit of connections.
private final class TestPermits: Sendable {
    static let shared = TestPermits(count: 8)

    @TaskLocal private static var isHeld = false

    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(free: count)) }

    func withPermit<T>(_ body: () async throws -> T) async throws -> T {
        // A test with two databases takes one permit: it would otherwise wait for others that wait for it.
        if Self.isHeld { return try await body() }
        await acquire()
        defer { release() }
        return try await Self.$isHeld.withValue(true) { try await body() }
    }

    private func acquire() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    private func release() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
