import MinimoCore
import MinimoDelivery
import MinimoTesting
import NIOPosix
import SQLDatabase
import Testing
import Wire

/// An engine that is broken off again and again, as by a crash: nothing it has in memory is written any more.
@Suite(.timeLimit(.minutes(1))) struct CrashTests {
    private static let connections = 4
    private static let settings = EmailChannelStore(secrets: SecretBox(key: [UInt8](repeating: 7, count: 32)))

    /// Runs an engine until the relay has taken so many messages, then breaks it off.
    private func crash(_ fixture: DeliveryFixture, _ server: FakeSMTPServer, after count: Int) async {
        let engine = engine(fixture)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await engine.run() }
            await server.wait { $0.messages.count >= count }
            group.cancelAll()
        }
    }

    private func engine(_ fixture: DeliveryFixture) -> DeliveryEngine {
        let channel = EmailDeliveryChannel(
            database: fixture.database, settings: Self.settings, renderer: MessageRenderer(),
            group: MultiThreadedEventLoopGroup.singleton, clock: fixture.clock, logger: fixture.logger)
        return DeliveryEngine(
            database: fixture.database, channels: [.email: channel], sandboxes: [:], signal: fixture.signal,
            configuration: DeliveryConfiguration(slots: 32, isExclusive: true), clock: fixture.clock,
            logger: fixture.logger)
    }

    private func unconfirmedAttempts(_ fixture: DeliveryFixture) async throws -> [Int64] {
        try await fixture.database.read { db in
            try db.query(
                Statement("SELECT message_id FROM delivery_attempts WHERE outcome = 'unconfirmed' ORDER BY message_id")
            ) { $0.int(0) }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func nothingIsLostAndNothingIsRepeatedUnnamed(_ engine: TestEngine) async throws {
        try await DeliveryFixture.with(engine) { fixture in
            try await FakeSMTPServer.withServer { server in
                let (workspaceID, now, port) = (fixture.live.id, fixture.clock.now(), server.port)
                try await fixture.database.write { db in
                    try Self.settings.set(
                        db, workspaceID: workspaceID, relayURLs: ["smtp://127.0.0.1:\(port)?tls=none"],
                        connections: Self.connections, defaultFrom: "hello@acme.example", now: now)
                }
                let urgent = try await fixture.queue((0..<200).map { "a\($0)@example.com" })
                let campaign = try await fixture.queue((0..<200).map { "b\($0)@example.com" }, category: .marketing)
                for round in 1...6 {
                    await crash(fixture, server, after: round * 50)
                }
                // One more start rescues what the last crash left; then everything ends.
                let channel = EmailDeliveryChannel(
                    database: fixture.database, settings: Self.settings, renderer: MessageRenderer(),
                    group: MultiThreadedEventLoopGroup.singleton, clock: fixture.clock, logger: fixture.logger)
                try await RunningEngine.with(
                    fixture, live: channel, configuration: DeliveryConfiguration(slots: 32, isExclusive: true)
                ) { running in
                    while try await !fixture.queueRows().isEmpty {
                        let statistics = running.engine.statistics
                        if statistics.handingOff + statistics.settling == 0 { fixture.clock.advance(by: .seconds(1)) }
                        fixture.signal.signal()
                        await running.next()
                    }
                }
                let unconfirmed = try await unconfirmedAttempts(fixture)
                #expect(unconfirmed.count <= 6 * Self.connections)
                var copies: [String: Int] = [:]
                for message in server.messages {
                    let lines = String(decoding: message.content, as: UTF8.self).split(separator: "\r\n")
                    let header = try #require(lines.first { $0.hasPrefix("Message-ID: <") })
                    copies[String(header.dropFirst(13).dropLast()), default: 0] += 1
                }
                for id in urgent + campaign {
                    let message = try await fixture.message(id)
                    let count = copies[message.headerMessageID, default: 0]
                    switch message.status {
                    case .sent: #expect(count == 1 || (count == 2 && unconfirmed.contains(id)), "\(id)")
                    case .unconfirmed: #expect(unconfirmed.contains(id) && count <= 1, "\(id)")
                    default: Issue.record("\(id) ended as \(message.status)")
                    }
                }
            }
        }
    }
}
