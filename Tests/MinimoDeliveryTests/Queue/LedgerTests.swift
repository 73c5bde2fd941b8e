import MinimoCore
import MinimoDelivery
import MinimoTesting
import SQLDatabase
import Testing
import Wire

@Suite struct LedgerTests {
    private static let settlement = Settlement(retry: RetryPolicy(), unconfirmed: UnconfirmedPolicy())

    private func settle(
        _ fixture: DeliveryFixture, _ lease: Lease, _ outcome: DeliveryOutcome, status: MessageStatus = .queued,
        category: MessageCategory = .transactional, intentAt: Timestamp? = nil
    ) async throws {
        let situation = Settlement.Situation(
            lease: lease, status: status, category: category, contactID: 77, intentAt: intentAt,
            now: fixture.clock.now(), jitter: 0.5)
        let completion = Self.settlement.settle(outcome, situation)
        try await fixture.database.write { db in try Ledger().settle(db, [completion]) }
    }

    private func announce(_ fixture: DeliveryFixture, _ leases: [Lease]) async throws -> [Bool] {
        let at = fixture.clock.now()
        return try await fixture.database.write { db in
            try Ledger().announce(db, leases.map { Ledger.Intent(lease: $0, at: at) })
        }
    }

    private func rescue(_ fixture: DeliveryFixture) async throws -> [Int] {
        let now = fixture.clock.now()
        return try await fixture.database.write { db in
            let result = try Rescuer(settlement: Self.settlement).rescue(db, nodeID: 0, now: now)
            return [result.released, result.unconfirmed]
        }
    }

    private static let accepted = DeliveryOutcome.accepted(
        providerID: "p", ChannelReply(relayID: 4, code: 250, enhancedCode: "2.0.0", text: "queued"))

    // MARK: Leases

