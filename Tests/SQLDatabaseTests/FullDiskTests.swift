import Foundation
import MinimoTesting
import SQLDatabase
import Testing

/// A full disk gives an error, keeps what was acknowledged, and damages nothing.
@Suite(.timeLimit(.minutes(1))) struct FullDiskTests {
    private static let insert = Statement("INSERT INTO t (id, a) VALUES ($1, $2)")
    private static let identifiers = Statement("SELECT id FROM t ORDER BY id")

    @Test func sqlitePageLimit() async throws {
        try await withTestDatabase(.sqlite) { database in
            try await Self.createTable(database)
            try await database.write { db in _ = try db.first(Statement("PRAGMA max_page_count = 100")) { $0.int(0) } }
            let acknowledged = try await Self.fill(database)
            try await Self.verify(database, acknowledged)
            try await database.write { db in _ = try db.first(Statement("PRAGMA max_page_count = 9999")) { $0.int(0) } }
            try await database.write { try $0.execute(Self.insert, [-1, .text("room again")]) }
            try await Self.verify(database, acknowledged.union([-1]))
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounting needs root"))
    func sqliteOnAFullFileSystem() async throws {
        try await withSmallFileSystem { folder in
            let ballast = folder + "/ballast"
            #expect(FileManager.default.createFile(atPath: ballast, contents: Data(count: 400_000)))
            let database = try await Database.open(.sqlite(path: folder + "/m.sqlite"), logger: .silent)
            try await Self.createTable(database)
            let acknowledged = try await Self.fill(database)
            try await Self.verify(database, acknowledged)
            await database.close()

            try FileManager.default.removeItem(atPath: ballast)
            let again = try await Database.open(.sqlite(path: folder + "/m.sqlite"), logger: .silent)
            try await again.write { try $0.execute(Self.insert, [-1, .text("room again")]) }
            try await Self.verify(again, acknowledged.union([-1]))
            await again.close()
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounting needs root"))
    func postgresOnAFullFileSystem() async throws {
        let space = "small_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        try await withSmallFileSystem { folder in
            try run("chown", "postgres", folder)
            // Tablespaces cannot be made inside a transaction.
            try psql("CREATE TABLESPACE \(space) LOCATION '\(folder)'")
            try await withTestDatabase(.postgres) { database in
                try await Self.createTable(database, suffix: "TABLESPACE \(space)")
                let acknowledged = try await Self.fill(database)
                try await Self.verify(database, acknowledged)
                try await database.write { try $0.execute(Statement("DROP TABLE t")) }
                try await Self.createTable(database, suffix: "TABLESPACE \(space)")
                try await database.write { try $0.execute(Self.insert, [-1, .text("room again")]) }
                try await Self.verify(database, [-1])
            }
            try psql("DROP TABLESPACE \(space)")
        }
    }

    @Test func postgresDiskFullIsRecognised() async throws {
        try await withTestDatabase(.postgres) { database in
            let error = try await databaseError {
                try await database.write { db in
                    try db.execute(
                        Statement("DO $$ BEGIN RAISE EXCEPTION 'secret' USING ERRCODE = 'disk_full'; END $$"))
                }
            }
            #expect(error?.code == .full)
            #expect(error?.engineCode == "53100")
        }
    }

    private static func createTable(_ database: Database, suffix: String = "") async throws {
        let statement = Statement {
            "CREATE TABLE t (id \($0.bigint) NOT NULL, a \($0.text) NOT NULL) \($0.tableOptions) \(suffix)"
        }
        try await database.write { try $0.execute(statement) }
    }

    /// Writes rows from many tasks until the disk is full. Returns the acknowledged ones.
    private static func fill(_ database: Database) async throws -> Set<Int64> {
        // Not one repeated character: PostgreSQL would compress it.
        let text = (0..<250).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
        var acknowledged: Set<Int64> = []
        var codes: Set<DatabaseError.Code> = []
        for batch in Int64(0)..<100 where codes.isEmpty {
            try await withThrowingTaskGroup(of: Result<Int64, DatabaseError>.self) { group in
                for id in batch * 20..<batch * 20 + 20 {
                    group.addTask {
                        do {
                            try await database.write { try $0.execute(insert, [.integer(id), .text(text)]) }
                            return .success(id)
                        } catch let error as DatabaseError {
                            return .failure(error)
                        }
                    }
                }
                for try await result in group {
                    switch result {
                    case .success(let id): acknowledged.insert(id)
                    case .failure(let error): codes.insert(error.code)
                    }
                }
            }
        }
        #expect(codes == [.full])
        return acknowledged
    }

    private static func verify(_ database: Database, _ identifiers: Set<Int64>) async throws {
        let isSQLite = database.dialect == .sqlite
        let (found, check) = try await database.read { db in
            (
                try db.query(Self.identifiers) { $0.int(0) },
                isSQLite ? try db.query(Statement("PRAGMA integrity_check")) { $0.text(0) } : ["ok"]
            )
        }
        #expect(found == identifiers.sorted())
        #expect(check == ["ok"])
    }
}

/// Mounts a memory file system of 1 MB.
private func withSmallFileSystem(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("minimo-small-" + UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try run("mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", folder)
    let result: Result<Void, any Error>
    do {
        result = .success(try await body(folder))
    } catch {
        result = .failure(error)
    }
    try run("umount", "--lazy", folder)
    try FileManager.default.removeItem(atPath: folder)
    try result.get()
}

private func psql(_ sql: String) throws {
    try run("psql", ProcessInfo.processInfo.environment["MINIMO_TEST_POSTGRES"] ?? "", "--quiet", "-c", sql)
}

private func run(_ command: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw TestDatabaseError(description: "\(command[0]) ended with \(process.terminationStatus)")
    }
}
