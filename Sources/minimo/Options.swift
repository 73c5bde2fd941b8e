import ArgumentParser
import Foundation
import Logging
import MinimoCore
import MinimoServer
import SQLDatabase
import Wire

/// The options of every command that opens an installation.
struct InstallationOptions: ParsableArguments {
    @Option(name: .long, help: "The data directory (MINIMO_DATA_DIR; default ./minimo-data).")
    var dataDir: String?

    @Option(
        name: .long,
        help: "postgres://user:password@host/database instead of the embedded database (MINIMO_DATABASE_URL).")
    var databaseURL: String?

    var environment: [String: String] { ProcessInfo.processInfo.environment }

    var resolvedDataDir: String { dataDir ?? environment["MINIMO_DATA_DIR"] ?? "./minimo-data" }

    var resolvedDatabaseURL: String? { databaseURL ?? environment["MINIMO_DATABASE_URL"] }

    /// Opens the installation, runs `body` and closes it again, however `body` ends.
    ///
    /// - Parameter creates: whether the command may set up a new installation; one that only looks at things must not
    ///   make one out of
    ///   a mistyped folder.
    func withInstallation(creates: Bool = false, _ body: (Installation) async throws -> Void) async throws {
        try await reportingFailures {
            let database = resolvedDataDir + "/minimo.sqlite"
            guard creates || resolvedDatabaseURL != nil || FileManager.default.fileExists(atPath: database) else {
                throw StartupError(
                    "there is no installation in \(resolvedDataDir): name it with --data-dir, or start it with minimo serve"
                )
            }
            let installation = try await Installation.open(
                directory: try DataDirectory(resolvedDataDir), databaseURL: resolvedDatabaseURL,
                environment: environment, logger: Logging.command)
            do {
                try await body(installation)
            } catch {
                await installation.database.close()
                throw error
            }
            await installation.database.close()
        }
    }
}

/// Which company a command is about.
struct CompanyOption: ParsableArguments {
    @Option(name: .long, help: "The client id of the company (default: the first company).")
    var company: String?

    /// The company, for a command that may create the first one; inside a write.
    ///
    /// - Throws: a ``StartupError`` when no company has the client id.
    func resolveOrCreate(_ db: Connection, now: Timestamp) throws -> Company {
        company == nil ? try CompanyStore().first(db, now: now) : try resolve(db)
    }

    /// The company, for a command that only looks.
    ///
    /// - Throws: a ``StartupError`` when there is none, or none has the client id.
    func resolve(_ db: Connection) throws -> Company {
        let store = CompanyStore()
        guard let company else {
            guard let first = try store.first(db) else {
                throw StartupError("there is no company yet: minimo companies create --name NAME")
            }
            return first
        }
        guard let found = try store.find(db, clientID: company) else {
            throw StartupError("there is no company with the client id \(company): minimo companies list")
        }
        return found
    }
}

/// Runs a command and turns what it throws into one line on standard error and exit code 1.
func reportingFailures(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let code as ExitCode {
        throw code
    } catch let error as ValidationError {
        throw error
    } catch {
        Output.error("minimo: \(error)")
        throw ExitCode.failure
    }
}

/// The loggers of the commands: standard error, so that standard output stays for results.
enum Logging {
    /// For commands that run and end: warnings only.
    static var command: Logger {
        var logger = Logger(label: "minimo") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        return logger
    }
}

/// Writing to the terminal.
enum Output {
    static func line(_ text: String = "") {
        print(text)
    }

    static func error(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    /// One JSON document on one line.
    static func json(_ write: (inout JSONWriter) -> Void) {
        var writer = JSONWriter()
        write(&writer)
        print(writer.text)
    }

    /// Rows under a header line, columns padded to their widest cell.
    static func table(_ header: [String], _ rows: [[String]]) {
        let widths = header.indices.map { column in
            ([header] + rows).map { $0[column].count }.max() ?? 0
        }
        for row in [header] + rows {
            let cells = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
            var text = cells.joined(separator: "  ")
            while text.last == " " { text.removeLast() }
            print(text)
        }
    }
}

/// A length of time as people type it: `4s`, `5m`, `24h`, `365d`.
struct DurationArgument: ExpressibleByArgument {
    let duration: Duration

    static let day = DurationArgument(.seconds(86_400), text: "24h")
    static let year = DurationArgument(.seconds(365 * 86_400), text: "365d")

    /// As it is typed.
    let defaultValueDescription: String

    private init(_ duration: Duration, text: String) {
        self.duration = duration
        defaultValueDescription = text
    }

    init?(argument: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = argument.last.flatMap({ units[$0] }), let count = Int64(argument.dropLast()),
            (0...(10 * 365 * 86_400 / unit)).contains(count)
        else { return nil }
        self.init(.seconds(count * unit), text: argument)
    }
}
