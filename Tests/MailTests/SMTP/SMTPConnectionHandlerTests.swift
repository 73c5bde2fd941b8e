import MinimoTesting
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Mail

/// The handler on a channel of its own, with a delegate that writes down what it is told.
@Suite(.timeLimit(.minutes(1))) struct SMTPConnectionHandlerTests {
    final class Recorder: SMTPConnectionDelegate {
        let events = Mutex<[String]>([])

        private func record(_ event: String) { events.withLock { $0.append(event) } }

        func connectionEstablished(_ id: Int) { record("established") }
        func connectionFailed(_ id: Int, _ reason: SMTPUnavailability) { record("failed: \(reason)") }
        func connectionReleased(_ id: Int) { record("released") }
        func connectionClosed(_ id: Int) { record("closed") }
        /// Somebody has it the first time.
        func connectionMayClose(_ id: Int) -> Bool {
            events.withLock { events in
                events.append("may close")
                return events.count { $0 == "may close" } > 1
            }
        }
    }

    /// Fails every write that holds a final dot, as a connection does that is reset before it has taken it.
    final class LosingHandler: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            let buffer = unwrapOutboundIn(data)
            guard String(buffer: buffer).hasSuffix("\r\n.\r\n") else { return context.write(data, promise: promise) }
            promise?.fail(ChannelError.ioOnClosedChannel)
        }
    }

    private func connect(
        _ server: FakeSMTPServer, _ recorder: Recorder, isLosing: Bool = false,
        change: (inout SMTPRelayConfiguration) -> Void = { _ in }
    ) async throws -> any Channel {
        let settings = SMTPSessionSettings(configuration: SMTPClientTests.configuration(server, change), tls: nil)
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if isLosing { try channel.pipeline.syncOperations.addHandler(LosingHandler()) }
                    try channel.pipeline.syncOperations.addHandler(
                        SMTPConnectionHandler(id: 1, settings: settings, delegate: recorder))
                }
            }
            .connect(host: "127.0.0.1", port: server.port).get()
    }

    private func adopt(_ channel: any Channel) async throws -> SMTPConnection {
        try await channel.eventLoop.submit {
            let handler = try channel.pipeline.syncOperations.handler(type: SMTPConnectionHandler.self)
            handler.adopt()
            return SMTPConnection(id: 1, handler: handler, eventLoop: channel.eventLoop)
        }.get()
    }

    /// The socket of an address that lost the race has no say.
    @Test func aHandlerThatNobodyAdoptedIsSilent() async throws {
        try await FakeSMTPServer.withServer { server in
            let recorder = Recorder()
            let channel = try await connect(server, recorder)
            await server.wait { $0.connections == 1 }
            try await channel.close()
            await server.wait { $0.open == 0 }
            #expect(recorder.events.withLock { $0 } == [])
            #expect(server.log.lines.isEmpty)
        }
    }

    @Test func anIdleConnectionIsAskedAgain() async throws {
        try await FakeSMTPServer.withServer { server in
            let recorder = Recorder()
            let channel = try await connect(server, recorder) { $0.timeouts.idle = .milliseconds(20) }
            _ = try await adopt(channel)
            try await channel.closeFuture.get()
            await server.wait { $0.open == 0 }
            #expect(
                recorder.events.withLock { $0 }.prefix(3) == ["established", "may close", "may close"])
            #expect(server.log.lines.map(\.text) == ["EHLO [127.0.0.1]", "QUIT"])
        }
    }

    @Test func aDotThatTheConnectionDidNotTakeIsNotUnconfirmed() async throws {
        try await FakeSMTPServer.withServer { server in
            let recorder = Recorder()
            let channel = try await connect(server, recorder, isLosing: true)
            let connection = try await adopt(channel)
            await server.wait { log in log.lines.contains { $0.text.hasPrefix("EHLO") } }
            while recorder.events.withLock({ $0.isEmpty }) { await Task.yield() }
            let exchange = SMTPExchange(
                envelope: try SMTPClientTests.envelope("jane@example.com"),
                content: try SMTPContent.prepare(SMTPClientTests.content).get(), isReleased: true)
            connection.begin(exchange, isReused: false)
            #expect(
                await exchange.outcome() == .result(.unavailable(reason: SMTPUnavailability(.connectionLost))))
            await server.wait { $0.open == 0 }
            #expect(server.messages.isEmpty)
        }
    }
}
