import ArgumentParser
import MinimoCore
import MinimoServer
import SQLDatabase
import Wire

struct SandboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox", abstract: "See what test keys have sent.",
        subcommands: [ListSandboxCommand.self, ShowSandboxCommand.self])
}

struct ListSandboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the captured messages, newest first.")

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var company: CompanyOption
    @Option(name: .long, help: "How many to list, from 1 to 1000.") var limit = 25
    @Flag(name: .long, help: "Print JSON.") var json = false

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit is from 1 to 1000") }
    }

    func run() async throws {
        try await installation.withInstallation { installation in
            let messages = try await installation.database.read { db in
                try SandboxStore().list(db, workspaceID: try company.testWorkspace(db).id, limit: limit, offset: 0)
            }
            let ids = installation.instance.ids
            if json {
                Output.json { writer in
                    writer.beginArray()
                    for message in messages { SandboxOutput.write(message, ids, content: false, to: &writer) }
                    writer.endArray()
                }
            } else if messages.isEmpty {
                Output.line("Nothing has been captured yet: send something with a test key.")
            } else {
                Output.table(
                    ["MESSAGE", "CAPTURED", "CHANNEL", "TO", "SUBJECT"],
                    messages.map { message in
                        [
                            ids.encode(message.messageID, .message), message.createdAt.text, message.channel.rawValue,
                            message.to, message.subject ?? "-",
                        ]
                    })
            }
        }
    }
}

struct ShowSandboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print a captured message as it would have gone over the wire.")

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var company: CompanyOption
    @Argument(help: "The message's id, msg_…; without it the newest message.") var id: String?
    @Flag(name: .long, help: "Print JSON.") var json = false

    func run() async throws {
        try await installation.withInstallation { installation in
            let ids = installation.instance.ids
            let message = try await installation.database.read { db in
                let workspaceID = try company.testWorkspace(db).id
                guard let id else {
                    return try SandboxStore().list(db, workspaceID: workspaceID, limit: 1, offset: 0).first
                }
                if let row = ids.decode(id, .message) {
                    return try SandboxStore().get(db, workspaceID: workspaceID, messageID: row)
                }
                return try ids.decode(id, .sandboxMessage).flatMap {
                    try SandboxStore().get(db, workspaceID: workspaceID, id: $0)
                }
            }
            guard let message else {
                throw StartupError(
                    id.map { "nothing was captured with the id \($0)" } ?? "nothing has been captured yet")
            }
            if json {
                Output.json { SandboxOutput.write(message, ids, content: true, to: &$0) }
            } else {
                Output.line(message.content)
            }
        }
    }
}

extension CompanyOption {
    fileprivate func testWorkspace(_ db: Connection) throws -> Workspace {
        let company = try resolve(db)
        return try CompanyStore().workspace(db, companyID: company.id, mode: .test)
    }
}

private enum SandboxOutput {
    static func write(_ message: SandboxMessage, _ ids: PublicIDCodec, content: Bool, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", message.id, .sandboxMessage, ids)
        writer.member("messageId", message.messageID, .message, ids)
        writer.member("channel", message.channel.rawValue)
        writer.member("to", message.to)
        writer.member("from", message.from)
        writer.member("subject", message.subject)
        writer.member("outcome", message.outcome.rawValue)
        if content { writer.member("content", message.content) }
        writer.member("createdAt", message.createdAt)
        writer.endObject()
    }
}
