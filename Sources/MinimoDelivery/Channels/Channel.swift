/// A way to hand messages off: email, WhatsApp, the sandbox.
///
/// A channel knows how to try once. Retries, back-off, leases and the ledger are the queue's.
package protocol Channel: Sendable {
    /// Tries to hand one message off.
    ///
    /// It announces the hand-off before the byte is sent that can cause delivery, and concludes it as soon as it knows what
    /// came of it: before the line that carried the message (a connection, a place among the requests) takes up another one. That order is
    /// what bounds the messages that a crash leaves unconfirmed to the number of lines.
    func deliver(_ handOff: HandOff) async

    /// Upkeep beside the hand-offs, such as closing connections that are not needed any more. Returns when its task is
    /// cancelled, with everything closed.
    func run() async
}
