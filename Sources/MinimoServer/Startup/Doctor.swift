import Foundation
package import Logging
import Mail
import MinimoCore
import SQLDatabase
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// Examines an installation without changing it and says what to do.
package struct Doctor: Sendable {
    /// One thing that was looked at.
    package struct Finding: Sendable {
        package enum Level: String, Sendable {
            case ok
            /// Works, but somebody should know.
            case warning
            /// Must be dealt with.
            case problem
        }

        package let check: String
        package let level: Level
        package let message: String
        package let advice: String?
    }

    private let directory: String
    private let databaseURL: String?
    private let environment: [String: String]
    private let logger: Logger

    package init(directory: String, databaseURL: String?, environment: [String: String], logger: Logger) {
        self.directory = directory
        self.databaseURL = databaseURL
        self.environment = environment
        self.logger = logger
    }

    /// Every finding, in the order of the checks; later checks are left out when what they need is missing.
    package func examine() async -> [Finding] {
        var findings: [Finding] = []
        guard FileManager.default.fileExists(atPath: directory), let directory = try? DataDirectory(directory) else {
            return [
                finding(
                    "data directory", .problem, "\(directory) does not exist",
                    "start the server once (minimo serve --data-dir \(directory)), or name the right folder")
            ]
        }
        findings += examineDirectory(directory)
        findings += examineDisk(directory)
        findings += examineCertificate(directory)
        findings += await examineDatabase(directory)
        return findings
    }

    private func examineDirectory(_ directory: DataDirectory) -> [Finding] {
        var findings: [Finding] = []
        if access(directory.path, R_OK | W_OK | X_OK) != 0 {
            findings.append(
                finding(
                    "data directory", .problem, "\(directory.path) cannot be read and written by this user",
                    "run the command as the user that runs the server, or chown the folder to it"))
        } else {
            findings.append(finding("data directory", .ok, directory.path, nil))
        }
        for name in ["secret.key", "tls/ca.key", "tls/server.key"] {
            let path = directory.file(name)
            guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
                let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue
            else { continue }
            if mode & 0o077 != 0 {
                findings.append(
                    finding("secrets", .problem, "\(path) can be read by others", "chmod 600 \(path)"))
            }
        }
        return findings
    }

    private func examineDisk(_ directory: DataDirectory) -> [Finding] {
        var statistics = statvfs()
        guard statvfs(directory.path, &statistics) == 0 else { return [] }
        let free = UInt64(statistics.f_bavail) * UInt64(statistics.f_frsize) / (1 << 20)
        if free < 100 {
            return [finding("disk", .problem, "\(free) MiB free", "make room: at 0 nothing more is accepted")]
        }
        return [finding("disk", free < 1024 ? .warning : .ok, "\(free) MiB free", nil)]
    }

    /// The certificate that the environment names, else the local authority's. One that is named by a flag of `serve` is not known here.
    private func examineCertificate(_ directory: DataDirectory) -> [Finding] {
        let check = "TLS certificate"
        let configured = environment["MINIMO_TLS_CERTIFICATE"]
        let path = configured ?? directory.file("tls/server.pem")
        do {
            guard let chain = try TextFile.read(path) else {
                if configured != nil {
                    return [
                        finding(
                            check, .problem, "\(path) does not exist", "put it there, or unset MINIMO_TLS_CERTIFICATE")
                    ]
                }
                guard try directory.read("tls/ca.pem") == nil else {
                    return [finding(check, .warning, "\(path) is missing", "restart the server, which makes a new one")]
                }
                return []
            }
            let advice =
                configured == nil ? "restart the server, which makes a new one" : "renew it and restart the server"
            let days = ServerCertificate.daysLeft(until: try ServerCertificate.expiry(ofChain: chain), now: .now)
            if days < 0 { return [finding(check, .problem, "\(path) has expired", advice)] }
            if days < CertificateWatch.warningDays {
                return [finding(check, .warning, "\(path) expires in \(days) days", advice)]
            }
            for name in ["tls/ca.pem", "tls/ca.key", "tls/server.key"] where configured == nil {
                guard try directory.read(name) == nil else { continue }
                return [finding(check, .problem, "\(directory.file(name)) is missing", "restore it from a backup")]
            }
            return [finding(check, .ok, "\(path) is good for \(days) days", nil)]
        } catch {
            return [finding(check, .problem, "\(error)", "look at the file's owner, or restore it from a backup")]
        }
    }

    private func examineDatabase(_ directory: DataDirectory) async -> [Finding] {
        let database: Database
        do {
            let location = try Installation.location(directory: directory, databaseURL: databaseURL)
            if case .sqlite(let path) = location, !FileManager.default.fileExists(atPath: path) {
                return [
                    finding(
                        "database", .problem, "\(path) does not exist", "start the server once, or run minimo migrate")
                ]
            }
            database = try await Database.open(location, logger: logger)
        } catch {
            return [
                finding(
                    "database", .problem, "cannot be opened: \(error)",
                    databaseURL == nil
                        ? "look at the file's owner and the disk"
                        : "check that PostgreSQL runs and that the URL is right")
            ]
        }
        var findings: [Finding] = []
        do {
            let states = try await Migrator(Schema.migrations).status(database)
            let pending = states.filter { !$0.applied }
            if pending.isEmpty {
                findings.append(finding("database", .ok, "\(database.dialect.engine.rawValue), schema up to date", nil))
                findings += try await examineContents(directory, database)
            } else {
                findings.append(
                    finding("database", .problem, "\(pending.count) migrations are pending", "run minimo migrate"))
            }
        } catch {
            findings.append(finding("database", .problem, "\(error)", nil))
        }
        await database.close()
        return findings
    }

    private func examineContents(_ directory: DataDirectory, _ database: Database) async throws -> [Finding] {
        var findings: [Finding] = []
        let secrets: SecretBox
        do {
            guard try environment["MINIMO_SECRET_KEY"] != nil || directory.read("secret.key") != nil else {
                return [
                    finding(
                        "secret key", .problem, "\(directory.file("secret.key")) is missing",
                        "restore it from a backup, or set MINIMO_SECRET_KEY: without it stored passwords cannot be opened"
                    )
                ]
            }
            secrets = SecretBox(key: try directory.secretKey(environment: environment))
            switch try await secrets.matches(database) {
            case true?: findings.append(finding("secret key", .ok, "opens the stored secrets", nil))
            case false?: throw SecretBoxError.otherKey
            case nil: findings.append(finding("secret key", .ok, "nothing has been sealed yet", nil))
            }
        } catch {
            return [finding("secret key", .problem, "\(error)", nil)]
        }
        let companies = try await database.read { try CompanyStore().all($0) }
        let now = Timestamp.now()
        for company in companies {
            let (keys, channel, senders) = try await database.read { db in
                let workspace = try CompanyStore().workspace(db, companyID: company.id, mode: .live)
                return (
                    try APIKeyStore().list(db, companyID: company.id),
                    try EmailChannelStore(secrets: secrets).load(db, workspaceID: workspace.id),
                    try SenderDomainStore().list(db, workspaceID: workspace.id)
                )
            }
            findings += await examine(company, keys.filter { $0.isUsable(at: now) }, channel, senders)
        }
        return findings
    }

    private func examine(
        _ company: Company, _ keys: [APIKey], _ channel: EmailChannel?, _ senders: [SenderDomain]
    ) async -> [Finding] {
        let name = "company \(company.name)"
        var findings: [Finding] = []
        if keys.isEmpty {
            findings.append(
                finding(name, .warning, "no usable API key", "minimo keys create --name NAME --permissions FULL_ACCESS")
            )
        } else {
            findings.append(finding(name, .ok, "\(keys.count) usable API keys", nil))
        }
        guard let channel, !channel.relays.isEmpty else {
            return findings + [
                finding(
                    name, .warning, "no email relay: messages of live keys wait",
                    "minimo channels email set --smtp smtp://… --from …")
            ]
        }
        for relay in channel.relays { findings.append(await examine(relay, of: name)) }
        findings += examine(senders, defaultFrom: channel.defaultFrom, of: name)
        return findings
    }

    /// Whether something answers at the relay's address. No mail is sent and nobody logs in.
    private func examine(_ relay: EmailRelay, of name: String) async -> Finding {
        do {
            let configuration = try SMTPRelayConfiguration(url: relay.url)
            let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
            let address = "\(host):\(configuration.port)"
            guard let problem = await ConnectionCheck.problem(host: configuration.host, port: configuration.port) else {
                return finding(name, .ok, "email relay \(address) accepts connections", nil)
            }
            return finding(
                name, .problem, "email relay \(address) cannot be reached: \(problem)",
                "start the relay, look at firewalls on the way, or set another: minimo channels email set --smtp smtp://… --from …"
            )
        } catch {
            return finding(
                name, .problem, "an email relay's URL cannot be used: \(error)",
                "minimo channels email set --smtp smtp://… --from …")
        }
    }

    private func examine(_ senders: [SenderDomain], defaultFrom: String?, of name: String) -> [Finding] {
        let usable = senders.filter(\.isUsable)
        guard !usable.isEmpty else {
            return [
                finding(
                    name, .problem, "no usable sender domain: live sends are refused",
                    "minimo senders add DOMAIN --trust")
            ]
        }
        guard let defaultFrom, let mailbox = try? Mailbox(parsing: defaultFrom) else {
            return [
                finding(
                    name, .warning, "no usable default From: every message must name its own",
                    "minimo channels email set --smtp smtp://… --from …")
            ]
        }
        let domain = mailbox.address.asciiDomain
        guard usable.contains(where: { $0.domain == domain }) else {
            return [
                finding(
                    name, .problem,
                    "\(domain), the domain of the default From, is no usable sender domain: messages that name no From are refused",
                    "minimo senders add \(domain) --trust")
            ]
        }
        return [finding(name, .ok, "\(usable.count) usable sender domains", nil)]
    }

    private func finding(_ check: String, _ level: Finding.Level, _ message: String, _ advice: String?) -> Finding {
        Finding(check: check, level: level, message: message, advice: advice)
    }
}
