import Foundation
import Logging
import MinimoCore
import MinimoServer
import MinimoTesting
import SQLDatabase
import Testing
import Wire

struct DoctorTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func examine(_ directory: DataDirectory, _ environment: [String: String] = [:]) async -> [Doctor.Finding] {
        await Doctor(directory: directory.path, databaseURL: nil, environment: environment, logger: logger).examine()
    }

    private func problems(_ findings: [Doctor.Finding]) -> [String] {
        findings.filter { $0.level == .problem && $0.check != "disk" }.map(\.message)
    }

    /// An installation with one company that sends through a relay.
    private func install(
        _ directory: DataDirectory, relay: String? = nil, from: String = "Acme <hello@acme.example>",
        senders: [String] = ["acme.example"]
    ) async throws {
        let installation = try await Installation.open(
            directory: directory, databaseURL: nil, environment: [:], logger: logger)
        let secrets = installation.secrets
        try await installation.database.write { db in
            let now = Timestamp.now()
            let company = try CompanyStore().first(db, now: now)
            let workspace = try CompanyStore().workspace(db, companyID: company.id, mode: .live)
            if let relay {
                try EmailChannelStore(secrets: secrets).set(
                    db, workspaceID: workspace.id, relayURLs: [relay], connections: 1, defaultFrom: from, now: now)
            }
            for domain in senders {
                _ = try SenderDomainStore().add(db, workspaceID: workspace.id, domain: domain, trusted: true, now: now)
            }
        }
        await installation.database.close()
    }

    /// Runs a test with an empty data directory and a relay that answers.
    private func withRelay(_ body: (DataDirectory, FakeSMTPServer) async throws -> Void) async throws {
        try await withDirectory { directory in
            try await FakeSMTPServer.withServer { relay in try await body(directory, relay) }
        }
    }

    @Test func anInstallationInOrderHasNoProblem() async throws {
        try await withRelay { directory, relay in
            try await install(directory, relay: "smtp://user:secret-word@127.0.0.1:\(relay.port)?tls=none")
            _ = try LocalAuthority(directory).certificate(names: [])
            let findings = await examine(directory)
            #expect(problems(findings) == [])
            #expect(findings.contains { $0.message == "email relay 127.0.0.1:\(relay.port) accepts connections" })
            #expect(findings.contains { $0.check == "TLS certificate" && $0.level == .ok })
            #expect(!findings.contains { $0.message.contains("secret-word") })
        }
    }

    @Test func aRelayThatIsDownIsFound() async throws {
        try await withDirectory { directory in
            // Nothing listens at the first of the reserved ports.
            try await install(directory, relay: "smtp://127.0.0.1:1?tls=none")
            let found = problems(await examine(directory))
            #expect(found == ["email relay 127.0.0.1:1 cannot be reached: Connection refused"])
        }
    }

    @Test func theDefaultFromMustBeASender() async throws {
        try await withRelay { directory, relay in
            try await install(
                directory, relay: "smtp://127.0.0.1:\(relay.port)?tls=none", senders: ["other.example"])
            let findings = await examine(directory)
            #expect(problems(findings).count == 1)
            #expect(problems(findings).first?.hasPrefix("acme.example, ") == true)
            #expect(findings.contains { $0.advice == "minimo senders add acme.example --trust" })
        }
    }

    @Test func anotherSecretKeyIsFoundAndNothingIsChanged() async throws {
        try await withDirectory { directory in
            try await install(directory)
            let other = ["MINIMO_SECRET_KEY": Base64.encode([UInt8](repeating: 7, count: 32))]
            #expect(problems(await examine(directory, other)).count == 1)
            #expect(problems(await examine(directory)) == [])
        }
    }

    @Test func aMissingSecretKeyIsFoundAndNotMade() async throws {
        try await withDirectory { directory in
            try await install(directory)
            try FileManager.default.removeItem(atPath: directory.file("secret.key"))
            #expect(problems(await examine(directory)) == ["\(directory.file("secret.key")) is missing"])
            #expect(try directory.read("secret.key") == nil)
        }
    }

    @Test func certificatesAreLookedAt() async throws {
        try await withDirectory { directory in
            try await install(directory)
            let authority = LocalAuthority(directory)
            _ = try authority.certificate(names: [], now: .now - 380 * 86_400 + 3_600)
            let soon = await examine(directory)
            let warnings = soon.filter { $0.check == "TLS certificate" && $0.level == .warning }.map(\.message)
            #expect(warnings == ["\(directory.file("tls/server.pem")) expires in 17 days"])
            try FileManager.default.removeItem(atPath: directory.file("tls/server.pem"))
            _ = try authority.certificate(names: [], now: .now - 400 * 86_400)
            #expect(problems(await examine(directory)) == ["\(directory.file("tls/server.pem")) has expired"])
            try FileManager.default.removeItem(atPath: directory.file("tls/server.pem"))
            _ = try authority.certificate(names: [])
            try FileManager.default.removeItem(atPath: directory.file("tls/ca.key"))
            #expect(problems(await examine(directory)) == ["\(directory.file("tls/ca.key")) is missing"])
        }
    }

    @Test func aSecretThatOthersCanReadIsFound() async throws {
        try await withDirectory { directory in
            try await install(directory)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o644], ofItemAtPath: directory.file("secret.key"))
            #expect(problems(await examine(directory)) == ["\(directory.file("secret.key")) can be read by others"])
        }
    }
}
