import Mail
import MinimoTesting
import SQLDatabase
import Testing
import Wire

@testable import MinimoCore

@Suite struct ContactStoreTests {
    private let store = ContactStore()
    private let origin = WriteOrigin(source: .api, requestID: "req_1", at: Timestamp(seconds: 1_700_000_000))

    private func changes(_ email: String) throws -> ContactChanges {
        var changes = ContactChanges()
        changes.email = .set(try EmailAddress(parsing: email))
        return changes
    }

    /// The same identifiers in two workspaces are two people.
    @Test(arguments: TestEngine.allCases)
    func workspacesAreApart(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let changes = try changes("a@example.com")
            let ids = try await database.write { db in
                try [Int64(1), 2].map { workspaceID in
                    guard
                        case .created(let contact) = try store.upsert(
                            db, workspaceID: workspaceID, changes, origin: origin)
                    else { throw StoreError.rowMissing }
                    return contact.id
                }
            }
            let (own, foreign, count) = try await database.read { db in
                (
                    try store.get(db, workspaceID: 1, id: ids[0]), try store.get(db, workspaceID: 1, id: ids[1]),
                    try store.count(db, workspaceID: 2)
                )
            }
            #expect(own?.email == "a@example.com")
            #expect(foreign == nil)
            #expect(count == 1)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func consentIsLoggedWhenItChanges(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            var changes = try changes("a@example.com")
            for granted in [true, true, false] {
                changes.emailConsent = granted
                let now = changes
                _ = try await database.write { try store.upsert($0, workspaceID: 1, now, origin: origin) }
            }
            let log = try await database.read { db in
                try db.query(
                    Statement("SELECT channel, granted, source, request_id, at FROM contact_consents ORDER BY id")
                ) { "\($0.text(0)) \($0.bool(1)) \($0.text(2)) \($0.text(3)) \($0.int(4))" }
            }
            #expect(log == ["email true api req_1 1700000000000000", "email false api req_1 1700000000000000"])
        }
    }

    /// What a change writes beside the contact commits with it: its event.
    @Test(arguments: TestEngine.allCases)
    func eventsTellOfEveryChange(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let changes = try changes("a@example.com")
            for _ in 0..<2 {
                _ = try await database.write { try store.upsert($0, workspaceID: 1, changes, origin: origin) }
            }
            let deleted = try await database.write { db in
                try store.delete(db, workspaceID: 1, id: 1, origin: origin)
            }
            #expect(deleted)
            let types = try await database.read { db in
                try db.query(Statement("SELECT type, contact_id FROM events ORDER BY id")) {
                    "\($0.text(0)) \($0.int(1))"
                }
            }
            #expect(types == ["contact.created 1", "contact.updated 1", "contact.deleted 1"])
        }
    }

    @Test func mergingIsDeepAndNullRemoves() {
        let old: JSONObject = ["a": ["b": 1, "c": 2], "d": 3]
        let merged = old.merging(["a": ["b": .null, "e": ["f": .null, "g": 4]], "d": .null, "h": [.null]])
        #expect(merged == ["a": ["c": 2, "e": ["g": 4]], "h": [.null]])
    }

    @Test(arguments: [
        ("+393391234567", true), ("+12025550123", true), ("393391234567", false), ("+0393391234567", false),
        ("+1 202 555 0123", false), ("+1202555012345678", false), ("+123456", false), ("+1202555012a", false),
        ("", false),
    ])
    func phoneNumbersAreE164(_ text: String, _ isValid: Bool) {
        #expect((PhoneNumber(text) != nil) == isValid)
    }

    @Test func consentAndSuppressionDecideWhoIsWrittenTo() {
        func contact(_ status: Contact.Status, _ consent: Bool?) -> Contact {
            Contact(
                id: 1, email: "a@example.com", phone: nil, externalID: nil, firstName: nil, lastName: nil,
                language: nil, status: status, source: .api, tagsJSON: "[]", customFieldsJSON: "{}",
                emailConsent: consent, whatsAppConsent: nil, createdAt: .now(), updatedAt: .now(), deletedAt: nil)
        }
        typealias Row = (Contact?, SendingPolicy.Refusal?, SendingPolicy.Refusal?, SendingPolicy.Refusal?)
        // transactional, automated, marketing
        let table: [Row] = [
            (nil, nil, nil, .noConsent),
            (contact(.active, nil), nil, nil, .noConsent),
            (contact(.active, true), nil, nil, nil),
            (contact(.active, false), nil, .unsubscribed, .unsubscribed),
            (contact(.unsubscribed, true), nil, .unsubscribed, .unsubscribed),
            (contact(.complained, true), nil, .complaint, .complaint),
            (contact(.bounced, true), .hardBounce, .hardBounce, .hardBounce),
        ]
        for (contact, transactional, automated, marketing) in table {
            #expect(SendingPolicy.refusal(of: .transactional, to: contact) == transactional)
            #expect(SendingPolicy.refusal(of: .automated, to: contact) == automated)
            #expect(SendingPolicy.refusal(of: .marketing, to: contact) == marketing)
        }
    }
}
