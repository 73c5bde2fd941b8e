package import SQLDatabase
import Wire

/// The ledger in the database: each function is one use case inside the caller's transaction.
package struct MessageStore: Sendable {
    package init() {}

    /// The message with this id.
    package func get(_ db: Connection, workspaceID: Int64, id: Int64) throws -> Message? {
        try db.first(Self.selectByID, [.integer(workspaceID), .integer(id)], Self.message)
    }

    /// Several messages at once, by their ids; those that do not exist are left out.
    ///
    /// - Returns: for each an error if it holds a word that this release does not know: that one must wait, and not the
    ///   others.
    package func get(
        _ db: Connection, keys: [(workspaceID: Int64, id: Int64)]
    ) throws -> [Int64: Result<Message, MessageStoreError>] {
        guard !keys.isEmpty else { return [:] }
        let found = try db.queryEach(
            Self.selectByID, keys.map { [.integer($0.workspaceID), .integer($0.id)] }
        ) { row in
            (row.int(0), Result { () throws(MessageStoreError) in try Self.message(row) })
        }
        return Dictionary(found.flatMap(\.self), uniquingKeysWith: { first, _ in first })
    }

    /// One page of a workspace's messages, newest first.
    package func list(_ db: Connection, workspaceID: Int64, limit: Int, offset: Int64) throws -> [Message] {
        try db.query(
            Self.selectPage, [.integer(workspaceID), .integer(Int64(limit)), .integer(offset)], Self.message)
    }

    /// How many messages a workspace has: exact, an index scan.
    package func count(_ db: Connection, workspaceID: Int64) throws -> Int64 {
        try db.first(Self.countAll, [.integer(workspaceID)]) { $0.int(0) } ?? 0
    }

    /// A message's events, oldest first.
    package func events(_ db: Connection, workspaceID: Int64, id: Int64) throws -> [Event] {
        try EventStore().list(db, workspaceID: workspaceID, messageID: id)
    }

    /// A message's attempts, in order.
    package func attempts(_ db: Connection, workspaceID: Int64, id: Int64) throws -> [DeliveryAttempt] {
        try db.query(Self.selectAttempts, [.integer(workspaceID), .integer(id)]) { row in
            DeliveryAttempt(
                number: Int(row.int(0)), nodeID: row.int(1), relayID: row.optionalInt(2),
                intentAt: row.optionalInt(3).map(Timestamp.init(microseconds:)),
                finishedAt: Timestamp(microseconds: row.int(4)),
                outcome: try Self.known(DeliveryAttempt.Outcome(rawValue: row.text(5))),
                code: row.optionalInt(6).map(Int.init), enhancedCode: row.optionalText(7), reply: row.optionalText(8))
        }
    }

    /// What a message brings itself; nil when its template says everything.
    package func content(_ db: Connection, workspaceID: Int64, id: Int64) throws -> MessageContent? {
        let key: [SQLValue] = [.integer(workspaceID), .integer(id)]
        let found = try db.first(Self.selectContent, key) { row in
            (
                MessageContent(
                    subject: row.optionalText(0), html: row.optionalText(1), text: row.optionalText(2),
                    headers: Self.headers(row.text(3))),
                row.int(4)
            )
        }
        guard let found else { return nil }
        var content = found.0
        guard found.1 > 0 else { return content }
        content.attachments = try db.query(Self.selectAttachments, key) { row in
            MessageAttachment(
                filename: row.text(0), contentType: row.text(1), contentID: row.optionalText(2), content: row.blob(3))
        }
        return content
    }

    /// A stored word that this release does not know is an error: nothing may stand in for it.
    static func known<Value>(_ value: Value?) throws(MessageStoreError) -> Value {
        guard let value else { throw MessageStoreError.unknownValue }
        return value
    }

    /// Headers as a JSON array of `[name, value]` pairs.
    static func encoded(_ headers: [MessageHeader]) -> String {
        JSONValue.array(headers.map { .array([.string($0.name), .string($0.value)]) }).serialized()
    }

    private static func headers(_ json: String) -> [MessageHeader] {
        guard json != "[]", let pairs = (try? JSONValue(parsing: json))?.arrayValue else { return [] }
        return pairs.compactMap { pair in
            guard let pair = pair.arrayValue, pair.count == 2, let name = pair[0].stringValue,
                let value = pair[1].stringValue
            else { return nil }
            return MessageHeader(name: name, value: value)
        }
    }
}

/// The ledger holds something that this release does not know.
package enum MessageStoreError: Error {
    /// A word that a newer release wrote.
    case unknownValue
}
