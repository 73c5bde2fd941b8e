import ArgumentParser
import MinimoCore
import MinimoServer
import SQLDatabase
import Wire

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Create, list, revoke and rotate API keys.",
        subcommands: [
            CreateKeyCommand.self, ListKeysCommand.self, RevokeKeyCommand.self, RotateKeyCommand.self,
        ])
}

struct CreateKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Create an API key. It is shown once and never again.")

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var company: CompanyOption
    @Option(name: .long, help: "What the key is for.") var name: String
    @Option(
        name: .long, parsing: .upToNextOption,
        help:
            "Permissions, separated by commas or blanks: \(Permission.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var permissions: [String]
    @Flag(
        name: .long, help: "A test key: it sees the test workspace only, and nothing that it sends leaves the machine.")
    var test = false
    @Option(name: .long, help: "How long the key lives, at most five years.")
    var expires = DurationArgument.year
    @Flag(name: .long, help: "Print JSON.") var json = false

    func validate() throws {
        _ = try parsedPermissions()
        guard !name.isEmpty, name.utf8.count <= 255 else { throw ValidationError("--name has 1 to 255 characters") }
        if expires.duration == .zero { throw ValidationError("--expires must be longer than 0") }
        if expires.duration > .seconds(5 * 365 * 86_400 + 86_400) {
            throw ValidationError("--expires is at most five years (1826d)")
        }
    }

    func run() async throws {
        let permissions = try parsedPermissions()
        let lifetime = expires.duration
        try await installation.withInstallation(creates: true) { installation in
            let now = Timestamp.now()
            let (key, secret) = try await installation.database.write { db in
                try APIKeyStore().create(
                    db, company: try company.resolveOrCreate(db, now: now), mode: test ? .test : .live, name: name,
                    permissions: permissions, expiresAt: now.adding(lifetime).wholeSeconds, now: now)
            }
            if json {
                Output.json { KeyOutput.write(key, installation.instance.ids, secret: secret, to: &$0) }
            } else {
                Output.line(secret.text)
                Output.error(
                    "This key is shown once. It is a \(key.workspace.mode.rawValue) key and expires at \(key.expiresAt.text)."
                )
            }
        }
    }

    private func parsedPermissions() throws -> PermissionSet {
        let names = permissions.flatMap { $0.split(whereSeparator: { $0 == "," || $0 == " " }) }
        guard !names.isEmpty else { throw ValidationError("--permissions needs at least one permission") }
        return PermissionSet(
            try names.map { name in
                guard let permission = Permission(rawValue: String(name)) else {
                    throw ValidationError("\(name) is no permission")
                }
                return permission
            })
    }
}

struct ListKeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List a company's API keys.")

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var company: CompanyOption
    @Flag(name: .long, help: "Print JSON.") var json = false

    func run() async throws {
        try await installation.withInstallation { installation in
            let now = Timestamp.now()
            let keys = try await installation.database.read { db in
                try APIKeyStore().list(db, companyID: try company.resolve(db).id)
            }
            let ids = installation.instance.ids
            if json {
                Output.json { writer in
                    writer.beginArray()
                    for key in keys { KeyOutput.write(key, ids, secret: nil, to: &writer) }
                    writer.endArray()
                }
            } else {
                Output.table(
                    ["ID", "NAME", "MODE", "STATE", "EXPIRES", "LAST USED", "PERMISSIONS"],
                    keys.map { key in
                        [
                            ids.encode(key.id, .apiKey), key.name, key.workspace.mode.rawValue,
                            KeyOutput.state(key, at: now), key.expiresAt.text, key.lastUsedAt?.text ?? "-",
                            key.permissions.stored,
                        ]
                    })
            }
        }
    }
}

struct RevokeKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Revoke an API key: no server accepts it two seconds later.")

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var company: CompanyOption
    @Argument(help: "The key's id, as keys list shows it.") var id: String
    @Flag(name: .long, help: "Print JSON.") var json = false

    func run() async throws {
        try await installation.withInstallation { installation in
            let now = Timestamp.now()
            let ids = installation.instance.ids
            try await installation.database.write { db in
                let companyID = try company.resolve(db).id
                guard let row = ids.decode(id, .apiKey),
                    let key = try APIKeyStore().get(db, companyID: companyID, id: row)
                else { throw StartupError("there is no key with the id \(id): minimo keys list") }
                try APIKeyStore().revoke(db, key: key, now: now)
            }
            if json {
                Output.json { writer in
                    writer.beginObject()
                    writer.member("id", id)
                    writer.member("revoked", true)
                    writer.endObject()
                }
            } else {
                Output.line("Revoked \(id).")
            }
        }
    }
}

struct RotateKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Give an API key a new secret and let the old one live for a while.")

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var company: CompanyOption
    @Argument(help: "The key's id, as keys list shows it.") var id: String
    @Option(name: .long, help: "How long the old secret still works; 0s ends it at once.")
    var overlap = DurationArgument.day
    @Flag(name: .long, help: "Print JSON.") var json = false

    func run() async throws {
        let overlap = overlap.duration
        try await installation.withInstallation { installation in
            let now = Timestamp.now()
            let ids = installation.instance.ids
            let (key, secret) = try await installation.database.write { db in
                let companyID = try company.resolve(db).id
                guard let row = ids.decode(id, .apiKey),
                    let key = try APIKeyStore().get(db, companyID: companyID, id: row)
                else { throw StartupError("there is no key with the id \(id): minimo keys list") }
                guard key.isUsable(at: now) else {
                    throw StartupError("the key \(id) is revoked or expired: create a new one")
                }
                let secret = try APIKeyStore().rotate(db, key: key, overlapEnds: now.adding(overlap), now: now)
                return (key, secret)
            }
            if json {
                Output.json { KeyOutput.write(key, ids, secret: secret, to: &$0) }
            } else {
                Output.line(secret.text)
                Output.error("This secret is shown once. The old one works until \(now.adding(overlap).text).")
            }
        }
    }
}

private enum KeyOutput {
    static func write(_ key: APIKey, _ ids: PublicIDCodec, secret: APIKeySecret?, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", key.id, .apiKey, ids)
        if let secret { writer.member("key", secret.text) }
        writer.member("name", key.name)
        writer.member("permissions", key.permissions.list.map(\.rawValue))
        writer.member("mode", key.workspace.mode.rawValue)
        writer.member("expiresAt", key.expiresAt)
        if secret == nil {
            writer.member("revokedAt", key.revokedAt)
            writer.member("lastUsedAt", key.lastUsedAt)
            writer.member("createdAt", key.createdAt)
        }
        writer.endObject()
    }

    static func state(_ key: APIKey, at now: Timestamp) -> String {
        if key.revokedAt != nil { return "revoked" }
        return key.isUsable(at: now) ? "active" : "expired"
    }
}
