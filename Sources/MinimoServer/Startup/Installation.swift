package import Logging
package import MinimoCore
package import SQLDatabase

/// An opened installation: what every command and the server need before they can do anything.
package struct Installation: Sendable {
    package let directory: DataDirectory
    package let database: Database
    package let instance: Instance
    package let secrets: SecretBox

    /// Opens the database, brings its schema up to date and loads the installation's keys.
    ///
    /// - Parameters:
    ///   - databaseURL: `postgres://…`; `nil` is the embedded database in the directory.
    ///   - environment: where `MINIMO_SECRET_KEY` may stand.
    /// - Throws: ``StartupError`` or ``DatabaseError`` in words that say what to do.
    package static func open(
        directory: DataDirectory, databaseURL: String?, environment: [String: String], logger: Logger,
        configuration: Database.Configuration = .init()
    ) async throws -> Installation {
        let location = try location(directory: directory, databaseURL: databaseURL)
        let database = try await Database.open(location, configuration: configuration, logger: logger)
        do {
            let applied = try await Migrator(Schema.migrations).migrate(database)
            for migration in applied {
                logger.info("applied migration \(migration.number) \(migration.name)")
            }
            let secrets = SecretBox(key: try directory.secretKey(environment: environment))
            try await secrets.check(against: database)
            let instance = try await Instance.load(from: database)
            return Installation(directory: directory, database: database, instance: instance, secrets: secrets)
        } catch {
            await database.close()
            throw error
        }
    }

    /// Where the data is: PostgreSQL when a URL is given, else the file in the directory.
    package static func location(directory: DataDirectory, databaseURL: String?) throws -> Database.Location {
        guard let databaseURL else { return .sqlite(path: directory.databasePath) }
        guard databaseURL.hasPrefix("postgres://") || databaseURL.hasPrefix("postgresql://") else {
            throw StartupError("the database URL must begin with postgres://")
        }
        return .postgres(url: databaseURL)
    }
}
