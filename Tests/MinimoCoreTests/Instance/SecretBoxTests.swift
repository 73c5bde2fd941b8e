import MinimoCore
import MinimoTesting
import SQLDatabase
import Testing
import Wire

@Suite struct SecretBoxTests {
    private let box = SecretBox(key: [UInt8](repeating: 1, count: 32))

    @Test func opensOnlyForItsPurposeAndKey() throws {
        let sealed = try box.seal("smtp://u:secret@h", purpose: "a")
        #expect(try box.open(sealed, purpose: "a") == "smtp://u:secret@h")
        #expect(!String(decoding: sealed, as: UTF8.self).contains("secret"))
        #expect(try box.seal("x", purpose: "a") != box.seal("x", purpose: "a"))
        #expect(throws: SecretBoxError.wrongKey) { try box.open(sealed, purpose: "b") }
        let other = SecretBox(key: [UInt8](repeating: 2, count: 32))
        #expect(throws: SecretBoxError.wrongKey) { try other.open(sealed, purpose: "a") }
        #expect(throws: SecretBoxError.wrongKey) { try box.open([1, 2, 3], purpose: "a") }
    }

    @Test(arguments: TestEngine.allCases)
    func aSecondNodeNeedsTheSameKey(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            try await box.check(against: database)
            try await box.check(against: database)
            await #expect(throws: SecretBoxError.otherKey) {
                try await SecretBox(key: [UInt8](repeating: 2, count: 32)).check(against: database)
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func instancesOfOneDatabaseShareTheirIDs(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            async let one = Instance.load(from: database)
            async let two = Instance.load(from: database)
            let (first, second) = try await (one, two)
            #expect(first.ids.encode(42, .contact) == second.ids.encode(42, .contact))
            #expect(second.tokens.verify(first.tokens.sign(purpose: "p", payload: [1]), purpose: "p") == [1])
        }
    }
}
