import NIOCore

/// One connection to the relay, as the pool and the sending tasks see it. Everything happens on its event loop.
final class SMTPConnection: Sendable {
    let id: Int
    private let handler: NIOLoopBound<SMTPConnectionHandler>

    /// Must be called on the handler's event loop.
    init(id: Int, handler: SMTPConnectionHandler, eventLoop: any EventLoop) {
        self.id = id
        self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
    }

    private var eventLoop: any EventLoop { handler.eventLoop }

    /// Begins a transaction; its end arrives at `exchange`.
    func begin(_ exchange: SMTPExchange, isReused: Bool) {
        eventLoop.execute { self.handler.value.begin(exchange, isReused: isReused) }
    }

    /// The caller's intent is durable: the final dot may be sent.
    func releaseFinalDot(_ exchange: SMTPExchange) {
        eventLoop.execute { self.handler.value.releaseFinalDot(exchange) }
    }

    /// Gives the transaction up, unless its final dot is out or it is over.
    func cancel(_ exchange: SMTPExchange, _ code: SMTPUnavailability.Code) {
        eventLoop.execute { self.handler.value.cancel(exchange, code) }
    }

    /// QUIT when idle.
    func quit() {
        eventLoop.execute { self.handler.value.quit() }
    }

    /// Closes at once, whatever is under way.
    func close() {
        eventLoop.execute { self.handler.value.closeNow() }
    }
}

/// What a connection tells its pool.
protocol SMTPConnectionDelegate: Sendable {
    /// It is ready for transactions.
    func connectionEstablished(_ id: Int)
    /// It never got ready.
    func connectionFailed(_ id: Int, _ reason: SMTPUnavailability)
    /// Its transaction is over and it can take another.
    func connectionReleased(_ id: Int)
    /// It takes no more transactions.
    func connectionClosed(_ id: Int)
    /// It has been idle for its time. `true` when it is the connection's to close: nobody was given it meanwhile.
    func connectionMayClose(_ id: Int) -> Bool
}
