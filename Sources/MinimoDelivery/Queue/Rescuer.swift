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

    /// Rescues the leases of dead nodes, one page.
    ///
    /// - Parameter exceptNode: nil rescues what belongs to dead nodes; an id, everything that this node does not hold: for an
    ///   engine that knows itself to be alone.
    /// - Returns: how many rows were rescued, and whether there may be more.
    package func rescue(
        _ db: Connection, exceptNode: Int64? = nil, now: Timestamp
    ) throws -> (released: Int, unconfirmed: Int, hasMore: Bool) {
        let limit = SQLValue.integer(Int64(Self.pageSize))
        let situations =
            if let exceptNode {
                try db.query(Self.selectForeign, [.integer(exceptNode), limit]) { try Self.situation($0, now) }
            } else {
                try db.query(Self.selectDead, [.integer(now.microseconds), limit]) { try Self.situation($0, now) }
            }
        let completions = situations.map { situation in
            if situation.intentAt == nil || situation.lease.followUp != nil {
                settlement.givenBack(situation, until: now)
            } else {
                settlement.lost(situation, ChannelReply(text: "The process ended before the outcome was known."))
            }
        }
        try ledger.settle(db, completions)
        let unconfirmed = completions.count { $0.attempt != nil }
        return (completions.count - unconfirmed, unconfirmed, completions.count == Self.pageSize)
    }

    private static func situation(_ row: Row, _ now: Timestamp) throws -> Settlement.Situation {
        guard let channel = MessageChannel(rawValue: row.text(1)), let lane = DeliveryLane(rawValue: row.int(3)),
            let status = MessageStatus(rawValue: row.text(10)), let category = MessageCategory(rawValue: row.text(11))
        else { throw MessageStoreError.unknownValue }
        let lease = Lease(
            stream: DeliveryStream(workspaceID: row.int(0), channel: channel), messageID: row.int(2), lane: lane,
            nodeID: row.int(4), token: row.int(5), attempts: Int(row.int(6)),
            acceptedAt: Timestamp(microseconds: row.int(7)),
            followUp: row.optionalText(8).flatMap(FollowUp.Kind.init(rawValue:)))
        return Settlement.Situation(
            lease: lease, status: status, category: category, contactID: row.optionalInt(12),
            intentAt: row.optionalInt(9).map(Timestamp.init(microseconds:)), now: now,
            jitter: Double.random(in: 0...1))
    }

    private static func select(_ condition: String, _ dialect: Dialect) -> String {
        // A row whose message was erased is read as settled, so that it goes.
        """
        SELECT q.workspace_id, q.channel, q.message_id, q.lane, q.lease_node, q.lease_token, q.attempts, q.accepted_at,
            q.follow_up, q.intent_at, COALESCE(m.status, 'failed'), COALESCE(m.category, 'transactional'), m.contact_id
        FROM delivery_queue q LEFT JOIN messages m ON m.workspace_id = q.workspace_id AND m.id = q.message_id
        WHERE q.lease_node IS NOT NULL AND \(condition)
        ORDER BY q.message_id LIMIT $2 \(dialect.skipLocked.isEmpty ? "" : "FOR UPDATE OF q SKIP LOCKED")
        """
    }

    static let selectDead = Statement { dialect in
        select("NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = q.lease_node AND n.alive_until >= $1)", dialect)
    }
    static let selectForeign = Statement { dialect in
        select("q.lease_node <> $1", dialect)
    }
}
