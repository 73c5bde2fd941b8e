/// Where a message stands (contract 10.6). How it moves is ``MessageStateMachine``'s to say.
package enum MessageStatus: String, Sendable, Hashable, CaseIterable {
    /// Accepted, to be sent at a later time.
    case scheduled
    /// Accepted; it waits for its first or next attempt.
    case queued
    /// A hand-off that takes long has begun.
    case sending
    /// The relay or provider has taken it.
    case sent
    /// The recipient's side has taken it.
    case delivered
    /// The recipient's device reports it as read.
    case read
    /// It will not be sent: refused, expired or impossible to build.
    case failed
    /// It was taken and came back.
    case bounced
    /// The recipient marked it as unwanted.
    case complained
    /// Withdrawn before it was handed off.
    case cancelled
    /// Not sent, because the recipient must not be written to.
    case suppressed
    /// Nobody can know whether it was sent: process or connection died between the last byte and the answer.
    case unconfirmed
}

/// The way a message travels.
package enum MessageChannel: String, Sendable, Hashable, CaseIterable {
    case email
    case whatsapp
}

/// Whether we sent a message or received it.
package enum MessageDirection: String, Sendable, Hashable, CaseIterable {
    case outbound
    case inbound
}

extension MessageCategory {
    /// The lane in which messages of this category wait.
    package var lane: DeliveryLane { self == .transactional ? .transactional : .bulk }
}

/// A queue with its own share of the workers, so that a campaign never delays a password reset.
package enum DeliveryLane: Int64, Sendable, Hashable, CaseIterable {
    case transactional = 0
    case bulk = 1
}
