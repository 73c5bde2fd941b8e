package import MinimoCore
import Synchronization
package import Wire

/// One attempt at one message, as a channel sees it.
package final class HandOff: Sendable {
    /// The message as the ledger has it.
    package let message: Message
    /// Counts from 1.
    package let attempt: Int
    /// When the attempt began.
    package let startedAt: Timestamp

    private let intent: @Sendable () async throws -> Void
    private let conclusion: @Sendable (DeliveryOutcome) -> Void
    private let state = Mutex((isAnnounced: false, isConcluded: false))

    /// - Parameters:
    ///   - intent: makes the intent durable, or throws.
    ///   - conclusion: is called once.
    init(
        message: Message, attempt: Int, startedAt: Timestamp, intent: @escaping @Sendable () async throws -> Void,
        conclusion: @escaping @Sendable (DeliveryOutcome) -> Void
    ) {
        self.message = message
        self.attempt = attempt
        self.startedAt = startedAt
        self.intent = intent
        self.conclusion = conclusion
    }

    /// Returns when the intent is durable. It must have returned before the byte is sent that can cause delivery.
    ///
    /// - Throws: when nothing may be sent: the lease is lost or the database is away. The conclusion does not matter then.
    package func announce() async throws {
        try await intent()
        state.withLock { $0.isAnnounced = true }
    }

    /// Says what is known. Only the first conclusion counts.
    package func conclude(_ outcome: DeliveryOutcome) {
        let isFirst = state.withLock { state in
            defer { state.isConcluded = true }
            return !state.isConcluded
        }
        if isFirst { conclusion(outcome) }
    }

    /// Ends an attempt that its channel has left without a conclusion: what was announced may have been sent.
    func abandon() {
        let isAnnounced = state.withLock { $0.isAnnounced }
        conclude(
            isAnnounced
                ? .unconfirmed(ChannelReply(text: "The channel gave no outcome."))
                : .unavailable(.relayUnavailable))
    }
}
