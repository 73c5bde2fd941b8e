import Logging
import MinimoCore
import MinimoTesting
import SQLDatabase
import Testing
import Wire

/// Contract 5.1–5.3.
@Suite struct APIKeyTests {
    @Test func theTextHasClientModeSecretAndChecksum() throws {
        let live = APIKeySecret(clientID: "abc123", mode: .live)
        #expect(live.text.hasPrefix("mn-abc123-"))
        #expect(live.text.utf8.count == "mn-abc123-".utf8.count + 38)
        let test = APIKeySecret(clientID: "abc123", mode: .test)
        #expect(test.text.hasPrefix("mn-test-abc123-"))
        let parsed = try #require(APIKeySecret(parsing: test.text))
        #expect(parsed.clientID == "abc123")
        #expect(parsed.mode == .test)
        #expect(parsed.hash == test.hash)
        #expect(test.hash.count == 32)
    }

    @Test func whatIsMistypedIsRefusedWithoutTheDatabase() {
        let text = APIKeySecret(clientID: "abc123", mode: .live).text
        for position in text.indices where text[position] != "-" {
            var mistyped = text
            mistyped.replaceSubrange(position...position, with: text[position] == "x" ? "y" : "x")
            #expect(APIKeySecret(parsing: mistyped) == nil, "\(mistyped)")
        }
        for text in ["", "mn", "mn-", "mn--", "mn-test-abc", "mn-abc-", text + "0", " " + text, text + "\n"] {
            #expect(APIKeySecret(parsing: text) == nil, "\(text)")
        }
    }

    @Test func writingDoesNotIncludeReading() {
        let writer = PermissionSet([.contactsWrite])
        #expect(writer.allows(.contactsWrite))
        #expect(!writer.allows(.contactsRead))
        for permission in Permission.allCases { #expect(PermissionSet([.fullAccess]).allows(permission)) }
        #expect(PermissionSet(stored: "CONTACTS_READ SOMETHING_NEW").list == [.contactsRead])
        #expect(PermissionSet([.templatesRead, .contactsRead]).stored == "CONTACTS_READ TEMPLATES_READ")
    }

    @Test(arguments: TestEngine.allCases)
    func onlyTheHashIsStored(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let secret = try await Self.create(database).secret
            let hashes = try await database.read { db in
                try db.query(Statement("SELECT hash FROM api_key_secrets")) { $0.blob(0) }
            }
            #expect(hashes == [secret.hash])
        }
    }

    /// A key is believed for one second and then asked for again.
    @Test(arguments: TestEngine.allCases)
    func revocationIsSeenWithinTwoSeconds(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let (key, secret) = try await Self.create(database)
            let ring = KeyRing(database: database)
            let start = Timestamp.now()
            #expect(try await ring.authenticate(secret.text, now: start)?.id == key.id)
            try await database.write { try APIKeyStore().revoke($0, key: key, now: start) }
            #expect(try await ring.authenticate(secret.text, now: start.adding(.milliseconds(900)))?.id == key.id)
            #expect(try await ring.authenticate(secret.text, now: start.adding(.milliseconds(1100))) == nil)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func expiryIsExact(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let now = Timestamp.now()
            let (_, secret) = try await Self.create(database, expiresAt: now.adding(.milliseconds(500)))
            let ring = KeyRing(database: database)
            #expect(try await ring.authenticate(secret.text, now: now) != nil)
            #expect(try await ring.authenticate(secret.text, now: now.adding(.milliseconds(500))) == nil)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func rotationLetsTheOldSecretLiveForTheOverlap(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let (key, old) = try await Self.create(database)
            let now = Timestamp.now()
            let new = try await database.write {
                try APIKeyStore().rotate($0, key: key, overlapEnds: now.adding(.seconds(60)), now: now)
            }
            #expect(new.text != old.text)
            let ring = KeyRing(database: database)
            #expect(try await ring.authenticate(old.text, now: now.adding(.seconds(59)))?.id == key.id)
            #expect(try await ring.authenticate(new.text, now: now)?.id == key.id)
            #expect(try await ring.authenticate(old.text, now: now.adding(.seconds(61))) == nil)
            #expect(try await ring.authenticate(new.text, now: now.adding(.seconds(61)))?.id == key.id)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func lastUseIsWrittenWhenItIsSaved(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let (key, secret) = try await Self.create(database)
            let ring = KeyRing(database: database)
            let now = Timestamp.now()
            _ = try await ring.authenticate(secret.text, now: now)
            try await ring.saveUses()
            let stored = try await database.read {
                try APIKeyStore().get($0, companyID: key.workspace.companyID, id: key.id)
            }
            #expect(stored?.lastUsedAt == now)
        }
    }

    private static func create(
        _ database: Database, expiresAt: Timestamp = Timestamp.now().adding(.seconds(3600))
    ) async throws -> (key: APIKey, secret: APIKeySecret) {
        try await database.write { db in
            let company = try CompanyStore().create(db, name: "Acme", now: .now())
            return try APIKeyStore().create(
                db, company: company, mode: .live, name: "k", permissions: PermissionSet([.fullAccess]),
                expiresAt: expiresAt, now: .now())
        }
    }
}
