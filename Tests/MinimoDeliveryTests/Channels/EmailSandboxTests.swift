import MinimoCore
import MinimoDelivery
import MinimoTesting
import SQLDatabase
import Testing
import Wire

/// The table of contract 5.4, through the engine and the ledger.
@Suite(.timeLimit(.minutes(1))) struct EmailSandboxTests {
    /// Runs one message until nothing is outstanding; time is moved to whatever is due next.
    private func play(
        _ engine: TestEngine, _ address: String, _ check: (DeliveryFixture, Message, [Duration]) async throws -> Void
    ) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let sandbox = EmailSandbox(database: fixture.database, renderer: MessageRenderer())
            let live = ScriptedChannel()
            let id = try await fixture.queue([address], in: fixture.test)[0]
            var waits: [Duration] = []
            try await RunningEngine.with(fixture, live: live, sandbox: sandbox) { running in
                await running.settled(1)
                while let row = try await fixture.queueRows().first {
                    let wait = row.dueAt - fixture.clock.now()
                    waits.append(wait)
                    fixture.clock.advance(by: wait)
                    fixture.signal.signal()
                    await running.settled(1)
                }
            }
            #expect(live.deliveries.isEmpty)
            try await check(fixture, try await fixture.message(id, in: fixture.test), waits)
        }
    }

    private static let sentAndDelivered: [EventType] = [.messageQueued, .messageSent, .messageDelivered]

    @Test(arguments: TestEngine.allCases)
    func anythingElseIsDelivered(_ engine: TestEngine) async throws {
        try await play(engine, "jane+bounce@example.com") { fixture, message, waits in
            #expect(message.status == .delivered)
            #expect(message.sentAt != nil && message.deliveredAt != nil)
            #expect(waits == [])
            #expect(try await fixture.eventTypes(message.id, in: fixture.test) == Self.sentAndDelivered)
            let kept = try await fixture.database.read { [id = fixture.test.id] db in
                try SandboxStore().list(db, workspaceID: id, limit: 10, offset: 0)
            }
            #expect(kept.map(\.messageID) == [message.id])
            #expect(kept[0].to == "jane+bounce@example.com")
            #expect(kept[0].from == "Acme <hello@acme.example>")
            #expect(kept[0].subject == "Hello")
            let lines = kept[0].content.split(separator: "\r\n", omittingEmptySubsequences: false)
            #expect(lines.contains("Message-ID: <\(message.headerMessageID)>"))
            #expect(lines.contains("To: jane+bounce@example.com"))
            #expect(lines.contains("From: Acme <hello@acme.example>"))
            #expect(lines.contains("<p>Hi</p>"))
        }
    }

    @Test(arguments: TestEngine.allCases)
    func bounce(_ engine: TestEngine) async throws {
        try await play(engine, "bounce@example.com") { fixture, message, waits in
            #expect(message.status == .bounced)
            #expect(message.failure?.code == "5.1.1")
            #expect(message.failure?.permanent == true)
            #expect(message.attempts == 1)
            #expect(waits == [.seconds(1)])
            let types = try await fixture.eventTypes(message.id, in: fixture.test)
            #expect(types == [.messageQueued, .messageSent, .messageBounced])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func softBounce(_ engine: TestEngine) async throws {
        try await play(engine, "softbounce@example.com") { fixture, message, waits in
            #expect(message.status == .delivered)
            #expect(message.attempts == 3)
            #expect(waits == [.seconds(2), .seconds(4)])
            let attempts = try await fixture.attempts(message.id, in: fixture.test)
            #expect(attempts.map(\.outcome) == [.temporary, .temporary, .delivered])
            #expect(attempts.map(\.enhancedCode) == ["4.2.2", "4.2.2", "2.0.0"])
            #expect(attempts.map(\.code) == [452, 452, 250])
            #expect(try await fixture.eventTypes(message.id, in: fixture.test) == Self.sentAndDelivered)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func limit(_ engine: TestEngine) async throws {
        try await play(engine, "limit@example.com") { fixture, message, waits in
            #expect(message.status == .delivered)
            #expect(message.attempts == 2)
            #expect(waits == [.seconds(2)])
            let attempts = try await fixture.attempts(message.id, in: fixture.test)
            #expect(attempts[0].code == 450)
            #expect(attempts[0].enhancedCode == "4.7.0")
        }
    }

    @Test(arguments: TestEngine.allCases)
    func complaint(_ engine: TestEngine) async throws {
        try await play(engine, "complaint@example.com") { fixture, message, _ in
            #expect(message.status == .complained)
            #expect(message.deliveredAt != nil)
            let types = try await fixture.eventTypes(message.id, in: fixture.test)
            #expect(types == Self.sentAndDelivered + [.messageComplained])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func reject(_ engine: TestEngine) async throws {
        try await play(engine, "reject@example.com") { fixture, message, waits in
            #expect(message.status == .failed)
            #expect(
                message.failure
                    == Message.Failure(code: "5.7.1", message: "Refused for policy reasons", permanent: true))
            #expect(message.sentAt == nil)
            #expect(waits == [])
            let outcomes = try await fixture.outcomes(message.id, in: fixture.test)
            #expect(outcomes == [.senderProblem])
            let types = try await fixture.eventTypes(message.id, in: fixture.test)
            #expect(types == [.messageQueued, .messageFailed])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func open(_ engine: TestEngine) async throws {
        try await play(engine, "open@example.com") { fixture, message, waits in
            #expect(message.status == .delivered)
            #expect(message.openCount == 1)
            #expect(message.clickCount == 0)
            #expect(message.firstOpenedAt == message.createdAt + .seconds(1))
            #expect(waits == [.seconds(1)])
            let types = try await fixture.eventTypes(message.id, in: fixture.test)
            #expect(types == Self.sentAndDelivered + [.messageOpened])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func clickImpliesAnOpen(_ engine: TestEngine) async throws {
        try await play(engine, "click@example.com") { fixture, message, _ in
            #expect(message.status == .delivered)
            #expect(message.openCount == 1)
            #expect(message.clickCount == 1)
            #expect(message.firstClickedAt == message.firstOpenedAt)
            let types = try await fixture.eventTypes(message.id, in: fixture.test)
            #expect(types == Self.sentAndDelivered + [.messageOpened, .messageClicked])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func slow(_ engine: TestEngine) async throws {
        try await play(engine, "slow@example.com") { fixture, message, waits in
            #expect(message.status == .delivered)
            #expect(message.deliveredAt == message.createdAt + .seconds(30))
            #expect(waits == [.seconds(30)])
            let types = try await fixture.eventTypes(message.id, in: fixture.test)
            #expect(types == Self.sentAndDelivered)
        }
    }

    /// What cannot be rendered fails for good, with a reason.
    @Test(arguments: TestEngine.allCases)
    func renderFailure(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let now = fixture.clock.now()
            let workspace = fixture.test
            let id = try await fixture.database.write { db in
                try MessageStore().insert(
                    db, workspace: workspace,
                    messages: [
                        NewMessage(
                            channel: .email, category: .marketing, to: "a@example.com", from: "x@acme.example",
                            subject: "S", content: .template(id: 99, version: 1, values: [:]))
                    ], now: now)[0]
            }
            let sandbox = EmailSandbox(database: fixture.database, renderer: MessageRenderer())
            try await RunningEngine.with(fixture, sandbox: sandbox) { running in await running.settled(1) }
            let message = try await fixture.message(id, in: workspace)
            #expect(message.status == .failed)
            #expect(message.failure?.code == "render_failed")
            #expect(message.failure?.permanent == true)
            #expect(try await fixture.queueRows() == [])
        }
    }
}
