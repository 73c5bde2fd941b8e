package import SQLDatabase
package import Wire

/// The engines of this installation and how long each counts as alive.
package struct NodeStore: Sendable {
    package init() {}

    /// Makes an engine known.
    ///
    /// - Returns: its id, which no other engine ever had.
    package func register(_ db: Connection, now: Timestamp, aliveUntil: Timestamp) throws -> Int64 {
        let arguments: [SQLValue] = [.integer(now.microseconds), .integer(aliveUntil.microseconds)]
        guard let id = try db.first(Self.insert, arguments, { $0.int(0) }) else {
            throw DeliveryError(.nodeNotRegistered)
        }
        return id
    }

    /// Says that an engine is alive. One that was taken for dead and removed comes back under its id.
    package func renew(_ db: Connection, nodeID: Int64, now: Timestamp, aliveUntil: Timestamp) throws {
        try db.execute(
            Self.upsert, [.integer(nodeID), .integer(now.microseconds), .integer(aliveUntil.microseconds)])
    }

    /// Forgets an engine that has stopped.
    package func remove(_ db: Connection, nodeID: Int64) throws {
        try db.execute(Self.delete, [.integer(nodeID)])
    }

    /// Forgets engines that are dead and hold no lease.
    package func removeDead(_ db: Connection, now: Timestamp) throws {
        try db.execute(Self.deleteDead, [.integer(now.microseconds)])
    }

    static let insert = Statement("INSERT INTO nodes (started_at, alive_until) VALUES ($1, $2) RETURNING id")
    static let upsert = Statement(
        """
        INSERT INTO nodes (id, started_at, alive_until) VALUES ($1, $2, $3)
        ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until
        """)
    static let delete = Statement("DELETE FROM nodes WHERE id = $1")
    static let deleteDead = Statement(
        """
        DELETE FROM nodes WHERE alive_until < $1
            AND NOT EXISTS (SELECT 1 FROM delivery_queue WHERE lease_node = nodes.id)
        """)
}

/// Why an engine cannot work.
package struct DeliveryError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The closed list of reasons.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// The database gave the engine no id.
        case nodeNotRegistered
        /// The lease of a message was lost, so it may not be handed off.
        case intentRefused
    }

    package let code: Code

    package init(_ code: Code) {
        self.code = code
    }

    package var description: String {
        switch code {
        case .nodeNotRegistered: "The delivery engine could not register itself."
        case .intentRefused: "The lease of the message was lost."
        }
    }
}
