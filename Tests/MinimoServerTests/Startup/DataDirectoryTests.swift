import Foundation
import MinimoServer
import Testing
import Wire

struct DataDirectoryTests {
    @Test func filesAndFoldersAreForTheOwnerAlone() async throws {
        try await withDirectory { directory in
            try directory.write("one", to: "tls/a.key")
            _ = try directory.create("secret.key", "two")
            #expect(try mode(directory.path) == 0o700)
            #expect(try mode(directory.file("tls")) == 0o700)
            #expect(try mode(directory.file("tls/a.key")) == 0o600)
            #expect(try mode(directory.file("secret.key")) == 0o600)
        }
    }

    @Test func writingReplacesAndCreatingDoesNot() async throws {
        try await withDirectory { directory in
            #expect(try directory.read("file") == nil)
            #expect(try directory.create("file", "first") == "first")
            #expect(try directory.create("file", "second") == "first")
            #expect(try directory.read("file") == "first")
            try directory.write("third", to: "file")
            #expect(try directory.read("file") == "third")
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["file"])
        }
    }

    @Test func aFileThatCannotBeReadIsAnErrorAndStays() async throws {
        try await withDirectory { directory in
            // A folder can be opened and not read, whoever the user is.
            try FileManager.default.createDirectory(
                atPath: directory.file("secret.key"), withIntermediateDirectories: false)
            #expect(throws: StartupError.self) { try directory.read("secret.key") }
            #expect(throws: StartupError.self) { try directory.secretKey(environment: [:]) }
            var isFolder: ObjCBool = false
            #expect(FileManager.default.fileExists(atPath: directory.file("secret.key"), isDirectory: &isFolder))
            #expect(isFolder.boolValue)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["secret.key"])
        }
    }

    @Test func aDamagedKeyIsAnErrorAndStays() async throws {
        try await withDirectory { directory in
            try Data([0xFF, 0xFE]).write(to: URL(fileURLWithPath: directory.file("secret.key")))
            #expect(throws: StartupError.self) { try directory.secretKey(environment: [:]) }
            try directory.write("short", to: "secret.key")
            #expect(throws: StartupError.self) { try directory.secretKey(environment: [:]) }
            #expect(try directory.read("secret.key") == "short")
        }
    }

    @Test func theEnvironmentHasTheFirstWord() async throws {
        try await withDirectory { directory in
            let key = [UInt8](0..<32)
            let given = try directory.secretKey(environment: ["MINIMO_SECRET_KEY": Base64.encode(key)])
            #expect(given == key)
            #expect(try directory.read("secret.key") == nil)
            #expect(throws: StartupError.self) {
                try directory.secretKey(environment: ["MINIMO_SECRET_KEY": "c2hvcnQ="])
            }
        }
    }

    @Test func concurrentFirstUseGivesOneKey() async throws {
        try await withDirectory { directory in
            let keys = try await withThrowingTaskGroup(of: [UInt8].self) { group in
                for _ in 0..<16 { group.addTask { try directory.secretKey(environment: [:]) } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(keys.first?.count == 32)
            let kept = try directory.secretKey(environment: [:])
            #expect(keys == [kept])
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["secret.key"])
        }
    }

    @Test func oneServerForOneDirectory() async throws {
        try await withDirectory { directory in
            do {
                let lock = try ServeLock(directory)
                #expect(throws: StartupError.self) { _ = try ServeLock(directory) }
                _ = consume lock
            }
            _ = try ServeLock(directory)
            #expect(try mode(directory.file("serve.lock")) == 0o600)
        }
    }
}
