import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// The connections of one client. Decisions are `SMTPPoolStateMachine`'s, taken under a lock; this type carries them out, outside it.
final class SMTPConnectionPool: Sendable {
    typealias Lease = SMTPLease<SMTPConnection>
    typealias Waiter = CheckedContinuation<Result<Lease, SMTPUnavailability>, Never>
    typealias Machine = SMTPPoolStateMachine<SMTPConnection, Waiter>

    private struct State {
        var machine: Machine
        var drainWaiters: [CheckedContinuation<Void, Never>] = []
        var isDrained = false
    }

    private let configuration: SMTPRelayConfiguration
    private let group: any EventLoopGroup
    private let logger: Logger
    private let clock: @Sendable () -> NIODeadline
    private let state: Mutex<State>
    private let tls: Mutex<EventLoopFuture<NIOSSLContext?>?>

    init(
        configuration: SMTPRelayConfiguration, group: any EventLoopGroup, logger: Logger,
        clock: @escaping @Sendable () -> NIODeadline
    ) {
        self.configuration = configuration
        self.group = group
        self.logger = logger
        self.clock = clock
        state = Mutex(State(machine: Machine(maximumConnections: max(1, configuration.maximumConnections))))
        tls = Mutex(nil)
    }

    /// Connections that carry a transaction.
    var leasedCount: Int { state.withLock { $0.machine.leasedCount } }
    /// Connections that are open or being made.
    var openCount: Int { state.withLock { $0.machine.openCount } }

    /// Lends a connection, in order of arrival; the connection gives itself back when its transaction ends.
    /// - Parameter afterStale: whether an idle connection has just turned out dead. The others are given up then.
    func lease(afterStale: Bool) async -> Result<Lease, SMTPUnavailability> {
        if afterStale {
            perform(state.withLock { $0.machine.dropIdle() })
        } else if let lease = state.withLock({ $0.machine.leaseIdle() }) {
            return .success(lease)
        }
        let id = state.withLock { $0.machine.makeID() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                perform(state.withLock { $0.machine.wait(waiter, id: id, now: clock()) })
                // The handler below may have run before there was a waiter.
                if Task.isCancelled { perform(state.withLock { $0.machine.cancelWaiter(id) }) }
            }
        } onCancel: {
            perform(state.withLock { $0.machine.cancelWaiter(id) })
        }
    }

    /// Takes in nothing more, ends idle connections, and returns when the last transaction is over. Cancelling the calling task closes what is
    /// left by force.
    func shutDown() async {
        perform(state.withLock { $0.machine.shutDown() })
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDrained = state.withLock { state in
                    if !state.isDrained { state.drainWaiters.append(continuation) }
                    return state.isDrained
                }
                if isDrained { continuation.resume() }
            }
        } onCancel: {
            for connection in state.withLock({ $0.machine.leasedConnections }) { connection.close() }
        }
    }

    private func perform(_ actions: [Machine.Action]) {
        for action in actions {
            switch action {
            case .connect(let id): connect(id)
            case .lend(let lease, let waiter): waiter.resume(returning: .success(lease))
            case .fail(let waiter, let reason): waiter.resume(returning: .failure(reason))
            case .quit(let connection): connection.quit()
            case .close(let connection): connection.close()
            case .wake(let pause):
                group.next().scheduleTask(in: pause) {
                    self.perform(self.state.withLock { $0.machine.awake(now: self.clock()) })
                }
            case .drained:
                let waiters = state.withLock { state in
                    defer { state.drainWaiters = [] }
                    state.isDrained = true
                    return state.drainWaiters
                }
                for waiter in waiters { waiter.resume() }
            }
        }
    }

    private func connect(_ id: Int) {
        let eventLoop = group.next()
        tlsContext(on: eventLoop).hop(to: eventLoop).whenComplete { result in
            switch result {
            case .failure(let error):
                self.logger.error("The relay's TLS settings cannot be used", metadata: ["error": "\(type(of: error))"])
                self.connectionFailed(id, SMTPUnavailability(.tls))
            case .success(let tls):
                self.connect(id, SMTPSessionSettings(configuration: self.configuration, tls: tls), on: eventLoop)
            }
        }
    }

    private func connect(_ id: Int, _ settings: SMTPSessionSettings, on eventLoop: any EventLoop) {
        let isImplicitTLS = configuration.security == .implicitTLS
        ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(configuration.timeouts.connect))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = SMTPConnectionHandler(id: id, settings: settings, delegate: self)
                    if isImplicitTLS { try channel.pipeline.syncOperations.addHandler(settings.makeTLSHandler()) }
                    try channel.pipeline.syncOperations.addHandler(handler)
                    let connection = SMTPConnection(id: id, handler: handler, eventLoop: channel.eventLoop)
                    self.perform(self.state.withLock { $0.machine.opened(id, connection) })
                }
            }
            .connect(host: configuration.host, port: configuration.port)
            .whenComplete { result in
                switch result {
                case .failure: self.connectionFailed(id, SMTPUnavailability(.connect))
                case .success(let channel): self.adopt(channel, id)
                }
            }
    }

    /// Makes the channel the connection. The initializer above has run for every address that was tried, and only this channel won.
    private func adopt(_ channel: any Channel, _ id: Int) {
        do {
            let handler = try channel.pipeline.syncOperations.handler(type: SMTPConnectionHandler.self)
            let connection = SMTPConnection(id: id, handler: handler, eventLoop: channel.eventLoop)
            perform(state.withLock { $0.machine.connected(id, connection) })
            handler.adopt()
        } catch {
            // The channel has closed already.
            channel.close(promise: nil)
            connectionFailed(id, SMTPUnavailability(.connectionLost))
        }
    }

    /// Reading certificates blocks, so it happens on NIO's threads for that, once; a failure is not kept.
    private func tlsContext(on eventLoop: any EventLoop) -> EventLoopFuture<NIOSSLContext?> {
        guard configuration.security != .none else { return eventLoop.makeSucceededFuture(nil) }
        return tls.withLock { cached in
            if let cached { return cached }
            let roots = configuration.trustRoots
            let future = NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { () throws -> NIOSSLContext? in
                var tls = TLSConfiguration.makeClientConfiguration()
                tls.minimumTLSVersion = .tlsv12
                switch roots {
                case .system: tls.trustRoots = .default
                case .pemFile(let path): tls.trustRoots = .file(path)
                }
                return try NIOSSLContext(configuration: tls)
            }
            cached = future
            future.whenFailure { _ in self.tls.withLock { $0 = nil } }
            return future
        }
    }
}

extension SMTPConnectionPool: SMTPConnectionDelegate {
    func connectionEstablished(_ id: Int) {
        logger.debug("Connected to the relay", metadata: ["relay": "\(configuration)"])
        perform(state.withLock { $0.machine.established(id, now: clock()) })
    }

    func connectionFailed(_ id: Int, _ reason: SMTPUnavailability) {
        let actions = state.withLock { $0.machine.connectFailed(id, reason, now: clock()) }
        if reason.code != .shutDown {
            logger.warning("The relay cannot be used", metadata: ["relay": "\(configuration)", "reason": "\(reason)"])
        }
        perform(actions)
    }

    func connectionReleased(_ id: Int) {
        perform(state.withLock { $0.machine.released(id, now: clock()) })
    }

    func connectionClosed(_ id: Int) {
        perform(state.withLock { $0.machine.closed(id, now: clock()) })
    }

    func connectionMayClose(_ id: Int) -> Bool {
        state.withLock { $0.machine.removeIdle(id) }
    }
}
