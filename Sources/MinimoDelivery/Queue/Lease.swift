package import MinimoCore
package import Wire

/// The messages of one channel of one workspace: the unit of fairness and of holds.
package struct DeliveryStream: Sendable, Hashable {
    package let workspaceID: Int64
    package let channel: MessageChannel

    package init(workspaceID: Int64, channel: MessageChannel) {
        self.workspaceID = workspaceID
        self.channel = channel
    }
}

/// A queue row that a node has taken to work on.
package struct Lease: Sendable, Hashable {
    package let stream: DeliveryStream
    package let messageID: Int64
    package let lane: DeliveryLane
    /// The node that holds it.
    package let nodeID: Int64
    /// Differs between the lease rounds of a node: with it a worker that lost its lease and slept is told apart from the
    /// one that holds it now (the fence).
    package let token: Int64
    /// Attempts that have an outcome.
    package let attempts: Int
    /// When the message was accepted, or the time it was scheduled for.
    package let acceptedAt: Timestamp
    /// Set on rows of messages that were handed off.
    package let followUp: FollowUp.Kind?
    /// Why it waited the last time, as stored.
    package let waitReason: String?
    /// Set on leases of dead nodes that had announced their hand-off.
    package let intentAt: Timestamp?

    package init(
        stream: DeliveryStream, messageID: Int64, lane: DeliveryLane, nodeID: Int64, token: Int64, attempts: Int,
        acceptedAt: Timestamp, followUp: FollowUp.Kind? = nil, waitReason: String? = nil, intentAt: Timestamp? = nil
    ) {
        self.stream = stream
        self.messageID = messageID
        self.lane = lane
        self.nodeID = nodeID
        self.token = token
        self.attempts = attempts
        self.acceptedAt = acceptedAt
        self.followUp = followUp
        self.waitReason = waitReason
        self.intentAt = intentAt
    }

    /// The number of the attempt that this lease is for.
    package var attempt: Int { attempts + 1 }
    package var workspaceID: Int64 { stream.workspaceID }
}
