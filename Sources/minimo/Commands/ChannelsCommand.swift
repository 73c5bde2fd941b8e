import ArgumentParser
import Mail
import MinimoCore
import MinimoServer
import SQLDatabase
import Wire

struct ChannelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "channels", abstract: "Configure how messages are sent.", subcommands: [EmailChannelCommand.self])
}

struct EmailChannelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "email", abstract: "The email channel of a company's live workspace.",
        subcommands: [SetEmailChannelCommand.self, ShowEmailChannelCommand.self])
}

struct SetEmailChannelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set the SMTP relays and the default sender. A running server follows within two seconds.",
        discussion: """
            A relay is smtp://user:password@host:port?tls=starttls|implicit|none. Give --smtp more than once for relays that are \
            tried in order, and --smtp @FILE to keep the password off the command line.
            """)

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var company: CompanyOption
    @Option(name: .long, help: "An SMTP relay, or @FILE whose first line is one.") var smtp: [String]
    @Option(name: .long, help: "The sender of messages that name none: 'Acme <hello@acme.example>'.") var from: String
    @Option(name: .long, help: "The most connections to each relay, from 1 to 200.") var connections = 10
    @Flag(name: .long, help: "Print JSON.") var json = false

    func validate() throws {
        guard (1...200).contains(connections) else { throw ValidationError("--connections is from 1 to 200") }
        guard (try? Mailbox(parsing: from)) != nil else {
            throw ValidationError("--from is an address, or a name with an address: 'Acme <hello@acme.example>'")
        }
        guard !smtp.isEmpty else { throw ValidationError("--smtp is required") }
    }

    func run() async throws {
        let urls = try await checkedRelays()
        try await installation.withInstallation(creates: true) { installation in
            let now = Timestamp.now()
            let store = EmailChannelStore(secrets: installation.secrets)
            try await installation.database.write { db in
                let company = try company.resolveOrCreate(db, now: now)
                let workspace = try CompanyStore().workspace(db, companyID: company.id, mode: .live)
                try store.set(
                    db, workspaceID: workspace.id, relayURLs: urls, connections: connections, defaultFrom: from,
                    now: now)
            }
            if json {
                Output.json { writer in
                    writer.beginObject()
                    writer.member("from", from)
                    writer.member("relays", urls.count)
                    writer.member("connections", connections)
                    writer.endObject()
                }
            } else {
                Output.line(
                    "The email channel sends as \(from) through \(urls.count == 1 ? "one relay" : "\(urls.count) relays")."
                )
            }
        }
    }
}

extension SetEmailChannelCommand {
    /// The relays that were given, before anything is opened or created.
    private func checkedRelays() async throws -> [String] {
        var urls: [String] = []
        try await reportingFailures {
            urls = try smtp.map { given in
                let url = try FileArgument.value(given)
                do {
                    _ = try SMTPRelayConfiguration(url: url)
                } catch {
                    throw StartupError("--smtp: \(error)")
                }
                return url
            }
        }
        return urls
    }
}

struct ShowEmailChannelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the email channel, without passwords.")

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var company: CompanyOption
    @Flag(name: .long, help: "Print JSON.") var json = false

    func run() async throws {
        try await installation.withInstallation { installation in
            let store = EmailChannelStore(secrets: installation.secrets)
            let channel = try await installation.database.read { db in
                let company = try company.resolve(db)
                let workspace = try CompanyStore().workspace(db, companyID: company.id, mode: .live)
                return try store.load(db, workspaceID: workspace.id)
            }
            guard let channel else {
                throw StartupError("no email channel is set: minimo channels email set --smtp … --from …")
            }
            let relays = channel.relays.map { (try? SMTPRelayConfiguration(url: $0.url))?.description ?? "unreadable" }
            if json {
                Output.json { writer in
                    writer.beginObject()
                    writer.member("from", channel.defaultFrom)
                    writer.member("relays", relays)
                    writer.endObject()
                }
            } else {
                Output.line("From:  \(channel.defaultFrom ?? "-")")
                for relay in relays { Output.line("Relay: \(relay)") }
            }
        }
    }
}
