import ArgumentParser
import MinimoCore
import MinimoServer
import SQLDatabase
import Wire

struct CompaniesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "companies", abstract: "Create and list companies.",
        subcommands: [CreateCompanyCommand.self, ListCompaniesCommand.self])
}

struct CreateCompanyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Create a company.")

    @OptionGroup var installation: InstallationOptions
    @Option(name: .long, help: "The company's name.") var name: String
    @Flag(name: .long, help: "Print JSON.") var json = false

    func run() async throws {
        try await installation.withInstallation(creates: true) { installation in
            let company = try await installation.database.write { db in
                try CompanyStore().create(db, name: name, now: .now())
            }
            if json {
                Output.json { CompanyOutput.write(company, to: &$0) }
            } else {
                Output.line("Created \(company.name) with the client id \(company.clientID).")
            }
        }
    }
}

struct ListCompaniesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the companies.")

    @OptionGroup var installation: InstallationOptions
    @Flag(name: .long, help: "Print JSON.") var json = false

    func run() async throws {
        try await installation.withInstallation { installation in
            let companies = try await installation.database.read { try CompanyStore().all($0) }
            if json {
                Output.json { writer in
                    writer.beginArray()
                    for company in companies { CompanyOutput.write(company, to: &writer) }
                    writer.endArray()
                }
            } else {
                Output.table(
                    ["CLIENT ID", "NAME", "CREATED"], companies.map { [$0.clientID, $0.name, $0.createdAt.text] })
            }
        }
    }
}

private enum CompanyOutput {
    static func write(_ company: Company, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", company.id)
        writer.member("clientId", company.clientID)
        writer.member("name", company.name)
        writer.member("createdAt", company.createdAt)
        writer.endObject()
    }
}
