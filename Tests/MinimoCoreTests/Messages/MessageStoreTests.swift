import MinimoCore
import MinimoTesting
import SQLDatabase
import Testing
import Wire

@Suite struct MessageStoreTests {
    private static let now = Timestamp(seconds: 1_750_000_000)

    private static func inline(_ to: String, category: MessageCategory = .transactional) -> NewMessage {
        NewMessage(
            channel: .email, category: category, to: to, from: "Acme <hello@mail.acme.example>", subject: "Hi",
            content: .inline(subject: "Hi", html: "<p>Hi</p>", text: "Hi"))
    }

    private func workspaces(_ db: Connection) throws -> (live: Workspace, test: Workspace) {
        let companies = CompanyStore()
        let company = try companies.create(db, name: "Acme", now: Self.now)
        return (
            try companies.workspace(db, companyID: company.id, mode: .live),
            try companies.workspace(db, companyID: company.id, mode: .test)
        )
    }

    @Test(arguments: TestEngine.allCases)
    func insertWritesLedgerContentQueueAndEvent(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let store = MessageStore()
            let (live, ids) = try await database.write { db in
                let live = try self.workspaces(db).live
                var first = Self.inline("a@example.com")
                first.cc = ["Bob <b@example.com>"]
                first.tags = ["x", "ü\""]
                first.metadata = ["order": 7]
                first.headers = [MessageHeader(name: "X-Kind", value: "a\"b")]
                first.attachments = [
                    MessageAttachment(
                        filename: "a.bin", contentType: "application/octet-stream", content: [0, 1, 255]),
                    MessageAttachment(filename: "i.png", contentType: "image/png", contentID: "logo", content: [9]),
                ]
                let second = NewMessage(
                    channel: .email, category: .marketing, to: "c@example.com", from: "x@acme.example",
                    subject: "Sale", content: .template(id: 5, version: 2, values: ["name": "Jo"]), contactID: 11,
                    campaignID: 12, scheduledAt: Self.now + .seconds(60), resentFrom: 3)
                return (live, try store.insert(db, workspace: live, messages: [first, second], now: Self.now))
            }
            try await database.read { db in
                let first = try #require(try store.get(db, workspaceID: live.id, id: ids[0]))
                #expect(first.status == .queued)
                #expect(!first.isSandbox)
                #expect(first.cc == ["Bob <b@example.com>"])
                #expect(first.tags == ["x", "ü\""])
                #expect(first.metadata == ["order": 7])
                #expect(first.hasContent)
                #expect(first.headerMessageID.hasSuffix("@mail.acme.example"))
                #expect(first.headerMessageID.utf8.count == 24 + "@mail.acme.example".utf8.count)
                let content = try #require(try store.content(db, workspaceID: live.id, id: ids[0]))
                #expect(content.html == "<p>Hi</p>")
                #expect(content.headers == [MessageHeader(name: "X-Kind", value: "a\"b")])
                #expect(content.attachments.map(\.content) == [[0, 1, 255], [9]])
                #expect(content.attachments.map(\.contentID) == [nil, "logo"])

                let second = try #require(try store.get(db, workspaceID: live.id, id: ids[1]))
                #expect(second.status == .scheduled)
                #expect(second.templateID == 5)
                #expect(second.templateVersion == 2)
                #expect(second.variables == ["name": "Jo"])
                #expect(second.contactID == 11)
                #expect(second.campaignID == 12)
                #expect(second.resentFrom == 3)
                #expect(!second.hasContent)
                #expect(try store.content(db, workspaceID: live.id, id: ids[1]) == nil)

                let queue = try db.query(Self.queueRows) { row in
                    [row.int(0), row.int(1), row.int(2), row.int(3)]
                }
                #expect(
                    queue == [
                        [ids[0], 0, Self.now.microseconds, 0], [ids[1], 1, Self.now.microseconds + 60_000_000, 0],
                    ])
                let events = try store.events(db, workspaceID: live.id, id: ids[1])
                #expect(events.map(\.type) == [.messageQueued])
                #expect(events.map(\.contactID) == [11])
            }
        }
    }

    private static let queueRows = Statement(
        "SELECT message_id, lane, due_at, attempts FROM delivery_queue ORDER BY message_id")

    @Test(arguments: TestEngine.allCases)
    func listsNewestFirstAndKeepsWorkspacesApart(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let store = MessageStore()
            try await database.write { db in
                let (live, test) = try self.workspaces(db)
                var ids: [Int64] = []
                for index in 0..<5 {
                    ids += try store.insert(
                        db, workspace: live, messages: [Self.inline("r\(index)@example.com")],
                        now: Self.now + .seconds(index / 2))
                }
                try store.insert(db, workspace: test, messages: [Self.inline("t@example.com")], now: Self.now)
                #expect(try store.count(db, workspaceID: live.id) == 5)
                let pages = try [0, 2, 4, 6].map { offset in
                    try store.list(db, workspaceID: live.id, limit: 2, offset: Int64(offset)).map(\.id)
                }
                #expect(pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]], []])
                let sandbox = try store.list(db, workspaceID: test.id, limit: 10, offset: 0)
                #expect(sandbox.map(\.isSandbox) == [true])
                #expect(try store.get(db, workspaceID: test.id, id: ids[0]) == nil)
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func cancelRemovesTheQueueRowOnce(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let store = MessageStore()
            try await database.write { db in
                let live = try self.workspaces(db).live
                let ids = try store.insert(
                    db, workspace: live, messages: [Self.inline("a@example.com"), Self.inline("b@example.com")],
                    now: Self.now)
                #expect(try store.cancel(db, workspaceID: live.id, id: ids[0], now: Self.now) == .cancelled)
                #expect(
                    try store.cancel(db, workspaceID: live.id, id: ids[0], now: Self.now) == .tooLate(.cancelled))
                #expect(try store.cancel(db, workspaceID: live.id, id: 99, now: Self.now) == .notFound)
                // An intent is stronger than a cancellation.
                try db.execute(Statement("UPDATE delivery_queue SET intent_at = 1"))
                #expect(try store.cancel(db, workspaceID: live.id, id: ids[1], now: Self.now) == .tooLate(.queued))
                #expect(try db.query(Self.queueRows) { $0.int(0) } == [ids[1]])
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func reportsMoveForwardAndCount(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let store = MessageStore()
            try await database.write { db in
                let live = try self.workspaces(db).live
                let id = try store.insert(
                    db, workspace: live, messages: [Self.inline("a@example.com")], now: Self.now)[0]
                func apply(_ input: MessageInput, _ second: Int64) throws {
                    try store.apply(
                        db,
                        MessageChange(
                            workspaceID: live.id, messageID: id, input: input, at: Self.now + .seconds(second)))
                }
                try apply(.accepted, 1)
                try apply(.accepted, 2)
                try apply(.opened, 3)
                try apply(.clicked, 4)
                try apply(.opened, 5)
                try apply(.delivered, 6)
                try apply(.bounced, 7)
                try apply(.opened, 8)
                let message = try #require(try store.get(db, workspaceID: live.id, id: id))
                #expect(message.status == .bounced)
                #expect(message.sentAt == Self.now + .seconds(1))
                #expect(message.deliveredAt == Self.now + .seconds(6))
                #expect(message.firstOpenedAt == Self.now + .seconds(3))
                #expect(message.firstClickedAt == Self.now + .seconds(4))
                #expect(message.openCount == 2)
                #expect(message.clickCount == 1)
                #expect(try db.query(Self.queueRows) { $0.int(0) } == [])
                let events = try store.events(db, workspaceID: live.id, id: id)
                #expect(
                    events.map(\.type) == [
                        .messageQueued, .messageSent, .messageOpened, .messageClicked, .messageOpened,
                        .messageDelivered, .messageBounced,
                    ])
                #expect(
                    try store.apply(
                        db, MessageChange(workspaceID: live.id, messageID: 99, input: .opened, at: Self.now)) == nil)
            }
        }
    }
}
