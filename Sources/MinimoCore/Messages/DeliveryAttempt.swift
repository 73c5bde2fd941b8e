package import Wire

/// One attempt at a hand-off, with its outcome.
package struct DeliveryAttempt: Sendable, Hashable {
    /// How an attempt ended.
    package enum Outcome: String, Sendable, Hashable, CaseIterable {
        case accepted
        case delivered
        /// Refused for now; another attempt follows until the time is up.
        case temporary
        case permanent
        /// Refused because of us: credentials, reputation, policy.
        case senderProblem = "sender_problem"
        case unconfirmed
    }

    /// Counts from 1.
    package let number: Int
    package let nodeID: Int64
    package let relayID: Int64?
    /// When the intent became durable; nil when the attempt ended before anything could be delivered.
    package let intentAt: Timestamp?
    package let finishedAt: Timestamp
    package let outcome: Outcome
    /// The basic reply code (250, 450, 550), where the channel has one.
    package let code: Int?
    /// The enhanced status code, `4.7.0`.
    package let enhancedCode: String?
    /// What the relay or provider said, at most 500 characters.
    package let reply: String?

    package init(
        number: Int, nodeID: Int64, relayID: Int64?, intentAt: Timestamp?, finishedAt: Timestamp, outcome: Outcome,
        code: Int?, enhancedCode: String?, reply: String?
    ) {
        self.number = number
        self.nodeID = nodeID
        self.relayID = relayID
        self.intentAt = intentAt
        self.finishedAt = finishedAt
        self.outcome = outcome
        self.code = code
        self.enhancedCode = enhancedCode
        self.reply = reply
    }
}
