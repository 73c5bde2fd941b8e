package import SQLDatabase
package import Wire

/// Events in the database. They are written in the transaction of the change that they tell of, and never changed.
package struct EventStore: Sendable {
    package init() {}

    /// Writes events in one batch; their ids grow in the order of the list.
    package func append(_ db: Connection, _ events: [NewEvent]) throws {
        guard !events.isEmpty else { return }
        _ = try db.executeEach(Self.insert, events.map(Self.values))
    }

    /// Writes one event about a contact or a message.
    package func append(
        _ db: Connection, workspaceID: Int64, _ type: EventType, contactID: Int64? = nil, messageID: Int64? = nil,
        at: Timestamp, data: JSONObject = JSONObject()
    ) throws {
        let event = NewEvent(
            workspaceID: workspaceID, type: type, at: at, messageID: messageID, contactID: contactID,
            dataJSON: JSONValue.object(data).serialized())
        _ = try db.execute(Self.insert, Self.values(event))
    }

    /// A message's events, oldest first, at most `limit`.
    package func list(
        _ db: Connection, workspaceID: Int64, messageID: Int64, limit: Int = 1000
    ) throws -> [Event] {
        try db.query(
            Self.selectByMessage, [.integer(workspaceID), .integer(messageID), .integer(Int64(limit))], Self.event)
    }

    /// One page of a contact's events, newest first.
    package func list(
        _ db: Connection, workspaceID: Int64, contactID: Int64, limit: Int, offset: Int64 = 0
    ) throws -> [Event] {
        try db.query(
            Self.selectByContact,
            [.integer(workspaceID), .integer(contactID), .integer(Int64(limit)), .integer(offset)], Self.event)
    }

    /// How many events a contact has: exact, an index scan.
    package func count(_ db: Connection, workspaceID: Int64, contactID: Int64) throws -> Int64 {
        try db.first(Self.countByContact, [.integer(workspaceID), .integer(contactID)]) { $0.int(0) } ?? 0
    }

    private static func values(_ event: NewEvent) -> [SQLValue] {
        [
            .integer(event.workspaceID), .text(event.type.rawValue), .integer(event.at.microseconds),
            .optional(event.messageID), .optional(event.contactID), .text(event.dataJSON),
        ]
    }

    /// A type that a newer release wrote is an error: no other type may stand in for it.
    private static func event(_ row: Row) throws -> Event {
        guard let type = EventType(rawValue: row.text(1)) else { throw EventStoreError.unknownType }
        return Event(
            id: row.int(0), type: type, at: Timestamp(microseconds: row.int(2)), messageID: row.optionalInt(3),
            contactID: row.optionalInt(4), dataJSON: row.text(5))
    }

    private static let columns = "id, type, at, message_id, contact_id, data"
    static let insert = Statement(
        "INSERT INTO events (workspace_id, type, at, message_id, contact_id, data) VALUES ($1, $2, $3, $4, $5, $6)")
    static let selectByMessage = Statement(
        "SELECT \(columns) FROM events WHERE workspace_id = $1 AND message_id = $2 ORDER BY id LIMIT $3")
    static let selectByContact = Statement(
        """
        SELECT \(columns) FROM events WHERE workspace_id = $1 AND contact_id = $2
        ORDER BY id DESC LIMIT $3 OFFSET $4
        """)
    static let countByContact = Statement("SELECT COUNT(*) FROM events WHERE workspace_id = $1 AND contact_id = $2")
}

/// The event log holds something that this release does not know.
package enum EventStoreError: Error {
    /// A type that a newer release wrote.
    case unknownType
}
