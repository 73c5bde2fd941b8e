import ArgumentParser
import Mail
import MinimoCore
import MinimoServer
import SQLDatabase
import Wire

struct SendersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "senders", abstract: "The domains that a company may write as.",
        subcommands: [AddSenderCommand.self, ListSendersCommand.self])
}

struct AddSenderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "add", abstract: "Add a sender domain.")

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var company: CompanyOption
    @Argument(help: "The domain, such as acme.example.") var domain: String
    @Flag(name: .long, help: "The operator vouches for the domain: it can be sent from at once.") var trust = false
    @Flag(name: .long, help: "Print JSON.") var json = false

    func run() async throws {
        guard let address = try? EmailAddress(parsing: "postmaster@\(domain)") else {
            throw ValidationError("\(domain) is not a domain name")
        }
        try await installation.withInstallation(creates: true) { installation in
            let now = Timestamp.now()
            let sender = try await installation.database.write { db in
                let company = try company.resolveOrCreate(db, now: now)
                let workspace = try CompanyStore().workspace(db, companyID: company.id, mode: .live)
                return try SenderDomainStore().add(
                    db, workspaceID: workspace.id, domain: address.asciiDomain, trusted: trust, now: now)
            }
            if json {
                Output.json { SenderOutput.write(sender, installation.instance.ids, to: &$0) }
            } else if sender.isUsable {
                Output.line("Mail can be sent from \(sender.domain).")
            } else {
                Output.line(
                    "Added \(sender.domain). It cannot be sent from until it is verified, or added with --trust.")
            }
        }
    }
}

struct ListSendersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the sender domains.")

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var company: CompanyOption
    @Flag(name: .long, help: "Print JSON.") var json = false

    func run() async throws {
        try await installation.withInstallation { installation in
            let senders = try await installation.database.read { db in
                let company = try company.resolve(db)
                let workspace = try CompanyStore().workspace(db, companyID: company.id, mode: .live)
                return try SenderDomainStore().list(db, workspaceID: workspace.id)
            }
            if json {
                Output.json { writer in
                    writer.beginArray()
                    for sender in senders { SenderOutput.write(sender, installation.instance.ids, to: &writer) }
                    writer.endArray()
                }
            } else {
                Output.table(["DOMAIN", "STATE"], senders.map { [$0.domain, SenderOutput.state($0)] })
            }
        }
    }
}

private enum SenderOutput {
    static func write(_ sender: SenderDomain, _ ids: PublicIDCodec, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", sender.id, .senderDomain, ids)
        writer.member("domain", sender.domain)
        writer.member("trusted", sender.trusted)
        writer.member("verifiedAt", sender.verifiedAt)
        writer.member("createdAt", sender.createdAt)
        writer.endObject()
    }

    static func state(_ sender: SenderDomain) -> String {
        if sender.trusted { return "trusted" }
        return sender.verifiedAt == nil ? "unverified" : "verified"
    }
}
