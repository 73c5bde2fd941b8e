package import MinimoCore
package import Wire

/// A way to hand messages off: email, WhatsApp, the sandbox.
///
/// A channel knows how to try once. Retries, back-off, leases and the ledger are the queue's.
package protocol Channel: Sendable {
    /// Tries to hand one message off.
    ///
    /// - Parameter intent: must return before the byte is sent that can cause delivery; when it throws, that byte must not
    ///   be sent, and the answer does not matter.
    /// - Returns: what is known afterwards. It never throws: what is not known is ``DeliveryOutcome/unconfirmed(_:)``.
    func deliver(_ delivery: Delivery, intent: @escaping @Sendable () async throws -> Void) async -> DeliveryOutcome

    /// Upkeep beside the hand-offs, such as closing connections that are not needed any more. Returns when its task is
    /// cancelled, with everything closed.
    func run() async
}

/// One attempt at one message.
package struct Delivery: Sendable {
    package let message: Message
    /// Counts from 1.
    package let attempt: Int
    package let now: Timestamp

    package init(message: Message, attempt: Int, now: Timestamp) {
        self.message = message
        self.attempt = attempt
        self.now = now
    }
}
