import MinimoTesting
import SQLDatabase
import Testing

@testable import MinimoCore
@testable import MinimoDelivery

/// No statement that runs for each message, or each round of the queue, may read a whole table.
@Suite struct QueryPlanTests {
    private static let statements: [(name: String, statement: Statement, arguments: [SQLValue])] = [
        ("due", QueueStore.selectDue, [0, 0, 10]),
        ("lease", QueueStore.takeDue, [1, 1, 0, 1, "email", 100, 10]),
        ("release", QueueStore.releaseNode, [1]),
        ("release rounds", QueueStore.releaseRounds, [1, .integers([1, 2])]),
        ("intent", Ledger.updateIntent, [1, 1, 1, 1, 100]),
        ("delete row", Ledger.deleteRow, [1, 1, 1, 1]),
        ("update row", Ledger.updateRow, [1, 1, 1, 1, 100, 1, nil, nil]),
        ("update message", Ledger.updateMessage, [1, 1, "queued", "sent", 1, nil, nil, nil, nil, nil, nil]),
        ("upsert attempt", Ledger.upsertAttempt, [1, 1, 1, 1, 1, nil, nil, 1, "accepted", nil, nil, nil]),
        ("rescue", Rescuer.selectDead, [100, 10, 1]),
        ("get", MessageStore.selectByID, [1, 1]),
        ("list", MessageStore.selectPage, [1, 10, 0]),
        ("count", MessageStore.countAll, [1]),
        ("attempts", MessageStore.selectAttempts, [1, 1]),
        ("content", MessageStore.selectContent, [1, 1]),
        ("attachments", MessageStore.selectAttachments, [1, 1]),
        ("for update", MessageStore.selectForUpdate, [1, 1]),
        ("status", MessageStore.updateStatus, [1, 1, "sent", nil, nil, nil, nil, nil, nil, nil, nil, 0, 0, 1]),
        ("settle row", MessageStore.deleteQueueRow, [1, 1]),
        ("cancel row", MessageStore.deleteQueueRowBeforeIntent, [1, 1]),
        ("lock row", MessageStore.selectQueueRowBeforeIntent, [1, 1]),
        ("events of a message", EventStore.selectByMessage, [1, 1, 10]),
        ("events of a contact", EventStore.selectByContact, [1, 1, 10, 0]),
        ("count of a contact", EventStore.countByContact, [1, 1]),
        ("sandbox message", SandboxStore.selectByID, [1, 1]),
        ("sandbox of a message", SandboxStore.selectByMessage, [1, 1]),
        ("sandbox list", SandboxStore.selectPage, [1, 10, 0]),
        ("sandbox count", SandboxStore.countAll, [1]),
    ]

    /// The index of leased rows may be walked: it has as many entries as there are hand-offs under way.
    private static func scans(_ plan: QueryPlan) -> [String] {
        plan.scans(
            of: [
                "messages", "message_contents", "message_attachments", "delivery_queue", "delivery_attempts", "events",
                "sandbox_messages", "q", "m",
            ],
            except: "delivery_queue_leased")
    }

    @Test(arguments: TestEngine.allCases)
    func noScans(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            for (name, statement, arguments) in Self.statements {
                let plan = try await QueryPlan(database, statement, arguments)
                // SQLite has nothing to say about an INSERT.
                #expect(!plan.steps.isEmpty || name == "upsert attempt")
                #expect(Self.scans(plan) == [], "\(name): \(plan.steps)")
            }
        }
    }

    /// The check itself sees a scan where there is one.
    @Test(arguments: TestEngine.allCases)
    func aScanIsSeen(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let plan = try await QueryPlan(database, Statement("SELECT id FROM messages WHERE subject = $1"), ["x"])
            #expect(Self.scans(plan).count == 1)
        }
    }

    /// Leasing walks its own index and sorts nothing, so its price does not grow with the backlog.
    @Test(arguments: TestEngine.allCases)
    func leasingSortsNothing(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let lease = try await QueryPlan(database, QueueStore.takeDue, [1, 1, 0, 1, "email", 100, 10])
            let due = try await QueryPlan(database, QueueStore.selectDue, [0, 0, 10])
            let newest = try await QueryPlan(database, MessageStore.selectPage, [1, 10, 0])
            for plan in [lease, due, newest] {
                #expect(
                    !plan.steps.contains { $0.contains("Sort") || $0.contains("TEMP B-TREE FOR ORDER BY") },
                    "\(plan.steps)")
            }
            for plan in [lease, due] {
                #expect(plan.steps.contains { $0.contains("delivery_queue_due") }, "\(plan.steps)")
            }
            #expect(newest.steps.contains { $0.contains("messages_newest") }, "\(newest.steps)")
        }
    }
}
