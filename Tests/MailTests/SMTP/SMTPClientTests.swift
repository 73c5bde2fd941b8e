import Logging
import MinimoTesting
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Mail

/// The client against a server on the loopback: one test for each kind of result.
@Suite(.timeLimit(.minutes(5))) struct SMTPClientTests {
    static let content = ByteBuffer(string: "Subject: x\r\n\r\nHello\r\n.dot\r\n")

    static func envelope(_ recipients: String...) throws -> SMTPEnvelope {
        SMTPEnvelope(
            sender: try EmailAddress(parsing: "bounce@acme.example"),
            recipients: try recipients.map { try EmailAddress(parsing: $0) })
    }

    static func configuration(
        _ server: FakeSMTPServer, _ change: (inout SMTPRelayConfiguration) -> Void = { _ in }
    ) -> SMTPRelayConfiguration {
        var configuration = SMTPRelayConfiguration(host: "127.0.0.1", port: server.port, security: .none)
        configuration.timeouts.quit = .milliseconds(100)
        change(&configuration)
        return configuration
    }

    /// Runs the body with a client and shuts it down.
    static func withClient<Value>(
        _ configuration: SMTPRelayConfiguration, clock: @escaping @Sendable () -> NIODeadline = { .now() },
        body: (SMTPClient) async throws -> Value
    ) async throws -> Value {
        let logger = Logger(label: "mail-tests") { _ in SwiftLogNoOpLogHandler() }
        let client = SMTPClient(
            configuration: configuration, group: MultiThreadedEventLoopGroup.singleton, logger: logger, clock: clock)
        do {
            let value = try await body(client)
            await client.shutdown()
            return value
        } catch {
            await client.shutdown()
            throw error
        }
    }

    static func options(_ script: @escaping @Sendable (FakeSMTPServer.Event) -> FakeSMTPServer.Action?)
        -> FakeSMTPServer.Options
    {
        var options = FakeSMTPServer.Options()
        options.script = script
        return options
    }

    /// One message to a server that follows a script.
    static func send(
        _ script: @escaping @Sendable (FakeSMTPServer.Event) -> FakeSMTPServer.Action?,
        change: (inout SMTPRelayConfiguration) -> Void = { _ in },
        beforeFinalDot: @escaping @Sendable () async throws -> Void = {}
    ) async throws -> (result: SMTPResult, log: FakeSMTPServer.Log) {
        try await FakeSMTPServer.withServer(options(script)) { server in
            let result = try await withClient(configuration(server, change)) { client in
                await client.send(try envelope("jane@example.com"), content: content, beforeFinalDot: beforeFinalDot)
            }
            // The end of the connection comes after everything else.
            await server.wait { $0.open == 0 }
            return (result, server.log)
        }
    }

    // MARK: accepted

    @Test func acceptedAndReused() async throws {
        try await FakeSMTPServer.withServer { server in
            try await Self.withClient(Self.configuration(server)) { client in
                for _ in 0..<3 {
                    let result = await client.send(
                        try Self.envelope("jane@example.com", "bücher@bücher.example"), content: Self.content
                    ) {}
                    #expect(
                        result == .accepted(SMTPReply(code: 250, enhanced: EnhancedStatusCode(2, 0, 0), text: "Queued"))
                    )
                }
                #expect(client.connectionsInUse == 0)
                #expect(client.connectionsOpen == 1)
            }
            await server.wait { $0.open == 0 }
            let log = server.log
            #expect(log.connections == 1)
            #expect(log.messages.count == 3)
            let message = try #require(log.messages.first)
            #expect(message.mail == "<bounce@acme.example> SIZE=27 BODY=8BITMIME SMTPUTF8")
            #expect(message.recipients == ["<jane@example.com>", "<bücher@xn--bcher-kva.example>"])
            #expect(message.content == Array(Self.content.readableBytesView))
            #expect(log.lines.first?.text == "EHLO [127.0.0.1]")
            #expect(log.lines.last?.text == "QUIT")
            #expect(!log.lines.contains { $0.text == "RSET" })
        }
    }

    @Test func withoutExtensionsAndEHLO() async throws {
        let (result, log) = try await Self.send { event in
            event.kind == .ehlo ? .reply("502 5.5.1 What?") : nil
        }
        #expect(result == .accepted(SMTPReply(code: 250, enhanced: EnhancedStatusCode(2, 0, 0), text: "Queued")))
        #expect(
            log.lines.map(\.text).prefix(5) == [
                "EHLO [127.0.0.1]", "HELO [127.0.0.1]", "MAIL FROM:<bounce@acme.example>", "RCPT TO:<jane@example.com>",
                "DATA",
            ])
        #expect(log.messages.map(\.content) == [Array(Self.content.readableBytesView)])
    }

    @Test func largeMessage() async throws {
        let line = ".\(String(repeating: "x", count: 60))\r\n"
        let content = ByteBuffer(string: "Subject: x\r\n\r\n" + String(repeating: line, count: 6_000))
        try await FakeSMTPServer.withServer { server in
            try await Self.withClient(Self.configuration(server)) { client in
                let result = await client.send(try Self.envelope("jane@example.com"), content: content) {}
                guard case .accepted = result else {
                    Issue.record("\(result)")
                    return
                }
            }
            #expect(server.messages.map(\.content) == [Array(content.readableBytesView)])
        }
    }

    @Test func partlyAccepted() async throws {
        let script: @Sendable (FakeSMTPServer.Event) -> FakeSMTPServer.Action? = { event in
            event.kind == .recipient && event.line.contains("nobody") ? .reply("550 5.1.1 Nobody") : nil
        }
        try await FakeSMTPServer.withServer(Self.options(script)) { server in
            try await Self.withClient(Self.configuration(server)) { client in
                let envelope = try Self.envelope("nobody@example.com", "jane@example.com")
                let reply = SMTPReply(code: 550, enhanced: EnhancedStatusCode(5, 1, 1), text: "Nobody")
                let result = await client.send(envelope, content: Self.content) {}
                #expect(
                    result
                        == .partiallyAccepted(
                            SMTPReply(code: 250, enhanced: EnhancedStatusCode(2, 0, 0), text: "Queued"),
                            refused: [SMTPRecipientRefusal(recipient: envelope.recipients[0], reply: reply)]))
            }
            #expect(server.messages.map(\.recipients) == [["<jane@example.com>"]])
        }
    }

    // MARK: refused

    /// The second attempt reaches both, and nobody twice.
    @Test(arguments: [true, false])
    func aDeferredRecipientHoldsTheMessageBack(_ isPipelined: Bool) async throws {
        var options = Self.options { event in
            event.kind == .recipient && event.occurrence == 1 ? .reply("450 4.2.0 Greylisted") : nil
        }
        if !isPipelined { options.extensions = [] }
        try await FakeSMTPServer.withServer(options) { server in
            try await Self.withClient(Self.configuration(server)) { client in
                let envelope = try Self.envelope("jane@example.com", "john@example.com")
                let reply = SMTPReply(code: 450, enhanced: EnhancedStatusCode(4, 2, 0), text: "Greylisted")
                let refusal = SMTPRecipientRefusal(recipient: envelope.recipients[0], reply: reply)
                let first = await client.send(envelope, content: Self.content) {}
                #expect(first == .refused(stage: .recipient, reply: reply, perRecipient: [refusal]))
                #expect(server.messages.isEmpty)
                let second = await client.send(envelope, content: Self.content) {}
                guard case .accepted = second else {
                    Issue.record("\(second)")
                    return
                }
            }
            #expect(server.messages.map(\.recipients) == [["<jane@example.com>", "<john@example.com>"]])
            #expect(server.log.counts[.message] == 1)
            #expect(server.log.connections == (isPipelined ? 2 : 1))
        }
    }

    @Test(
        arguments: [
            (.mail, "451 4.7.1 Later", .mailFrom), (.recipient, "550 5.1.1 Nobody", .recipient),
            (.data, "452 4.3.1 Full", .data),
            (.message, "554 5.7.1 Spam", .content),
        ] as [(FakeSMTPServer.Event.Kind, String, SMTPStage)])
    func refusedAndTheConnectionIsUsedAgain(_ kind: FakeSMTPServer.Event.Kind, _ text: String, _ stage: SMTPStage)
        async throws
    {
        let script: @Sendable (FakeSMTPServer.Event) -> FakeSMTPServer.Action? = { event in
            event.kind == kind && event.occurrence == 1 ? .reply(text) : nil
        }
        try await FakeSMTPServer.withServer(Self.options(script)) { server in
            try await Self.withClient(Self.configuration(server)) { client in
                let result = await client.send(try Self.envelope("jane@example.com"), content: Self.content) {}
                guard case .refused(stage, let reply, _) = result else {
                    Issue.record("\(result)")
                    return
                }
                #expect(reply.code == Int(text.prefix(3)))
                let second = await client.send(try Self.envelope("jane@example.com"), content: Self.content) {}
                guard case .accepted = second else {
                    Issue.record("\(second)")
                    return
                }
            }
            #expect(server.log.connections == 1)
            #expect(server.messages.count == 1)
            #expect(server.log.lines.contains { $0.text == "RSET" } == (kind == .recipient || kind == .data))
        }
    }

    @Test func refusedLocally() async throws {
        var options = FakeSMTPServer.Options()
        options.extensions = ["PIPELINING", "SIZE 20"]
        try await FakeSMTPServer.withServer(options) { server in
            try await Self.withClient(Self.configuration(server)) { client in
                let large = await client.send(try Self.envelope("jane@example.com"), content: Self.content) {}
                guard case .refused(.mailFrom, let reply, _) = large else {
                    Issue.record("\(large)")
                    return
                }
                #expect(reply.enhanced == EnhancedStatusCode(5, 3, 4))
                let smuggled = await client.send(
                    try Self.envelope("jane@example.com"), content: ByteBuffer(string: "a\n.\nMAIL FROM:<x>\r\n")
                ) {}
                guard case .refused(.content, let defect, _) = smuggled else {
                    Issue.record("\(smuggled)")
                    return
                }
                #expect(defect.isLocal)
                let nobody = await client.send(SMTPEnvelope(sender: nil, recipients: []), content: Self.content) {}
                #expect(nobody == .unavailable(reason: SMTPUnavailability(.noRecipients)))
            }
            await server.wait { $0.open == 0 }
            #expect(server.log.lines.map(\.text) == ["EHLO [127.0.0.1]", "QUIT"])
        }
    }

    // MARK: unavailable

    @Test(
        arguments: [
            (.connected, .reply("554 5.3.2 No service"), .greeting), (.connected, .close, .connectionLost),
            (.connected, .reply("SSH-2.0-x"), .protocolViolation), (.ehlo, .reply("421 4.3.2 Bye"), .hello),
            (.mail, .close, .connectionLost),
            (.recipient, .close, .connectionLost), (.data, .close, .connectionLost),
            (.mail, .reply("what"), .protocolViolation),
            (.data, .reply("250 Ok"), .protocolViolation),
        ] as [(FakeSMTPServer.Event.Kind, FakeSMTPServer.Action, SMTPUnavailability.Code)])
    func unavailable(
        _ kind: FakeSMTPServer.Event.Kind, _ action: FakeSMTPServer.Action, _ code: SMTPUnavailability.Code
    ) async throws {
        let (result, log) = try await Self.send { $0.kind == kind ? action : nil }
        guard case .unavailable(let reason) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(reason.code == code)
        #expect(log.messages.isEmpty)
    }

    @Test(arguments: [FakeSMTPServer.Event.Kind.connected, .ehlo, .mail, .recipient, .data])
    func stalls(_ kind: FakeSMTPServer.Event.Kind) async throws {
        let (result, _) = try await Self.send({ $0.kind == kind ? .stall : nil }) {
            $0.timeouts.greeting = .milliseconds(30)
            $0.timeouts.command = .milliseconds(30)
            $0.timeouts.mail = .milliseconds(30)
            $0.timeouts.recipient = .milliseconds(30)
            $0.timeouts.data = .milliseconds(30)
        }
        guard case .unavailable(let reason) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(reason.code == .timeout)
    }

    @Test func refusedConnectionsPauseTheClient() async throws {
        let configuration = try await FakeSMTPServer.withServer { Self.configuration($0) }
        let now = Mutex(NIODeadline.uptimeNanoseconds(1_000_000_000))
        let expected = SMTPResult.unavailable(reason: SMTPUnavailability(.connect, retryAfter: .milliseconds(500)))
        try await Self.withClient(configuration, clock: { now.withLock { $0 } }) { client in
            let envelope = try Self.envelope("jane@example.com")
            #expect(await client.send(envelope, content: Self.content, beforeFinalDot: {}) == expected)
            // Many messages do not wait for many attempts.
            let results = await withTaskGroup(of: SMTPResult.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        await client.send(envelope, content: Self.content) { Issue.record("nothing to intend") }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results == Array(repeating: expected, count: 100))
            now.withLock { $0 = $0 + .milliseconds(500) }
            let again = SMTPResult.unavailable(reason: SMTPUnavailability(.connect, retryAfter: .milliseconds(1_000)))
            #expect(await client.send(envelope, content: Self.content, beforeFinalDot: {}) == again)
        }
    }

    @Test func refusedIntentClosesWithoutTheDot() async throws {
        struct Refusal: Error {}
        let (result, log) = try await Self.send({ _ in nil }) { _ in
        } beforeFinalDot: {
            throw Refusal()
        }
        #expect(result == .unavailable(reason: SMTPUnavailability(.intentRefused)))
        #expect(log.messages.isEmpty)
        #expect(log.counts[.contentStarted] == nil)
        #expect(log.counts[.message] == nil)
    }

    /// A large message: all but the last chunk goes out before the intent is durable, and the server drops the connection meanwhile.
    @Test func droppedInTheContent() async throws {
        let content = ByteBuffer(string: String(repeating: String(repeating: "x", count: 70) + "\r\n", count: 3_000))
        try await FakeSMTPServer.withServer(Self.options { $0.kind == .contentStarted ? .close : nil }) { server in
            try await Self.withClient(Self.configuration(server)) { client in
                let result = await client.send(try Self.envelope("jane@example.com"), content: content) {
                    await server.wait { $0.open == 0 && $0.counts[.contentStarted] == 1 }
                    // Until the client has seen it too: a dot handed over before that would be unconfirmed.
                    while client.connectionsInUse > 0 { await Task.yield() }
                }
                #expect(result == .unavailable(reason: SMTPUnavailability(.connectionLost)))
            }
            #expect(server.messages.isEmpty)
        }
    }

    // MARK: unconfirmed

    @Test func droppedAfterTheDot() async throws {
        let (result, log) = try await Self.send { $0.kind == .message ? .close : nil }
        #expect(result == .unconfirmed(reason: SMTPUnavailability(.connectionLost)))
        #expect(log.counts[.message] == 1)
    }

    @Test func silentAfterTheDot() async throws {
        try await FakeSMTPServer.withServer(Self.options { $0.kind == .message ? .stall : nil }) { server in
            let configuration = Self.configuration(server) { $0.timeouts.finalReply = .milliseconds(30) }
            try await Self.withClient(configuration) { client in
                let result = await client.send(try Self.envelope("jane@example.com"), content: Self.content) {}
                #expect(result == .unconfirmed(reason: SMTPUnavailability(.timeout)))
            }
            // The whole message had been handed over.
            await server.wait { $0.counts[.message] == 1 }
        }
    }

    // MARK: the intent

    @Test func nothingOfTheLastChunkGoesOutBeforeTheIntent() async throws {
        try await FakeSMTPServer.withServer { server in
            try await Self.withClient(Self.configuration(server)) { client in
                let envelope = try Self.envelope("jane@example.com")
                let result = await client.send(envelope, content: Self.content) {
                    // The transaction goes on meanwhile, up to the content and not into it; another one has all the time it needs.
                    await server.wait { $0.counts[.data] == 1 }
                    for _ in 0..<3 {
                        let other = await client.send(envelope, content: Self.content) {}
                        guard case .accepted = other else {
                            Issue.record("\(other)")
                            return
                        }
                    }
                    #expect(server.messages.map(\.connection) == [2, 2, 2])
                }
                guard case .accepted = result else {
                    Issue.record("\(result)")
                    return
                }
            }
            #expect(server.messages.map(\.connection) == [2, 2, 2, 1])
        }
    }

    // MARK: stale connections

    @Test func aDeadPooledConnectionIsReplacedOnceAndTheIntentIsNotRepeated() async throws {
        let script: @Sendable (FakeSMTPServer.Event) -> FakeSMTPServer.Action? = { event in
            event.kind == .mail && event.occurrence == 2 ? .replyAndClose("421 4.4.2 Timeout") : nil
        }
        try await FakeSMTPServer.withServer(Self.options(script)) { server in
            try await Self.withClient(Self.configuration(server)) { client in
                let intents = Mutex(0)
                for _ in 0..<2 {
                    let result = await client.send(try Self.envelope("jane@example.com"), content: Self.content) {
                        intents.withLock { $0 += 1 }
                    }
                    guard case .accepted = result else {
                        Issue.record("\(result)")
                        return
                    }
                }
                #expect(intents.withLock { $0 } == 2)
            }
            #expect(server.log.connections == 2)
            #expect(server.messages.map(\.connection) == [1, 2])
        }
    }

    @Test func aDroppedIdleConnectionIsNoticed() async throws {
        try await FakeSMTPServer.withServer { server in
            try await Self.withClient(Self.configuration(server)) { client in
                for _ in 0..<3 {
                    let result = await client.send(try Self.envelope("jane@example.com"), content: Self.content) {}
                    guard case .accepted = result else {
                        Issue.record("\(result)")
                        return
                    }
                    await server.dropConnections()
                }
            }
            #expect(server.messages.count == 3)
            #expect(server.log.connections == 3)
        }
    }

    @Test func idleConnectionsAreClosed() async throws {
        try await FakeSMTPServer.withServer { server in
            try await Self.withClient(Self.configuration(server) { $0.timeouts.idle = .milliseconds(20) }) { client in
                let result = await client.send(try Self.envelope("jane@example.com"), content: Self.content) {}
                guard case .accepted = result else {
                    Issue.record("\(result)")
                    return
                }
                await server.wait { $0.counts[.quit] == 1 && $0.open == 0 }
                #expect(client.connectionsOpen == 0)
            }
        }
    }

    // MARK: many at a time

    @Test func connectionsAreBoundedAndShared() async throws {
        try await FakeSMTPServer.withServer { server in
            try await Self.withClient(Self.configuration(server) { $0.maximumConnections = 4 }) { client in
                let envelope = try Self.envelope("jane@example.com")
                let accepted = await withTaskGroup(of: SMTPResult.self) { group in
                    for _ in 0..<300 {
                        group.addTask { await client.send(envelope, content: Self.content) { await Task.yield() } }
                    }
                    return await group.reduce(into: 0) { count, result in
                        if case .accepted = result { count += 1 }
                    }
                }
                #expect(accepted == 300)
                #expect(client.connectionsInUse == 0)
            }
            #expect(server.messages.count == 300)
            #expect(server.log.connections <= 4)
        }
    }

    // MARK: cancellation and shutdown

    @Test func cancelledBeforeTheDot() async throws {
        try await FakeSMTPServer.withServer { server in
            try await Self.withClient(Self.configuration(server)) { client in
                let envelope = try Self.envelope("jane@example.com")
                let result = await withTaskGroup(of: SMTPResult?.self) { group in
                    group.addTask {
                        await client.send(envelope, content: Self.content) {
                            try await Task.sleep(for: .seconds(600))
                        }
                    }
                    await server.wait { $0.counts[.data] == 1 }
                    group.cancelAll()
                    return await group.next() ?? nil
                }
                #expect(result == .unavailable(reason: SMTPUnavailability(.cancelled)))
                await server.wait { $0.open == 0 }
            }
            #expect(server.messages.isEmpty)
        }
    }

    @Test func cancelledAfterTheDotStillHearsTheReply() async throws {
        try await FakeSMTPServer.withServer(Self.options { $0.kind == .message ? .stall : nil }) { server in
            try await Self.withClient(Self.configuration(server)) { client in
                let envelope = try Self.envelope("jane@example.com")
                let result = await withTaskGroup(of: SMTPResult?.self) { group in
                    group.addTask { await client.send(envelope, content: Self.content) {} }
                    await server.wait { $0.counts[.message] == 1 }
                    group.cancelAll()
                    server.answerStalled("250 2.0.0 Late")
                    return await group.next() ?? nil
                }
                #expect(result == .accepted(SMTPReply(code: 250, enhanced: EnhancedStatusCode(2, 0, 0), text: "Late")))
            }
            #expect(server.messages.count == 1)
        }
    }

    @Test func cancelledWhileWaitingForAConnection() async throws {
        try await FakeSMTPServer.withServer(Self.options { $0.kind == .message && $0.occurrence == 1 ? .stall : nil }) {
            server in
            try await Self.withClient(Self.configuration(server) { $0.maximumConnections = 1 }) { client in
                let envelope = try Self.envelope("jane@example.com")
                async let first = client.send(envelope, content: Self.content) {}
                await server.wait { $0.counts[.message] == 1 }
                let second = await withTaskGroup(of: SMTPResult?.self) { group in
                    group.addTask {
                        await client.send(envelope, content: Self.content) { Issue.record("there is no connection") }
                    }
                    group.cancelAll()
                    return await group.next() ?? nil
                }
                #expect(second == .unavailable(reason: SMTPUnavailability(.cancelled)))
                server.answerStalled("250 Ok")
                guard case .accepted = await first else {
                    Issue.record("not accepted")
                    return
                }
            }
        }
    }

    @Test func shutdownLetsWhatIsUnderWayFinish() async throws {
        try await FakeSMTPServer.withServer(Self.options { $0.kind == .message ? .stall : nil }) { server in
            try await Self.withClient(Self.configuration(server)) { client in
                let envelope = try Self.envelope("jane@example.com")
                async let sending = client.send(envelope, content: Self.content) {}
                await server.wait { $0.counts[.message] == 1 }
                async let stopping: Void = client.shutdown()
                server.answerStalled("250 2.0.0 Done")
                #expect(
                    await sending
                        == .accepted(SMTPReply(code: 250, enhanced: EnhancedStatusCode(2, 0, 0), text: "Done")))
                await stopping
                #expect(
                    await client.send(envelope, content: Self.content) {}
                        == .unavailable(reason: SMTPUnavailability(.shutDown)))
            }
        }
    }

    @Test func forcedShutdownDoesNotLie() async throws {
        try await FakeSMTPServer.withServer(Self.options { $0.kind == .message ? .stall : nil }) { server in
            try await Self.withClient(Self.configuration(server)) { client in
                let envelope = try Self.envelope("jane@example.com")
                async let sending = client.send(envelope, content: Self.content) {}
                await server.wait { $0.counts[.message] == 1 }
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await client.shutdown() }
                    group.cancelAll()
                }
                #expect(await sending == .unconfirmed(reason: SMTPUnavailability(.shutDown)))
            }
        }
    }
}
