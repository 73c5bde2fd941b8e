import ArgumentParser
import Logging
import MinimoCore
import MinimoServer
import SQLDatabase
import Wire

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the database schema up to date, and say what was done.",
        discussion: "serve does the same at its start; several processes may migrate at once.")

    @OptionGroup var installation: InstallationOptions
    @Flag(name: .long, help: "Only show which migrations are applied.") var status = false
    @Flag(name: .long, help: "Print JSON.") var json = false

    func run() async throws {
        try await reportingFailures {
            let directory = try DataDirectory(installation.resolvedDataDir)
            let database = try await Database.open(
                try Installation.location(directory: directory, databaseURL: installation.resolvedDatabaseURL),
                logger: Logging.command)
            do {
                let migrator = Migrator(Schema.migrations)
                if !status { _ = try await migrator.migrate(database) }
                let states = try await migrator.status(database)
                if json {
                    Output.json { writer in
                        writer.beginArray()
                        for state in states {
                            writer.beginObject()
                            writer.member("number", state.0.number)
                            writer.member("name", state.0.name)
                            writer.member("applied", state.1)
                            writer.endObject()
                        }
                        writer.endArray()
                    }
                } else {
                    for state in states {
                        Output.line("\(state.1 ? "applied" : "pending") \(state.0.number) \(state.0.name)")
                    }
                }
            } catch {
                await database.close()
                throw error
            }
            await database.close()
        }
    }
}
