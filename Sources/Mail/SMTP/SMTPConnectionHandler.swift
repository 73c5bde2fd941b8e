import NIOCore
import NIOSSL
import NIOTLS

/// Drives an `SMTPStateMachine` from the events of a channel. Lives on the channel's event loop.
///
/// It says and tells nothing until it is adopted: of several addresses tried at the same time, only one becomes the connection.
final class SMTPConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let id: Int
    private let settings: SMTPSessionSettings
    private let delegate: any SMTPConnectionDelegate
    private var machine: SMTPStateMachine
    private var decoder = SMTPReplyDecoder()
    private var inbound = ByteBuffer()
    private var outbound = ByteBuffer()
    private var context: ChannelHandlerContext?
    /// Until it is, a failure is told by whoever connects.
    private var isAdopted = false
    private var isStarted = false
    /// What went wrong before the adoption.
    private var earlyFailure: SMTPUnavailability.Code?
    private var current: SMTPExchange?
    private var deadline: NIODeadline?
    private var wakeUp: (time: NIODeadline, task: Scheduled<Void>)?

    init(id: Int, settings: SMTPSessionSettings, delegate: any SMTPConnectionDelegate) {
        self.id = id
        self.settings = settings
        self.delegate = delegate
        machine = SMTPStateMachine(settings: settings.stateMachine(localName: "localhost"))
    }

    // MARK: from the pool and the sending task

    func begin(_ exchange: SMTPExchange, isReused: Bool) {
        let actions = machine.begin(
            exchange.envelope, content: exchange.content, isReleased: exchange.isReleased, isReused: isReused)
        current = exchange
        perform(actions)
    }

    func releaseFinalDot(_ exchange: SMTPExchange) {
        guard current === exchange else { return }
        // The write could only fail, but would have to count as handed over.
        guard context?.channel.isActive == true else { return perform(machine.abort(.connectionLost)) }
        perform(machine.releaseFinalDot())
    }

    func cancel(_ exchange: SMTPExchange, _ code: SMTPUnavailability.Code) {
        guard current === exchange else { return }
        perform(machine.cancel(code))
    }

    func quit() {
        perform(machine.quit())
    }

    /// The channel has become the connection: begins the session.
    func adopt() {
        isAdopted = true
        guard let context, context.channel.isActive else {
            return perform(machine.abort(earlyFailure ?? .connectionLost))
        }
        start(context)
    }

    func closeNow() {
        if isAdopted { perform(machine.abort(.shutDown)) }
        context?.close(promise: nil)
    }

    // MARK: from the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        wakeUp?.task.cancel()
        wakeUp = nil
        self.context = nil
        if isAdopted { perform(machine.abort(.connectionLost)) }
    }

    func channelActive(context: ChannelHandlerContext) {
        if isAdopted { start(context) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if isAdopted { perform(machine.abort(.connectionLost)) }
        context.fireChannelInactive()
    }

    private func start(_ context: ChannelHandlerContext) {
        guard !isStarted else { return }
        isStarted = true
        let localName = settings.localName ?? Self.addressLiteral(context.localAddress)
        machine = SMTPStateMachine(settings: settings.stateMachine(localName: localName))
        perform(machine.start())
        decode()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if inbound.readableBytes == 0 {
            inbound = bytes
        } else {
            inbound.writeBuffer(&bytes)
        }
        if isStarted { decode() }
    }

    private func decode() {
        do {
            while inbound.readableBytes > 0, let reply = try decoder.decode(buffer: &inbound) {
                perform(machine.receive(reply))
            }
        } catch {
            inbound.clear()
            perform(machine.abort(.protocolViolation))
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent {
            perform(machine.tlsEstablished())
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let isTLS = error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError
        let code: SMTPUnavailability.Code = isTLS && machine.isNegotiatingTLS ? .tls : .connectionLost
        if !isAdopted {
            earlyFailure = earlyFailure ?? code
        } else if !machine.isWritingFinalChunk {
            perform(machine.abort(code))
        }
        // The end of the final write, if there is one, tells whether the dot got out; the channel ends it when it closes.
        context.close(promise: nil)
    }

    // MARK: actions

    private func perform(_ actions: [SMTPStateMachine.Action]) {
        for action in actions {
            switch action {
            case .send(let commands): send(commands)
            case .startTLS: startTLS()
            case .sendContentHead: sendContentHead()
            case .sendFinalChunk: sendFinalChunk()
            case .setTimer(let timer): setTimer(timer)
            case .established: delegate.connectionEstablished(id)
            case .failed(let reason): delegate.connectionFailed(id, reason)
            case .finished(let outcome): finish(outcome)
            case .close: close()
            }
        }
    }

    private func send(_ commands: [SMTPCommand]) {
        // Reused while nobody else holds it, which is so once the socket has taken the last line.
        outbound.clear(minimumCapacity: 512)
        for command in commands { command.write(to: &outbound) }
        write(outbound, promise: nil)
    }

    private func write(_ buffer: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: promise)
    }

    private func startTLS() {
        inbound.clear()
        decoder = SMTPReplyDecoder()
        guard let context else { return }
        do {
            let handler = try settings.makeTLSHandler()
            try context.pipeline.syncOperations.addHandler(handler, position: .first)
        } catch {
            perform(machine.abort(.tls))
        }
    }

    /// Writes block after block, each under its own timer.
    private func sendContentHead(from index: Int = 0) {
        guard let current, let context else { return }
        guard index < current.content.head.count else { return perform(machine.contentHeadWritten()) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { result in
            let handler = handler.value
            guard case .success = result, handler.current === current else { return }
            handler.setTimer(.dataBlock)
            handler.sendContentHead(from: index + 1)
        }
        write(current.content.head[index], promise: promise)
    }

    /// Writes the chunk with the final dot, and learns whether the socket took all of it.
    private func sendFinalChunk() {
        guard let current, let context else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { result in
            let handler = handler.value
            guard handler.current === current else { return }
            switch result {
            case .success: handler.machine.finalChunkWritten()
            case .failure: handler.perform(handler.machine.abort(.connectionLost))
            }
        }
        write(current.content.final, promise: promise)
    }

    private func finish(_ outcome: SMTPStateMachine.Outcome) {
        let exchange = current
        current = nil
        // The next sender gets the connection before this one hears of its end.
        if machine.isIdle {
            delegate.connectionReleased(id)
        } else {
            delegate.connectionClosed(id)
        }
        exchange?.finish(outcome)
    }

    private func close() {
        deadline = nil
        delegate.connectionClosed(id)
        context?.close(promise: nil)
    }

    // MARK: timer

    /// Timers change several times per message and hardly ever fire, so one scheduled task looks at the deadline of the moment.
    private func setTimer(_ timer: SMTPStateMachine.Timer?) {
        guard let timer, let eventLoop = context?.eventLoop else {
            deadline = nil
            return
        }
        let time = eventLoop.now + settings.timeout(timer)
        deadline = time
        if let wakeUp, wakeUp.time <= time { return }
        schedule(at: time, on: eventLoop)
    }

    private func schedule(at time: NIODeadline, on eventLoop: any EventLoop) {
        wakeUp?.task.cancel()
        let task = eventLoop.assumeIsolated().scheduleTask(deadline: time) { self.timeReached() }
        wakeUp = (time, task)
    }

    private func timeReached() {
        wakeUp = nil
        guard let deadline, let eventLoop = context?.eventLoop else { return }
        guard deadline <= eventLoop.now else { return schedule(at: deadline, on: eventLoop) }
        self.deadline = nil
        guard machine.isIdle else { return perform(machine.abort(.timeout)) }
        if delegate.connectionMayClose(id) {
            perform(machine.quit())
        } else {
            // Somebody was given it, and may give it back without having used it.
            setTimer(.idle)
        }
    }

    /// RFC 5321 §4.1.3.
    private static func addressLiteral(_ address: SocketAddress?) -> String {
        switch address {
        case .v4: "[\(address?.ipAddress ?? "127.0.0.1")]"
        case .v6: "[IPv6:\(address?.ipAddress ?? "::1")]"
        default: "localhost"
        }
    }
}
