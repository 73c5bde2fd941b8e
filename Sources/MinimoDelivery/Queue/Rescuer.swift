import MinimoCore
package import SQLDatabase
package import Wire

/// Gives back what dead nodes had leased.
///
/// Without an intent nothing was sent: the row is due again at once. With one nobody can know: the message becomes
/// `unconfirmed`, and its category's policy decides.
package struct Rescuer: Sendable {
    /// Rows in one transaction.
    private static let pageSize = 500

    private let settlement: Settlement
    private let ledger = Ledger()

    package init(settlement: Settlement) {
        self.settlement = settlement
    }

    /// Rescues one page of leases of dead nodes, never those of the node itself: it knows what it is working on.
    ///
    /// - Parameters:
    ///   - nodeID: the node that rescues.
    ///   - isAlone: every other node is gone, whatever it said about its life.
    /// - Returns: how many rows were rescued, and whether there may be more.
    package func rescue(
        _ db: Connection, nodeID: Int64, isAlone: Bool = false, now: Timestamp
    ) throws -> (released: Int, unconfirmed: Int, hasMore: Bool) {
        // Nobody is alive beyond the end of time.
        let time = isAlone ? Timestamp.latest : now
        let arguments: [SQLValue] = [
            .integer(time.microseconds), .integer(Int64(Self.pageSize)), .integer(nodeID),
        ]
        let found = try db.query(Self.selectDead, arguments) { Self.situation($0, now) }
        let situations = found.compactMap(\.self)
        let completions = situations.map { situation in
            if situation.intentAt == nil || situation.lease.followUp != nil {
                settlement.givenBack(situation, until: now)
            } else {
                settlement.lost(situation, ChannelReply(text: "The process ended before the outcome was known."))
            }
        }
        try ledger.settle(db, completions)
        let unconfirmed = completions.count { $0.attempt != nil }
        return (
            completions.count - unconfirmed, unconfirmed, found.count == Self.pageSize && !completions.isEmpty
        )
    }

    /// nil for a row that only a newer release understands: it waits for one.
    private static func situation(_ row: Row, _ now: Timestamp) -> Settlement.Situation? {
        guard let channel = MessageChannel(rawValue: row.text(1)), let lane = DeliveryLane(rawValue: row.int(3)),
            let status = MessageStatus(rawValue: row.text(10)), let category = MessageCategory(rawValue: row.text(11))
        else { return nil }
        let lease = Lease(
            stream: DeliveryStream(workspaceID: row.int(0), channel: channel), messageID: row.int(2), lane: lane,
            nodeID: row.int(4), token: row.int(5), attempts: Int(row.int(6)),
            acceptedAt: Timestamp(microseconds: row.int(7)),
            followUp: row.optionalText(8).flatMap(FollowUp.Kind.init(rawValue:)), waitReason: row.optionalText(13))
        return Settlement.Situation(
            lease: lease, status: status, category: category, contactID: row.optionalInt(12),
            intentAt: row.optionalInt(9).map(Timestamp.init(microseconds:)), now: now,
            jitter: Double.random(in: 0...1))
    }

    static let selectDead = Statement { dialect in
        // A row whose message was erased is read as settled, so that it goes.
        """
        SELECT q.workspace_id, q.channel, q.message_id, q.lane, q.lease_node, q.lease_token, q.attempts, q.accepted_at,
            q.follow_up, q.intent_at, COALESCE(m.status, 'failed'), COALESCE(m.category, 'transactional'), m.contact_id,
            q.wait_reason
        FROM delivery_queue q LEFT JOIN messages m ON m.workspace_id = q.workspace_id AND m.id = q.message_id
        WHERE q.lease_node IS NOT NULL AND q.lease_node <> $3
            AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = q.lease_node AND n.alive_until >= $1)
        ORDER BY q.message_id LIMIT $2 \(dialect.skipLocked.isEmpty ? "" : "FOR UPDATE OF q SKIP LOCKED")
        """
    }
}
