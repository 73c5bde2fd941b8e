import MinimoCore
import MinimoDelivery
import MinimoTesting
import NIOPosix
import SQLDatabase
import Synchronization
import Testing
import Wire

/// Several relays, and the lines that hand-offs have with them.
@Suite(.timeLimit(.minutes(1))) struct EmailRelayTests {
    private static let settings = EmailChannelStore(secrets: SecretBox(key: [UInt8](repeating: 7, count: 32)))

    private func setRelays(_ fixture: DeliveryFixture, _ ports: [Int], connections: Int = 1) async throws {
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

    /// A server that says nothing more at the first message it is offered.
    private func stalling() -> FakeSMTPServer.Options {
        var options = FakeSMTPServer.Options()
        options.script = { event in event.kind == .mail && event.occurrence == 1 ? .stall : nil }
        return options
    }

    private func small() -> FakeSMTPServer.Options {
        var options = FakeSMTPServer.Options()
        options.extensions = ["PIPELINING", "8BITMIME", "SIZE 64"]
        return options
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

    @Test(arguments: TestEngine.allCases)
    func aRelayThatStandsThereTwiceDoesNotWaitForItself(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            let away = try await FakeSMTPServer.withServer { $0.port }
            try await setRelays(fixture, [away, away])
            try await fixture.queue(["a@example.com"])
            try await RunningEngine.with(fixture, live: channel(fixture)) { running in await running.settled(1) }
            #expect(try await fixture.queueRows().map(\.waitReason) == ["relay_unavailable"])
        }
    }

    /// Each of two hand-offs has the only line of the relay that the other one needs next.
    @Test(arguments: TestEngine.allCases)
    func relaysInAnotherOrderDoNotBlockEachOther(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            try await FakeSMTPServer.withServer(stalling()) { first in
                try await FakeSMTPServer.withServer(stalling()) { second in
                    try await setRelays(fixture, [first.port, second.port])
                    let forward = try await fixture.queue(["a@example.com"])[0]
                    try await RunningEngine.with(fixture, live: channel(fixture)) { running in
                        await first.wait { $0.counts[.mail] == 1 }
                        try await setRelays(fixture, [second.port, first.port])
                        fixture.clock.advance(by: .seconds(1))
                        let backward = try await fixture.queue(["b@example.com"])[0]
                        await second.wait { $0.counts[.mail] == 1 }
                        await first.dropConnections()
                        await second.dropConnections()
                        try await untilSettled(fixture, running)
                        #expect(try await fixture.message(forward).status == .sent)
                        #expect(try await fixture.message(backward).status == .sent)
                    }
                    #expect(first.messages.count + second.messages.count == 2)
                }
            }
        }
    }

    /// A message is composed when it has a line: one that cannot be composed is told so only then.
    @Test(arguments: TestEngine.allCases)
    func theLineComesBeforeTheContent(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            try await FakeSMTPServer.withServer(stalling()) { server in
                try await setRelays(fixture, [server.port])
                let good = try await fixture.queue(["a@example.com"])[0]
                try await RunningEngine.with(fixture, live: channel(fixture)) { running in
                    await server.wait { $0.counts[.mail] == 1 }
                    let bad = try await fixture.queue(["nobody"])[0]
                    while running.engine.statistics.leased < 2 { await running.idle() }
                    server.answerStalled("250 2.1.0 Ok")
                    #expect(await running.settled(2) == [good, bad])
                    #expect(try await fixture.message(good).status == .sent)
                    #expect(try await fixture.message(bad).failure?.code == "render_failed")
                }
            }
        }
    }

    /// What one relay cannot take, the next one is asked to.
    @Test(arguments: TestEngine.allCases)
    func aRelayThatTakesMoreGetsWhatIsTooLargeForTheFirst(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            try await FakeSMTPServer.withServer(small()) { limited in
                try await FakeSMTPServer.withServer { server in
                    try await setRelays(fixture, [limited.port, server.port])
                    let id = try await fixture.queue(["a@example.com"])[0]
                    try await RunningEngine.with(fixture, live: channel(fixture)) { running in
                        await running.settled(1)
                    }
                    #expect(try await fixture.message(id).status == .sent)
                    #expect(try await fixture.message(id).attempts == 1)
                    #expect(limited.messages.isEmpty)
                    #expect(server.messages.map(\.recipients) == [["<a@example.com>"]])
                }
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func whatIsTooLargeForAllRelaysFails(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            try await FakeSMTPServer.withServer(small()) { first in
                try await FakeSMTPServer.withServer(small()) { second in
                    try await setRelays(fixture, [first.port, second.port])
                    let id = try await fixture.queue(["a@example.com"])[0]
                    try await RunningEngine.with(fixture, live: channel(fixture)) { running in
                        await running.settled(1)
                    }
                    let message = try await fixture.message(id)
                    #expect(message.status == .failed)
                    #expect(message.failure?.permanent == true)
                    #expect(second.log.connections == 1)
                }
            }
        }
    }
}