    @Test(arguments: TestEngine.allCases)
    func leasesAreExclusiveOrderedAndByLane(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let ids = try await fixture.queue((0..<5).map { "a\($0)@example.com" })
            let bulk = try await fixture.queue(["b@example.com"], category: .marketing)
            let later = try await fixture.queue(
                ["c@example.com"], scheduledAt: fixture.clock.now() + .seconds(10))
            let (one, two) = (try await fixture.makeNode(), try await fixture.makeNode())
            let first = try await fixture.lease(node: one, limit: 2)
            let second = try await fixture.lease(node: two, limit: 10)
            #expect(first.map(\.messageID) == Array(ids[0..<2]))
            #expect(second.map(\.messageID) == Array(ids[2...]))
            #expect(try await fixture.lease(node: one).isEmpty)
            #expect(try await fixture.lease(node: one, lane: .bulk).map(\.messageID) == bulk)
            fixture.clock.advance(by: .seconds(10))
            let due = try await fixture.lease(node: one)
            #expect(due.map(\.messageID) == later)
            #expect(due[0].acceptedAt == fixture.clock.now())
            #expect(due[0].attempts == 0)
        }
    }

    /// Many nodes at once: nobody gets a row twice, and nobody waits for another.
    @Test(arguments: TestEngine.allCases)
    func concurrentLeasesNeverOverlap(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let ids = try await fixture.queue((0..<200).map { "a\($0)@example.com" })
            let leased = try await withThrowingTaskGroup(of: [Int64].self) { group in
                for node in 1...8 {
                    group.addTask {
                        var mine: [Int64] = []
                        while true {
                            let leases = try await fixture.lease(node: Int64(node), limit: 7)
                            if leases.isEmpty { return mine }
                            mine += leases.map(\.messageID)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(leased.sorted() == ids)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func dueNamesEachStreamOnce(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let start = fixture.clock.now()
            try await fixture.queue(["a@example.com", "b@example.com"], scheduledAt: start + .seconds(5))
            try await fixture.queue(["c@example.com"])
            try await fixture.queue(["d@example.com"], in: fixture.test)
            try await fixture.queue(["e@example.com"], category: .automated)
            let (live, test) = (fixture.live.id, fixture.test.id)
            try await fixture.database.read { db in
                let queue = QueueStore()
                let transactional = try queue.due(db, lane: .transactional, limit: 10).streams
                #expect(transactional.map(\.stream.workspaceID) == [live, test].sorted())
                #expect(transactional.map(\.at) == [start, start])
                #expect(try queue.due(db, lane: .bulk, limit: 10).streams.map(\.stream.workspaceID) == [live])
                let first = try queue.due(db, lane: .transactional, limit: 1)
                #expect(first.streams.map(\.stream.workspaceID) == [min(live, test)])
                #expect(first.next == min(live, test))
                #expect(try queue.due(db, lane: .transactional, limit: 3).next == nil)
                #expect(
                    try queue.due(db, lane: .transactional, after: min(live, test), limit: 10).streams
                        .map(\.stream.workspaceID)
                        == [max(live, test)])
                #expect(try queue.due(db, lane: .transactional, after: max(live, test), limit: 10).streams.isEmpty)
            }
            _ = try await fixture.lease(node: 1)
            let first = try await fixture.database.read { db in
                try QueueStore().due(db, lane: .transactional, limit: 10).streams.first {
                    $0.stream.workspaceID == live
                }
            }
            #expect(first?.at == start + .seconds(5))
        }
    }

    /// The channels of a workspace are never parted by the end of a page.
    @Test(arguments: TestEngine.allCases)
    func pagesHoldWholeWorkspaces(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            for workspace in [fixture.live, fixture.test] {
                try await fixture.queue(["a@example.com", "b@example.com"], in: workspace)
            }
            let first = min(fixture.live.id, fixture.test.id)
            try await fixture.database.write { db in
                _ = try db.execute(
                    Statement("UPDATE delivery_queue SET channel = 'whatsapp' WHERE message_id % 2 = 0"))
                let page = try QueueStore().due(db, lane: .transactional, limit: 1)
                #expect(page.streams.map(\.stream.workspaceID) == [first, first])
                #expect(page.streams.map(\.stream.channel) == [.email, .whatsapp])
                #expect(page.next == first)
            }
        }
    }

    /// A lease may outlive its node: a later one that got its id would take it for its own.
    @Test(arguments: TestEngine.allCases)
    func nodeIDsAreNeverReused(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let one = try await fixture.makeNode()
            try await fixture.database.write { db in try NodeStore().remove(db, nodeID: one) }
            let two = try await fixture.makeNode()
            #expect(two > one)
        }
    }

    /// A message that only a newer release can read is left alone, and holds nobody up.
    @Test(arguments: TestEngine.allCases)
    func unreadableRowsAreNotRescued(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let ids = try await fixture.queue(["a@example.com", "b@example.com"])
            let node = try await fixture.makeNode()
            let leases = try await fixture.lease(node: node)
            _ = try await announce(fixture, leases)
            try await fixture.database.write { db in
                _ = try db.execute(Statement("UPDATE messages SET status = 'newer' WHERE id = $1"), [.integer(ids[0])])
            }
            fixture.clock.advance(by: .seconds(13))
            #expect(try await rescue(fixture) == [0, 1])
            #expect(try await fixture.queueRows().map(\.isLeased) == [true, false])
            #expect(try await fixture.message(ids[1]).status == .unconfirmed)
        }
    }

    /// A row that was given back still waits for the same reason, which is not told again.
    @Test(arguments: TestEngine.allCases)
    func givingBackKeepsTheReason(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let id = try await fixture.queue(["a@example.com"])[0]
            let first = try await fixture.lease(node: 1)[0]
            try await settle(fixture, first, .unavailable(.noRelay, retryAfter: .seconds(1)))
            fixture.clock.advance(by: .seconds(1))
            let node = try await fixture.makeNode()
            _ = try await fixture.lease(node: node, token: 2)
            fixture.clock.advance(by: .seconds(13))
            #expect(try await rescue(fixture) == [1, 0])
            #expect(try await fixture.queueRows().map(\.waitReason) == ["no_relay"])
            let last = try await fixture.lease(node: 1, token: 3)[0]
            try await settle(fixture, last, .unavailable(.noRelay, retryAfter: .seconds(1)))
            #expect(try await fixture.eventTypes(id) == [.messageQueued, .messageQueued])
        }
    }

    // MARK: Completions

    @Test(arguments: TestEngine.allCases)
    func acceptedSettlesTheMessage(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let id = try await fixture.queue(["a@example.com"])[0]
            let node = try await fixture.makeNode()
            let lease = try await fixture.lease(node: node, token: 9)[0]
            #expect(try await announce(fixture, [lease]) == [true])
            let intentAt = fixture.clock.now()
            fixture.clock.advance(by: .seconds(1))
            try await settle(fixture, lease, Self.accepted, intentAt: intentAt)
            let message = try await fixture.message(id)
            #expect(message.status == .sent)
            #expect(message.attempts == 1)
            #expect(message.providerMessageID == "p")
            #expect(message.sentAt == fixture.clock.now())
            #expect(message.failure == nil)
            #expect(try await fixture.queueRows() == [])
            #expect(
                try await fixture.attempts(id) == [
                    DeliveryAttempt(
                        number: 1, nodeID: node, relayID: 4, intentAt: intentAt, finishedAt: fixture.clock.now(),
                        outcome: .accepted, code: 250, enhancedCode: "2.0.0", reply: "queued")
                ])
            let events = try await fixture.events(id)
            #expect(events.map(\.type) == [.messageQueued, .messageSent])
            #expect(events[1].dataJSON == #"{"attempt":1}"#)
            #expect(events[1].contactID == 77)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func temporaryWaitsAndCountsTheAttempt(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let id = try await fixture.queue(["a@example.com"])[0]
            let lease = try await fixture.lease(node: 1)[0]
            let reply = ChannelReply(code: 451, text: "later")
            try await settle(fixture, lease, .temporary(code: "451", reply))
            let due = fixture.clock.now() + .seconds(16)
            #expect(
                try await fixture.queueRows() == [DeliveryFixture.QueueRow(messageID: id, dueAt: due, attempts: 1)])
            let message = try await fixture.message(id)
            #expect(message.status == .queued)
            #expect(message.attempts == 1)
            #expect(message.failure == Message.Failure(code: "451", message: "later", permanent: false))
            fixture.clock.advance(by: .seconds(16))
            let again = try await fixture.lease(node: 1, token: 2)[0]
            #expect(again.attempt == 2)
            try await settle(fixture, again, Self.accepted)
            #expect(try await fixture.message(id).failure == nil)
            #expect(try await fixture.outcomes(id) == [.temporary, .accepted])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func temporaryExpires(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let id = try await fixture.queue(["a@example.com"])[0]
            fixture.clock.advance(by: .seconds(72 * 3600))
            let lease = try await fixture.lease(node: 1)[0]
            try await settle(fixture, lease, .temporary(code: "4.2.2", ChannelReply(code: 452, text: "full")))
            let message = try await fixture.message(id)
            #expect(message.status == .failed)
            #expect(message.failure == Message.Failure(code: "4.2.2", message: "full", permanent: true))
            #expect(try await fixture.queueRows() == [])
            let event = try #require(try await fixture.events(id).last)
            #expect(event.type == .messageFailed)
            #expect(
                event.dataJSON == #"{"attempt":1,"code":"4.2.2","message":"full","expired":true,"hardBounce":false}"#)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func permanentFails(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let id = try await fixture.queue(["a@example.com"])[0]
            let lease = try await fixture.lease(node: 1)[0]
            let reply = ChannelReply(code: 550, enhancedCode: "5.1.1", text: "no such user")
            try await settle(fixture, lease, .permanent(code: "5.1.1", reply, isHardBounce: true))
            let message = try await fixture.message(id)
            #expect(message.status == .failed)
            #expect(message.failure?.permanent == true)
            #expect(message.sentAt == nil)
            #expect(try await fixture.queueRows() == [])
            #expect(try await fixture.events(id).last?.dataJSON.contains(#""hardBounce":true"#) == true)
        }
    }

    /// A relay that is away costs no attempt and is told once.
    @Test(arguments: TestEngine.allCases)
    func unavailableLeavesNoAttempt(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let id = try await fixture.queue(["a@example.com"])[0]
            for round in 0..<3 {
                let lease = try await fixture.lease(node: 1, token: Int64(round))[0]
                try await settle(fixture, lease, .unavailable(.noRelay, retryAfter: .seconds(2)))
                let due = fixture.clock.now() + .seconds(2)
                #expect(
                    try await fixture.queueRows() == [
                        DeliveryFixture.QueueRow(messageID: id, dueAt: due, attempts: 0, waitReason: "no_relay")
                    ])
                fixture.clock.advance(by: .seconds(2))
            }
            let message = try await fixture.message(id)
            #expect(message.status == .queued)
            #expect(message.attempts == 0)
            #expect(try await fixture.attempts(id) == [])
            let events = try await fixture.events(id)
            #expect(events.map(\.type) == [.messageQueued, .messageQueued])
            #expect(events[1].dataJSON == #"{"reason":"no_relay"}"#)
        }
    }

    // MARK: The fence

    @Test(arguments: TestEngine.allCases)
    func lostLeaseIsRefusedItsIntent(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let id = try await fixture.queue(["a@example.com"])[0]
            let (one, two) = (try await fixture.makeNode(), try await fixture.makeNode())
            let stale = try await fixture.lease(node: one)[0]
            fixture.clock.advance(by: .seconds(13))
            #expect(try await rescue(fixture) == [1, 0])
            #expect(try await announce(fixture, [stale]) == [false])
            let fresh = try await fixture.lease(node: two)[0]
            #expect(fresh.attempt == 1)
            // The first node wakes up again and leases another round: its old lease stays worthless.
            #expect(try await announce(fixture, [stale, fresh]) == [false, true])
            try await settle(fixture, stale, Self.accepted)
            #expect(try await fixture.message(id).status == .queued)
            #expect(try await fixture.attempts(id) == [])
            #expect(try await fixture.queueRows().map(\.isLeased) == [true])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func oneNodesOldRoundIsFencedFromItsNewOne(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            try await fixture.queue(["a@example.com"])
            let node = try await fixture.makeNode()
            let old = try await fixture.lease(node: node, token: 1)[0]
            fixture.clock.advance(by: .seconds(13))
            #expect(try await rescue(fixture) == [1, 0])
            let new = try await fixture.lease(node: node, token: 2)[0]
            #expect(try await announce(fixture, [old, new]) == [false, true])
        }
    }

    // MARK: The rescuer

    @Test(arguments: TestEngine.allCases)
    func livingNodesKeepTheirLeases(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            try await fixture.queue(["a@example.com"])
            let node = try await fixture.makeNode()
            _ = try await fixture.lease(node: node)
            fixture.clock.advance(by: .seconds(11))
            #expect(try await rescue(fixture) == [0, 0])
            let now = fixture.clock.now()
            try await fixture.database.write { db in
                try NodeStore().renew(db, nodeID: node, now: now, aliveUntil: now + .seconds(12))
            }
            fixture.clock.advance(by: .seconds(11))
            #expect(try await rescue(fixture) == [0, 0])
            fixture.clock.advance(by: .seconds(2))
            #expect(try await rescue(fixture) == [1, 0])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func intentWithoutOutcomeBecomesUnconfirmed(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let urgent = try await fixture.queue(["a@example.com"])[0]
            let campaign = try await fixture.queue(["b@example.com"], category: .marketing)[0]
            let node = try await fixture.makeNode()
            let leases =
                try await fixture.lease(node: node) + fixture.lease(node: node, token: 2, lane: .bulk)
            #expect(try await announce(fixture, leases) == [true, true])
            let intentAt = fixture.clock.now()
            fixture.clock.advance(by: .seconds(13))
            #expect(try await rescue(fixture) == [0, 2])
            #expect(try await rescue(fixture) == [0, 0])
            for id in [urgent, campaign] {
                let message = try await fixture.message(id)
                #expect(message.status == .unconfirmed)
                #expect(message.attempts == 1)
                #expect(message.sentAt == nil)
                let attempts = try await fixture.attempts(id)
                #expect(attempts.map(\.outcome) == [.unconfirmed])
                #expect(attempts.map(\.nodeID) == [node])
                #expect(attempts.map(\.intentAt) == [intentAt])
            }
            // Transactional ones are sent once more; the others wait for a person.
            let rows = try await fixture.queueRows()
            #expect(rows.map(\.messageID) == [urgent])
            #expect(rows[0].attempts == 1)
            #expect(!rows[0].isLeased && !rows[0].hasIntent)
            #expect(rows[0].dueAt > fixture.clock.now())
            #expect(try await fixture.events(urgent).last?.dataJSON == #"{"attempt":1,"action":"sendOnceMore"}"#)
            #expect(try await fixture.events(campaign).last?.dataJSON == #"{"attempt":1,"action":"hold"}"#)
            #expect(try await fixture.eventTypes(campaign) == [.messageQueued, .messageUnconfirmed])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func aSecondUnconfirmedStays(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let id = try await fixture.queue(["a@example.com"])[0]
            let first = try await fixture.lease(node: 1)[0]
            try await settle(fixture, first, .unconfirmed(ChannelReply(text: "lost")), intentAt: fixture.clock.now())
            let due = try #require(try await fixture.queueRows().first).dueAt
            #expect(due == fixture.clock.now() + .seconds(16))
            fixture.clock.advance(by: .seconds(16))
            let second = try await fixture.lease(node: 1, token: 2)[0]
            #expect(second.attempt == 2)
            try await settle(
                fixture, second, .unconfirmed(ChannelReply(text: "lost")), status: .unconfirmed,
                intentAt: fixture.clock.now())
            #expect(try await fixture.queueRows() == [])
            let message = try await fixture.message(id)
            #expect(message.status == .unconfirmed)
            #expect(message.attempts == 2)
            let events = try await fixture.events(id)
            #expect(events.map(\.type) == [.messageQueued, .messageUnconfirmed, .messageUnconfirmed])
            #expect(events[2].dataJSON == #"{"attempt":2,"action":"hold"}"#)
        }
    }

    /// A paused process whose message was taken after all: it is never sent again, and the ledger learns of it.
    @Test(arguments: TestEngine.allCases)
    func lateCompletionMovesForward(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let id = try await fixture.queue(["a@example.com"])[0]
            let (one, two) = (try await fixture.makeNode(), try await fixture.makeNode())
            let stale = try await fixture.lease(node: one, token: 5)[0]
            let intentAt = fixture.clock.now()
            #expect(try await announce(fixture, [stale]) == [true])
            fixture.clock.advance(by: .seconds(13))
            #expect(try await rescue(fixture) == [0, 1])
            fixture.clock.advance(by: .seconds(60))
            // The second node has it already, but has not announced its hand-off.
            let resend = try await fixture.lease(node: two, token: 1)[0]
            try await settle(fixture, stale, Self.accepted, intentAt: intentAt)
            #expect(try await announce(fixture, [resend]) == [false])
            let message = try await fixture.message(id)
            #expect(message.status == .sent)
            #expect(message.providerMessageID == "p")
            #expect(try await fixture.outcomes(id) == [.accepted])
            #expect(try await fixture.queueRows() == [])
            // Writing it again changes nothing.
            try await settle(fixture, stale, Self.accepted, intentAt: intentAt)
            #expect(
                try await fixture.eventTypes(id) == [.messageQueued, .messageUnconfirmed, .messageSent])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func writingACompletionTwiceChangesNothing(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let ids = try await fixture.queue(["a@example.com", "b@example.com", "c@example.com"])
            let leases = try await fixture.lease(node: 1)
            _ = try await announce(fixture, leases)
            let at = fixture.clock.now()
            for _ in 0..<2 {
                try await settle(fixture, leases[0], Self.accepted, intentAt: at)
                try await settle(
                    fixture, leases[1], .temporary(code: "451", ChannelReply(code: 451, text: "later")), intentAt: at)
                try await settle(fixture, leases[2], .unconfirmed(ChannelReply(text: "lost")), intentAt: at)
            }
            #expect(try await fixture.message(ids[0]).status == .sent)
            #expect(try await fixture.message(ids[1]).status == .queued)
            #expect(try await fixture.message(ids[2]).status == .unconfirmed)
            #expect(try await fixture.events(ids[0]).count == 2)
            #expect(try await fixture.events(ids[2]).count == 2)
            #expect(try await fixture.queueRows().map(\.messageID) == [ids[1], ids[2]])
            for id in ids { #expect(try await fixture.attempts(id).count == 1) }
        }
    }
}
