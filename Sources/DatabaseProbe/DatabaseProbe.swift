import Foundation
import Logging
import SQLDatabase

/// A process of its own for the tests of the database: one that they kill, or one that competes with others.
///
///     database-probe write (sqlite PATH | postgres URL) WRITERS
///     database-probe migrate (sqlite PATH | postgres URL) MIGRATIONS
///
/// `write`: each of the writers writes 1, 2, 3… to the table `probe (writer, number)`, which must exist, and prints
/// `writer number` when the database has acknowledged the row. It runs until it is killed.
///
/// `migrate`: waits for a line on standard input, applies a history of that many migrations, and prints the number of
/// those that it applied itself.
@main
enum DatabaseProbe {
    static func main() async {
        let arguments = CommandLine.arguments
        guard arguments.count == 5, let count = Int(arguments[4]), count > 0 else { exit(64) }
        let location: Database.Location =
            arguments[2] == "postgres" ? .postgres(url: arguments[3]) : .sqlite(path: arguments[3])
        do {
            if arguments[1] == "write" {
                try await write(location, writers: count)
            } else {
                try await migrate(location, count)
            }
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(1)
        }
    }

    private static let insert = Statement("INSERT INTO probe (writer, number) VALUES ($1, $2)")

    private static func write(_ location: Database.Location, writers: Int) async throws {
        let database = try await Database.open(location, logger: Logger(label: "probe"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 1...Int64(writers) {
                group.addTask { try await write(writer, database) }
            }
            try await group.waitForAll()
        }
    }

    private static func write(_ writer: Int64, _ database: Database) async throws {
        for number in Int64(1)... {
            try await database.write { try $0.execute(insert, [.integer(writer), .integer(number)]) }
            // One write call, so that a line is either whole or missing when the process is killed.
            FileHandle.standardOutput.write(Data("\(writer) \(number)\n".utf8))
        }
    }

    private static func migrate(_ location: Database.Location, _ count: Int) async throws {
        let migrations = (1...count).map { number in
            Migration(number: number, name: "step \(number)") { dialect in
                [
                    "CREATE TABLE step_\(number) (id \(dialect.bigint) NOT NULL) \(dialect.tableOptions)",
                    "INSERT INTO step_\(number) (id) VALUES (\(number))",
                ]
            }
        }
        FileHandle.standardOutput.write(Data("ready\n".utf8))
        _ = readLine()
        let database = try await Database.open(location, logger: Logger(label: "probe"))
        let applied = try await Migrator(migrations).migrate(database)
        await database.close()
        FileHandle.standardOutput.write(Data("\(applied.count)\n".utf8))
    }
}
