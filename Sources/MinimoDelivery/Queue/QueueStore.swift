package import MinimoCore
package import SQLDatabase
package import Wire

/// The queue in the database: what is due, and taking it. These statements alone work across workspaces.
package struct QueueStore: Sendable {
    /// A stream that has unleased rows in a lane.
    package struct Due: Sendable, Hashable {
        package let stream: DeliveryStream
        /// When its first row is or was due.
        package let at: Timestamp
    }

    /// One page of streams; whole workspaces, so that nothing falls between two pages.
    package struct DuePage: Sendable, Hashable {
        /// By workspace id.
        package let streams: [Due]
        /// After which workspace the next page begins; nil when this was the last one.
        package let next: Int64?
    }

    package init() {}

    /// The streams with rows in a lane, beginning after a workspace.
    ///
    /// One index seek for each workspace and channel, however many rows they have.
    ///
    /// - Parameter limit: workspaces of the page; at least 1.
    package func due(
        _ db: Connection, lane: DeliveryLane, after workspaceID: Int64 = 0, limit: Int
    ) throws -> DuePage {
        let rows = try db.query(
            Self.selectDue, [.integer(lane.rawValue), .integer(workspaceID), .integer(Int64(limit))]
        ) { row in
            (workspaceID: row.int(0), channel: MessageChannel(rawValue: row.text(1)), at: row.optionalInt(2))
        }
        let workspaces = Set(rows.map(\.workspaceID))
        var streams = rows.compactMap { row -> Due? in
            guard let channel = row.channel, let at = row.at else { return nil }
            return Due(
                stream: DeliveryStream(workspaceID: row.workspaceID, channel: channel), at: Timestamp(microseconds: at))
        }
        // The statement has no order of its own, which would cost it a sort of all streams.
        streams.sort {
            ($0.stream.workspaceID, $0.stream.channel.rawValue) < ($1.stream.workspaceID, $1.stream.channel.rawValue)
        }
        return DuePage(streams: streams, next: workspaces.count < limit ? nil : workspaces.max())
    }

    /// Takes rows of a stream that are due, earliest first, at most `limit`. No two nodes ever get the same row.
    package func lease(
        _ db: Connection, _ stream: DeliveryStream, lane: DeliveryLane, limit: Int, nodeID: Int64, token: Int64,
        now: Timestamp
    ) throws -> [Lease] {
        let arguments: [SQLValue] = [
            .integer(nodeID), .integer(token), .integer(lane.rawValue), .integer(stream.workspaceID),
            .text(stream.channel.rawValue), .integer(now.microseconds), .integer(Int64(limit)),
        ]
        let leases = try db.query(Self.takeDue, arguments) { row in
            (
                due: row.int(1),
                lease: Lease(
                    stream: stream, messageID: row.int(0), lane: lane, nodeID: nodeID, token: token,
                    attempts: Int(row.int(2)), acceptedAt: Timestamp(microseconds: row.int(3)),
                    followUp: row.optionalText(4).flatMap(FollowUp.Kind.init(rawValue:)),
                    waitReason: row.optionalText(5))
            )
        }
        // RETURNING has no order.
        return leases.sorted { ($0.due, $0.lease.messageID) < ($1.due, $1.lease.messageID) }.map(\.lease)
    }

    /// Gives back every lease of a node for which no intent was written.
    @discardableResult
    package func releaseAll(_ db: Connection, nodeID: Int64) throws -> Int {
        try db.execute(Self.releaseNode, [.integer(nodeID)])
    }

    /// Gives back the leases of some rounds of a node, for which no intent was written.
    @discardableResult
    package func release(_ db: Connection, nodeID: Int64, tokens: [Int64]) throws -> Int {
        guard !tokens.isEmpty else { return 0 }
        return try db.execute(Self.releaseRounds, [.integer(nodeID), .integers(tokens)])
    }

    static let selectDue = Statement(
        """
        WITH RECURSIVE workspaces (id, number) AS (
            SELECT (
                SELECT workspace_id FROM delivery_queue
                WHERE lane = $1 AND lease_node IS NULL AND workspace_id > $2 ORDER BY workspace_id LIMIT 1), 1
            UNION ALL
            SELECT (
                SELECT workspace_id FROM delivery_queue
                WHERE lane = $1 AND lease_node IS NULL AND workspace_id > workspaces.id ORDER BY workspace_id LIMIT 1),
                number + 1
            FROM workspaces WHERE workspaces.id IS NOT NULL AND number < $3
        ), channels (name) AS (VALUES ('email'), ('whatsapp')),
        streams (workspace_id, channel, due_at) AS (
            SELECT workspaces.id, channels.name, (
                SELECT due_at FROM delivery_queue
                WHERE lane = $1 AND lease_node IS NULL AND workspace_id = workspaces.id AND channel = channels.name
                ORDER BY due_at LIMIT 1)
            FROM workspaces, channels WHERE workspaces.id IS NOT NULL
        )
        SELECT workspace_id, channel, due_at FROM streams
        """)
    static let takeDue = Statement {
        """
        WITH due AS (
            SELECT message_id FROM delivery_queue
            WHERE lane = $3 AND workspace_id = $4 AND channel = $5 AND due_at <= $6 AND lease_node IS NULL
            ORDER BY due_at, message_id LIMIT $7 \($0.skipLocked)
        )
        UPDATE delivery_queue SET lease_node = $1, lease_token = $2
        WHERE workspace_id = $4 AND message_id IN (SELECT message_id FROM due)
        RETURNING message_id, due_at, attempts, accepted_at, follow_up, wait_reason
        """
    }
    static let releaseNode = Statement(
        """
        UPDATE delivery_queue SET lease_node = NULL, lease_token = NULL WHERE lease_node = $1 AND intent_at IS NULL
        """)
    static let releaseRounds = Statement {
        """
        UPDATE delivery_queue SET lease_node = NULL, lease_token = NULL
        WHERE lease_node = $1 AND intent_at IS NULL AND \($0.isIn("lease_token", "$2", .integer))
        """
    }
}
