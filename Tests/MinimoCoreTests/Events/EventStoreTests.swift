import MinimoCore
import MinimoTesting
import SQLDatabase
import Testing
import Wire

@Suite struct EventStoreTests {
    @Test(arguments: TestEngine.allCases)
    func listsByMessageAndByContact(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let store = EventStore()
            try await database.write { db in
                let at = Timestamp(seconds: 100)
                try store.append(
                    db,
                    [
                        NewEvent(workspaceID: 1, type: .messageQueued, at: at, messageID: 5, contactID: 3),
                        NewEvent(workspaceID: 1, type: .messageSent, at: at, messageID: 5, contactID: 3),
                        NewEvent(workspaceID: 2, type: .messageSent, at: at, messageID: 5, contactID: 3),
                        NewEvent(workspaceID: 1, type: .messageSent, at: at, messageID: 6),
                    ])
                try store.append(
                    db, workspaceID: 1, .contactUpdated, contactID: 3, at: at + .seconds(1), data: ["a": "ü"])
                let byMessage = try store.list(db, workspaceID: 1, messageID: 5)
                #expect(byMessage.map(\.type) == [.messageQueued, .messageSent])
                let byContact = try store.list(db, workspaceID: 1, contactID: 3, limit: 2)
                #expect(byContact.map(\.type) == [.contactUpdated, .messageSent])
                #expect(byContact[0].dataJSON == #"{"a":"ü"}"#)
                #expect(byContact[0].at == at + .seconds(1))
                #expect(byContact[0].messageID == nil)
                #expect(try store.list(db, workspaceID: 1, contactID: 3, limit: 2, offset: 2).count == 1)
                #expect(try store.count(db, workspaceID: 1, contactID: 3) == 3)
            }
        }
    }

    /// The raw values are stored and shown (contract 10.8).
    @Test func typesAreThoseOfTheContract() {
        let names = EventType.allCases.map(\.rawValue)
        let expected =
            [
                "queued", "sent", "delivered", "failed", "bounced", "complained", "opened", "clicked", "unconfirmed",
                "received",
            ]
            .map { "message." + $0 }
            + ["created", "updated", "deleted", "unsubscribed", "resubscribed"].map { "contact." + $0 }
            + ["approved", "rejected", "paused"].map { "template." + $0 }
            + ["started", "completed", "paused"].map { "campaign." + $0 } + ["import.completed"]
        #expect(names == expected)
    }
}
