import MinimoCore
import MinimoDelivery
import MinimoTesting
import NIOPosix
import SQLDatabase
import Synchronization
import Testing
import Wire

/// The engine, the email channel and an SMTP server on a socket.
@Suite(.timeLimit(.minutes(1))) struct EmailDeliveryTests {
    private static let settings = EmailChannelStore(secrets: SecretBox(key: [UInt8](repeating: 7, count: 32)))

    private func setRelays(_ fixture: DeliveryFixture, _ ports: [Int], connections: Int = 4) async throws {
        let (workspaceID, now) = (fixture.live.id, fixture.clock.now())
        try await fixture.database.write { db in
            try Self.settings.set(
                db, workspaceID: workspaceID, relayURLs: ports.map { "smtp://127.0.0.1:\($0)?tls=none" },
                connections: connections, defaultFrom: "Acme <hello@acme.example>", now: now)
        }
    }

    private func channel(_ fixture: DeliveryFixture) -> EmailDeliveryChannel {
        EmailDeliveryChannel(
            database: fixture.database, settings: Self.settings, renderer: MessageRenderer(),
            group: MultiThreadedEventLoopGroup.singleton, clock: fixture.clock, logger: fixture.logger)
    }

    /// The Message-IDs that a server took, in order.
    private func taken(_ server: FakeSMTPServer) -> [String] {
        server.messages.compactMap { message in
            String(decoding: message.content, as: UTF8.self).split(separator: "\r\n")
                .first { $0.hasPrefix("Message-ID: <") }.map { String($0.dropFirst(13).dropLast()) }
        }
    }

    /// Moves time until nothing is outstanding; it stands still while something is under way.
    private func untilSettled(_ fixture: DeliveryFixture, _ running: RunningEngine) async throws {
        while try await !fixture.queueRows().isEmpty {
            let statistics = running.engine.statistics
            if statistics.handingOff + statistics.settling == 0 { fixture.clock.advance(by: .milliseconds(500)) }
            fixture.signal.signal()
            await running.next()
        }
    }

    private func script(_ script: @escaping @Sendable (FakeSMTPServer.Event) -> FakeSMTPServer.Action?)
        -> FakeSMTPServer.Options
    {
        var options = FakeSMTPServer.Options()
        options.script = script
        return options
    }

    @Test(arguments: TestEngine.allCases)
    func acceptedCarriesEnvelopeAndHeader(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            try await FakeSMTPServer.withServer { server in
                try await setRelays(fixture, [server.port])
                let id = try await fixture.queue(["a@example.com"])[0]
                try await RunningEngine.with(fixture, live: channel(fixture)) { running in await running.settled(1) }
                let message = try await fixture.message(id)
                #expect(message.status == .sent)
                #expect(message.providerMessageID == message.headerMessageID)
                #expect(taken(server) == [message.headerMessageID])
                #expect(server.messages[0].recipients == ["<a@example.com>"])
                #expect(server.messages[0].mail.hasPrefix("<hello@acme.example>"))
                let attempt = try #require(try await fixture.attempts(id).first)
                #expect(attempt.code == 250)
                #expect(attempt.relayID != nil)
                #expect(attempt.intentAt != nil)
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func refusalsOfBothKinds(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let options = script { event in
                guard event.kind == .recipient else { return nil }
                if event.line.contains("hard@") { return .reply("550 5.1.1 No such user") }
                if event.line.contains("soft@"), event.occurrence <= 2 { return .reply("451 4.3.0 Try later") }
                return nil
            }
            try await FakeSMTPServer.withServer(options) { server in
                try await setRelays(fixture, [server.port])
                let hard = try await fixture.queue(["hard@example.com"])[0]
                let soft = try await fixture.queue(["soft@example.com"])[0]
                try await RunningEngine.with(fixture, live: channel(fixture)) { running in
                    try await untilSettled(fixture, running)
                }
                let failed = try await fixture.message(hard)
                #expect(failed.status == .failed)
                #expect(failed.failure == Message.Failure(code: "5.1.1", message: "No such user", permanent: true))
                let sent = try await fixture.message(soft)
                #expect(sent.status == .sent)
                #expect(sent.attempts >= 2)
                #expect(taken(server) == [sent.headerMessageID])
            }
        }
    }

    /// A connection that is lost before the final dot cannot have delivered anything: the message is sent again.
    @Test(arguments: TestEngine.allCases)
    func dropInTheMiddleOfTheContent(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let options = script { event in
                event.kind == .data && event.occurrence == 1 ? .close : nil
            }
            try await FakeSMTPServer.withServer(options) { server in
                try await setRelays(fixture, [server.port])
                let id = try await fixture.queue(["a@example.com"])[0]
                try await RunningEngine.with(fixture, live: channel(fixture)) { running in
                    try await untilSettled(fixture, running)
                }
                let message = try await fixture.message(id)
                #expect(message.status == .sent)
                #expect(message.attempts == 2)
                #expect(try await fixture.outcomes(id) == [.temporary, .accepted])
                #expect(taken(server) == [message.headerMessageID])
            }
        }
    }

    /// A connection that is lost after the final dot may have delivered it.
    @Test(arguments: TestEngine.allCases)
    func dropAfterTheDot(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let options = script { event in
                event.kind == .message && event.occurrence <= 2 ? .close : nil
            }
            try await FakeSMTPServer.withServer(options) { server in
                try await setRelays(fixture, [server.port])
                let campaign = try await fixture.queue(["b@example.com"], category: .marketing)[0]
                try await RunningEngine.with(fixture, live: channel(fixture)) { running in
                    await running.settled(1)
                    #expect(try await fixture.message(campaign).status == .unconfirmed)
                    let urgent = try await fixture.queue(["a@example.com"])[0]
                    await running.settled(1)
                    #expect(try await fixture.message(urgent).status == .unconfirmed)
                    try await untilSettled(fixture, running)
                    let message = try await fixture.message(urgent)
                    #expect(message.status == .sent)
                    #expect(taken(server) == [message.headerMessageID])
                }
                #expect(try await fixture.message(campaign).status == .unconfirmed)
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func secondRelayTakesOverWhenTheFirstIsAway(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let away = try await FakeSMTPServer.withServer { $0.port }
            try await FakeSMTPServer.withServer { server in
                try await setRelays(fixture, [away, server.port])
                let ids = try await fixture.queue((0..<10).map { "a\($0)@example.com" })
                try await RunningEngine.with(fixture, live: channel(fixture)) { running in await running.settled(10) }
                #expect(Set(taken(server)).count == 10)
                for id in ids { #expect(try await fixture.message(id).attempts == 1) }
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func withoutARelayMessagesWaitUntilThereIsOne(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            try await FakeSMTPServer.withServer { server in
                let id = try await fixture.queue(["a@example.com"])[0]
                try await RunningEngine.with(fixture, live: channel(fixture)) { running in
                    await running.settled(1)
                    #expect(try await fixture.queueRows().map(\.waitReason) == ["no_relay"])
                    #expect(try await fixture.message(id).status == .queued)
                    try await setRelays(fixture, [server.port])
                    try await untilSettled(fixture, running)
                }
                #expect(try await fixture.message(id).status == .sent)
                #expect(try await fixture.message(id).attempts == 1)
            }
        }
    }

    /// A changed relay takes effect for the next message, and connections to the old one are given up.
    @Test(arguments: TestEngine.allCases)
    func changedSettingsMoveToTheNewRelay(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            try await FakeSMTPServer.withServer { first in
                try await FakeSMTPServer.withServer { second in
                    try await setRelays(fixture, [first.port])
                    try await RunningEngine.with(fixture, live: channel(fixture)) { running in
                        try await fixture.queue(["a@example.com"])
                        await running.settled(1)
                        try await setRelays(fixture, [second.port])
                        fixture.clock.advance(by: .seconds(1))
                        try await fixture.queue(["b@example.com"])
                        await running.settled(1)
                        #expect(first.messages.count == 1)
                        #expect(second.messages.count == 1)
                        await first.wait { $0.open == 0 }
                    }
                }
            }
        }
    }

    /// The relay refuses, drops and is away at first: every message arrives, or fails by its own fault; none comes twice.
    @Test(arguments: TestEngine.allCases)
    func thousandMessagesThroughAHostileRelay(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let options = script { event in
                switch event.kind {
                case .recipient:
                    if event.line.contains("hard") { return .reply("550 5.1.1 No such user") }
                    return event.occurrence.isMultiple(of: 10) ? .reply("451 4.3.0 Try later") : nil
                case .contentStarted, .data: return event.occurrence.isMultiple(of: 97) ? .close : nil
                default: return nil
                }
            }
            let away = try await FakeSMTPServer.withServer { $0.port }
            try await setRelays(fixture, [away], connections: 10)
            try await FakeSMTPServer.withServer(options) { server in
                try await RunningEngine.with(fixture, live: channel(fixture)) { running in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for client in 0..<20 {
                            group.addTask {
                                for number in 0..<50 {
                                    let name = number == 7 ? "hard" : "good"
                                    try await fixture.queue(["\(name)-\(client)-\(number)@example.com"])
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                    try await setRelays(fixture, [server.port], connections: 10)
                    fixture.clock.advance(by: .seconds(1))
                    try await untilSettled(fixture, running)
                }
                let statuses = try await fixture.database.read { db in
                    try db.query(
                        Statement("SELECT status, COUNT(*) FROM messages GROUP BY status ORDER BY status")
                    ) { "\($0.text(0)) \($0.int(1))" }
                }
                #expect(statuses == ["failed 20", "sent 980"])
                let ids = taken(server)
                #expect(ids.count == 980)
                #expect(Set(ids).count == 980)
            }
        }
    }
}
