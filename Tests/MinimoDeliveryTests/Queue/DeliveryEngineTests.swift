import MinimoCore
import MinimoDelivery
import MinimoTesting
import SQLDatabase
import Synchronization
import Testing
import Wire

@Suite(.timeLimit(.minutes(1))) struct DeliveryEngineTests {
    @Test(arguments: TestEngine.allCases)
    func sendsWhatIsQueuedBeforeAndAfterTheStart(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let before = try await fixture.queue(["a@example.com", "b@example.com"])
            let channel = ScriptedChannel()
            let statistics = try await RunningEngine.with(fixture, live: channel) { running in
                #expect(Set(await running.settled(2)) == Set(before))
                let after = try await fixture.queue(["c@example.com"], category: .marketing)
                #expect(await running.settled(1) == after)
                return running.engine.statistics
            }
            #expect(statistics.accepted == 3)
            #expect(statistics.leased == 3)
            #expect(channel.deliveries.count == 3)
            #expect(try await fixture.queueRows() == [])
            let nodes = try await fixture.database.read { db in
                try db.query(Statement("SELECT id FROM nodes")) { $0.int(0) }
            }
            #expect(nodes == [])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func thousandMessagesEachOnce(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let channel = ScriptedChannel()
            try await RunningEngine.with(fixture, live: channel) { running in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for client in 0..<20 {
                        group.addTask {
                            for number in 0..<10 {
                                let category: MessageCategory = number.isMultiple(of: 2) ? .transactional : .marketing
                                try await fixture.queue(
                                    (0..<5).map { "c\(client)-\(number)-\($0)@example.com" }, category: category)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                await running.settled(1000)
            }
            #expect(channel.deliveries.count == 1000)
            #expect(Set(channel.deliveries.map(\.id)).count == 1000)
            let sent = try await fixture.database.read { db in
                try db.first(Statement("SELECT COUNT(*) FROM messages WHERE status = 'sent'")) { $0.int(0) }
            }
            #expect(sent == 1000)
            #expect(try await fixture.queueRows() == [])
        }
    }

    /// Two engines on one database: each message goes through one of them.
    @Test(arguments: TestEngine.allCases)
    func twoEnginesShareTheWork(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let (one, two) = (ScriptedChannel(), ScriptedChannel())
            let other = DeliveryFixture(
                database: fixture.database, live: fixture.live, test: fixture.test, clock: fixture.clock)
            let configuration = DeliveryConfiguration(slots: 8)
            try await RunningEngine.with(fixture, live: one, configuration: configuration) { first in
                try await RunningEngine.with(other, live: two, configuration: configuration) { second in
                    let ids = try await fixture.queue((0..<300).map { "a\($0)@example.com" })
                    other.signal.signal()
                    while try await !fixture.queueRows().isEmpty {
                        fixture.signal.signal()
                        other.signal.signal()
                    }
                    let all = one.deliveries + two.deliveries
                    #expect(all.map(\.id).sorted() == ids)
                    #expect(first.engine.statistics.accepted + second.engine.statistics.accepted == 300)
                }
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func temporaryFailuresAreTriedAgainWhenDue(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let channel = ScriptedChannel { handOff in
                guard handOff.attempt == 3 else {
                    return .temporary(
                        code: "450", ChannelReply(code: 450, text: "not yet"), retryAfter: .seconds(handOff.attempt))
                }
                return await ScriptedChannel.accept(handOff)
            }
            let id = try await fixture.queue(["a@example.com"])[0]
            try await RunningEngine.with(fixture, live: channel) { running in
                await running.settled(1)
                let waiting = try await fixture.message(id).status
                #expect(waiting == .queued)
                fixture.signal.signal()
                await running.idle()
                #expect(channel.deliveries.count == 1)
                for seconds in [1, 2] {
                    fixture.clock.advance(by: .seconds(seconds))
                    fixture.signal.signal()
                    await running.settled(1)
                }
            }
            #expect(channel.deliveries.map(\.attempt) == [1, 2, 3])
            let message = try await fixture.message(id)
            #expect(message.status == .sent)
            #expect(message.attempts == 3)
            #expect(try await fixture.eventTypes(id) == [.messageQueued, .messageSent])
        }
    }

    /// While a relay is away one message probes for all; when it is back all go at once.
    @Test(arguments: TestEngine.allCases)
    func absentRelayHoldsTheStreamAndNobodyElse(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let isBack = Mutex(false)
            let channel = ScriptedChannel { handOff in
                guard isBack.withLock({ $0 }) else {
                    return .unavailable(.relayUnavailable, retryAfter: .seconds(1))
                }
                return await ScriptedChannel.accept(handOff)
            }
            let sandbox = ScriptedChannel()
            let configuration = DeliveryConfiguration(slots: 8)
            let ids = try await fixture.queue((0..<40).map { "a\($0)@example.com" }, category: .marketing)
            try await RunningEngine.with(fixture, live: channel, sandbox: sandbox, configuration: configuration) {
                running in
                // Three quarters of the seven bulk slots.
                await running.settled(5)
                #expect(channel.deliveries.count == 5)
                for _ in 0..<5 {
                    fixture.clock.advance(by: .seconds(1))
                    fixture.signal.signal()
                    await running.settled(1)
                }
                #expect(channel.deliveries.count == 10)
                let other = try await fixture.queue(["t@example.com"], in: fixture.test, category: .marketing)
                #expect(await running.settled(1) == other)

                isBack.withLock { $0 = true }
                fixture.clock.advance(by: .seconds(1))
                fixture.signal.signal()
                // The probe, then all the others.
                await running.settled(1)
                fixture.signal.signal()
                await running.settled(39)
            }
            for id in ids {
                let message = try await fixture.message(id)
                #expect(message.status == .sent)
                #expect(message.attempts == 1)
                #expect(try await fixture.attempts(id).count == 1)
            }
            #expect(channel.deliveries.count == 10 + 40)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func unconfirmedIsSentOnceMoreOnlyWhenTransactional(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let headers = Mutex<[String]>([])
            let channel = ScriptedChannel { handOff in
                headers.withLock { $0.append(handOff.message.headerMessageID) }
                try? await handOff.announce()
                return .unconfirmed(ChannelReply(text: "connection lost"))
            }
            let urgent = try await fixture.queue(["a@example.com"])[0]
            let campaign = try await fixture.queue(["b@example.com"], category: .automated)[0]
            try await RunningEngine.with(fixture, live: channel) { running in
                await running.settled(2)
                let urgentStatus = try await fixture.message(urgent).status
                #expect(urgentStatus == .unconfirmed)
                let campaignStatus = try await fixture.message(campaign).status
                #expect(campaignStatus == .unconfirmed)
                fixture.clock.advance(by: .seconds(30))
                fixture.signal.signal()
                #expect(await running.settled(1) == [urgent])
                fixture.clock.advance(by: .seconds(4000))
                fixture.signal.signal()
                await running.idle()
            }
            #expect(try await fixture.queueRows() == [])
            #expect(channel.deliveries.count == 3)
            let header = try await fixture.message(urgent).headerMessageID
            #expect(headers.withLock { $0.filter { $0 == header } }.count == 2)
            #expect(try await fixture.outcomes(urgent) == [.unconfirmed, .unconfirmed])
        }
    }

    /// A cancellation that comes before the intent wins: nothing is sent.
    @Test(arguments: TestEngine.allCases)
    func cancelledMessageIsRefusedItsIntent(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let (entered, release) = (Gate(), Gate())
            let wasRefused = Mutex(false)
            let channel = ScriptedChannel { handOff in
                entered.open()
                await release.wait()
                do {
                    try await handOff.announce()
                    return .accepted(providerID: nil, ChannelReply(code: 250, text: "ok"))
                } catch {
                    wasRefused.withLock { $0 = true }
                    return .unavailable(.relayUnavailable)
                }
            }
            let id = try await fixture.queue(["a@example.com"])[0]
            let now = fixture.clock.now()
            try await RunningEngine.with(fixture, live: channel) { running in
                await entered.wait()
                let result = try await fixture.database.write { [live = fixture.live.id] db in
                    try MessageStore().cancel(db, workspaceID: live, id: id, now: now)
                }
                #expect(result == .cancelled)
                release.open()
                await running.settled(1)
                #expect(running.engine.statistics.intentsRefused == 1)
                #expect(running.engine.statistics.accepted == 0)
            }
            #expect(wasRefused.withLock { $0 })
            #expect(try await fixture.message(id).status == .cancelled)
            #expect(try await fixture.attempts(id) == [])
        }
    }

    // MARK: Stopping

    /// What has begun ends, what has not begun waits for the next start.
    @Test(arguments: TestEngine.allCases)
    func stopLetsHandOffsEnd(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let (entered, release) = (Gate(), Gate())
            let channel = ScriptedChannel { handOff in
                entered.open()
                await release.wait()
                return await ScriptedChannel.accept(handOff)
            }
            let ids = try await fixture.queue((0..<5).map { "a\($0)@example.com" })
            try await RunningEngine.with(fixture, live: channel, configuration: DeliveryConfiguration(slots: 2)) {
                running in
                await entered.wait()
                running.engine.stop()
                release.open()
            }
            let begun = Set(channel.deliveries.map(\.id))
            // A round that was under way when the stop came may end.
            #expect((1...2).contains(begun.count))
            for id in ids {
                #expect(try await fixture.message(id).status == (begun.contains(id) ? .sent : .queued))
            }
            let rows = try await fixture.queueRows()
            #expect(rows.count == 5 - begun.count)
            #expect(rows.allSatisfy { !$0.isLeased && $0.attempts == 0 })
        }
    }

    /// A hand-off that does not end within the limit is broken off; without an intent it is given back.
    @Test(arguments: TestEngine.allCases)
    func stopBreaksOffWhatTakesTooLong(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let entered = Gate()
            let clock = fixture.clock
            let channel = ScriptedChannel { _ in
                entered.open()
                try? await clock.sleep(for: .seconds(100_000))
                return .unavailable(.relayUnavailable)
            }
            let id = try await fixture.queue(["a@example.com"])[0]
            try await RunningEngine.with(fixture, live: channel) { running in
                await entered.wait()
                let stoppedAt = fixture.clock.now()
                running.engine.stop()
                while running.engine.statistics.handingOff > 0 {
                    fixture.clock.advance(by: .seconds(1))
                    fixture.signal.signal()
                    await Task.yield()
                }
                #expect(fixture.clock.now() - stoppedAt >= .seconds(20))
                await running.settled(1)
            }
            let row = try #require(try await fixture.queueRows().first)
            #expect(!row.isLeased && row.attempts == 0 && row.dueAt <= fixture.clock.now())
            #expect(try await fixture.message(id).status == .queued)
        }
    }

    /// A stop ends even when the outcome cannot be written; the next start knows that it does not know it.
    @Test(arguments: TestEngine.allCases)
    func stopEndsWithoutALedger(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let id = try await fixture.queue(["a@example.com"])[0]
            let (announced, release) = (Gate(), Gate())
            let channel = ScriptedChannel { handOff in
                try? await handOff.announce()
                announced.open()
                await release.wait()
                return .accepted(providerID: "p", ChannelReply(code: 250, text: "ok"))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !Task.isCancelled {
                        fixture.clock.advance(by: .seconds(1))
                        fixture.signal.signal()
                        await Task.yield()
                    }
                }
                try await RunningEngine.with(fixture, live: channel) { _ in
                    await announced.wait()
                    try await fixture.database.write { db in
                        _ = try db.execute(Statement("ALTER TABLE delivery_attempts RENAME TO away"))
                    }
                    release.open()
                }
                group.cancelAll()
            }
            #expect(try await fixture.queueRows().map(\.hasIntent) == [true])
            try await fixture.database.write { db in
                _ = try db.execute(Statement("ALTER TABLE away RENAME TO delivery_attempts"))
            }
            try await RunningEngine.with(fixture, configuration: DeliveryConfiguration(isExclusive: true)) { running in
                let result = await running.rescued()
                #expect(result == (0, 1))
            }
            #expect(try await fixture.message(id).status == .unconfirmed)
        }
    }

    /// A message that a newer release has written waits; those beside it are sent.
    @Test(arguments: TestEngine.allCases)
    func unreadableMessageHoldsNobodyUp(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let ids = try await fixture.queue(["a@example.com", "b@example.com"])
            try await fixture.database.write { db in
                _ = try db.execute(Statement("UPDATE messages SET status = 'newer' WHERE id = $1"), [.integer(ids[0])])
            }
            try await RunningEngine.with(fixture) { running in
                #expect(Set(await running.settled(2)) == Set(ids))
            }
            #expect(try await fixture.message(ids[1]).status == .sent)
            let row = try #require(try await fixture.queueRows().first)
            #expect(row.messageID == ids[0])
            #expect(!row.isLeased && row.dueAt > fixture.clock.now() + .seconds(60))
        }
    }

    // MARK: After a crash

    /// An engine that knows itself to be alone rescues at once, without waiting for anybody's death.
    @Test(arguments: TestEngine.allCases)
    func exclusiveStartRescuesEverything(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let ids = try await fixture.queue(["a@example.com", "b@example.com"])
            let dead = try await fixture.makeNode()
            let leases = try await fixture.lease(node: dead)
            let at = fixture.clock.now()
            _ = try await fixture.database.write { db in
                try Ledger().announce(db, [Ledger.Intent(lease: leases[1], at: at)])
            }
            let channel = ScriptedChannel()
            try await RunningEngine.with(
                fixture, live: channel, configuration: DeliveryConfiguration(isExclusive: true)
            ) { running in
                let result = await running.rescued()
                #expect(result == (1, 1))
                #expect(await running.settled(1) == [ids[0]])
            }
            #expect(try await fixture.message(ids[0]).status == .sent)
            #expect(try await fixture.message(ids[1]).status == .unconfirmed)
            #expect(channel.deliveries.map(\.id) == [ids[0]])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func deadNodeIsRescuedWhenItsTimeIsUp(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let id = try await fixture.queue(["a@example.com"])[0]
            let dead = try await fixture.makeNode()
            _ = try await fixture.lease(node: dead)
            let channel = ScriptedChannel()
            try await RunningEngine.with(fixture, live: channel) { running in
                await running.idle()
                #expect(channel.deliveries.isEmpty)
                while running.engine.statistics.rescued == 0 {
                    fixture.clock.advance(by: .seconds(1))
                    await Task.yield()
                }
                #expect(await running.settled(1) == [id])
            }
            #expect(try await fixture.message(id).status == .sent)
            #expect(channel.deliveries.map(\.attempt) == [1])
        }
    }

    /// Everything that a person may not see again: a message that was erased, a row that has no use.
    @Test(arguments: TestEngine.allCases)
    func rowsWithoutAMessageGo(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            try await fixture.queue(["a@example.com"])
            try await fixture.database.write { db in _ = try db.execute(Statement("DELETE FROM messages")) }
            let channel = ScriptedChannel()
            try await RunningEngine.with(fixture, live: channel) { running in
                await running.settled(1)
            }
            #expect(channel.deliveries.isEmpty)
            #expect(try await fixture.queueRows() == [])
        }
    }
}
