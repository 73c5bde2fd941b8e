package import Logging
package import NIOCore

/// Sends messages through one relay, over a bounded pool of reused connections.
///
/// The result of `send` says what the relay may have taken: `unavailable` and `refused` mean that it took nothing, `accepted` that it has taken
/// responsibility for all recipients, `partiallyAccepted` for some, `unconfirmed` that the final dot may have gone out and nothing usable came
/// back.
package final class SMTPClient: Sendable {
    /// The relay.
    package let configuration: SMTPRelayConfiguration
    private let pool: SMTPConnectionPool

    /// Makes a client; connects when there is something to send. Call `shutdown()` before the group is shut down.
    package convenience init(configuration: SMTPRelayConfiguration, group: any EventLoopGroup, logger: Logger) {
        self.init(configuration: configuration, group: group, logger: logger, clock: { .now() })
    }

    /// - Parameter clock: times the pauses after failures to connect.
    init(
        configuration: SMTPRelayConfiguration, group: any EventLoopGroup, logger: Logger,
        clock: @escaping @Sendable () -> NIODeadline
    ) {
        self.configuration = configuration
        pool = SMTPConnectionPool(configuration: configuration, group: group, logger: logger, clock: clock)
    }

    /// Connections that carry a transaction at this moment.
    package var connectionsInUse: Int { pool.leasedCount }

    /// Connections that are open or being made.
    package var connectionsOpen: Int { pool.openCount }

    /// Sends one message and waits for its outcome.
    ///
    /// When all connections are busy it waits its turn, in order of arrival and without limit: bound the number of concurrent calls. While the
    /// relay cannot be reached it fails at once with a `retryAfter` until the next attempt is due. A pooled connection that turns out
    /// dead before the server has said anything about the message is replaced once.
    ///
    /// Cancelling the task ends the transaction as `unavailable` as long as the final dot is not out; afterwards the reply is
    /// waited for, up to its timeout.
    /// - Parameters:
    ///   - envelope: from whom and to whom. A recipient refused for good does not stop the others; see `stopsAtTemporaryRefusal` for 4yz.
    ///   - content: the message with CRLF line ends, before dot-stuffing. A bare CR or LF, or a missing last CRLF, is refused here.
    ///   - beforeFinalDot: makes the caller's intent durable. Started with the transaction and never twice; until it has returned, nothing
    ///     of the chunk that holds the final dot is written. If it throws, the connection is closed and the result is `unavailable`.
    package func send(
        _ envelope: SMTPEnvelope, content: ByteBuffer, beforeFinalDot: @escaping @Sendable () async throws -> Void
    ) async -> SMTPResult {
        guard !envelope.recipients.isEmpty else { return .unavailable(reason: SMTPUnavailability(.noRecipients)) }
        let prepared: SMTPContent
        switch SMTPContent.prepare(content) {
        case .success(let content): prepared = content
        case .failure(let defect): return .refused(stage: .content, reply: defect.reply, perRecipient: [])
        }
        let first = SMTPExchange(envelope: envelope, content: prepared, isReleased: false)
        switch await run(first, afterStale: false, intent: beforeFinalDot) {
        case .result(let result): return result
        case .stale: break
        }
        let second = SMTPExchange(envelope: envelope, content: prepared, isReleased: true)
        switch await run(second, afterStale: true, intent: nil) {
        case .result(let result): return result
        case .stale(let reason): return .unavailable(reason: reason)
        }
    }

    /// Takes in nothing more and returns when the messages under way have their outcome, which their timeouts bound. Cancelling the calling
    /// task closes their connections: those with the final dot out end as `unconfirmed`.
    package func shutdown() async {
        await pool.shutDown()
    }

    private func run(
        _ exchange: SMTPExchange, afterStale: Bool, intent: (@Sendable () async throws -> Void)?
    ) async -> SMTPStateMachine.Outcome {
        guard !Task.isCancelled else { return .result(.unavailable(reason: SMTPUnavailability(.cancelled))) }
        let lease: SMTPConnectionPool.Lease
        switch await pool.lease(afterStale: afterStale) {
        case .success(let lent): lease = lent
        case .failure(let reason): return .result(.unavailable(reason: reason))
        }
        guard !Task.isCancelled else {
            pool.connectionReleased(lease.id)
            return .result(.unavailable(reason: SMTPUnavailability(.cancelled)))
        }
        let connection = lease.connection
        return await withTaskCancellationHandler {
            connection.begin(exchange, isReused: lease.isReused)
            // The handler below may have run before there was a transaction.
            if Task.isCancelled { connection.cancel(exchange, .cancelled) }
            guard let intent else { return await exchange.outcome() }
            do {
                try await intent()
            } catch {
                let code: SMTPUnavailability.Code = Task.isCancelled ? .cancelled : .intentRefused
                connection.cancel(exchange, code)
                // A connection that had been dead already is no reason to try another one without the intent.
                let outcome = await exchange.outcome()
                guard case .stale = outcome else { return outcome }
                return .result(.unavailable(reason: SMTPUnavailability(code)))
            }
            connection.releaseFinalDot(exchange)
            return await exchange.outcome()
        } onCancel: {
            connection.cancel(exchange, .cancelled)
        }
    }
}
