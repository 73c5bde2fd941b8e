package import SQLDatabase
package import Wire

/// What test workspaces have sent, in the database.
package struct SandboxStore: Sendable {
    package init() {}

    /// Keeps a message. One that is sent again replaces what was kept of it.
    package func keep(
        _ db: Connection, workspaceID: Int64, channel: MessageChannel, messageID: Int64, to: String, from: String?,
        subject: String?, content: String, outcome: SandboxScenario, now: Timestamp
    ) throws {
        try db.execute(
            Self.upsert,
            [
                .integer(workspaceID), .text(channel.rawValue), .integer(messageID), .text(to), .optional(from),
                .optional(subject), .text(content), .text(outcome.rawValue), .integer(now.microseconds),
            ])
    }

    /// The kept message with this id.
    package func get(_ db: Connection, workspaceID: Int64, id: Int64) throws -> SandboxMessage? {
        try db.first(Self.selectByID, [.integer(workspaceID), .integer(id)], Self.message)
    }

    /// What was kept of a message.
    package func get(_ db: Connection, workspaceID: Int64, messageID: Int64) throws -> SandboxMessage? {
        try db.first(Self.selectByMessage, [.integer(workspaceID), .integer(messageID)], Self.message)
    }

    /// One page, newest first.
    package func list(_ db: Connection, workspaceID: Int64, limit: Int, offset: Int64) throws -> [SandboxMessage] {
        try db.query(
            Self.selectPage, [.integer(workspaceID), .integer(Int64(limit)), .integer(offset)], Self.message)
    }

    /// How many were kept: exact, an index scan.
    package func count(_ db: Connection, workspaceID: Int64) throws -> Int64 {
        try db.first(Self.countAll, [.integer(workspaceID)]) { $0.int(0) } ?? 0
    }

    private static func message(_ row: Row) throws -> SandboxMessage {
        SandboxMessage(
            id: row.int(0), channel: try MessageStore.known(MessageChannel(rawValue: row.text(1))),
            messageID: row.int(2), to: row.text(3), from: row.optionalText(4), subject: row.optionalText(5),
            content: row.text(6), outcome: try MessageStore.known(SandboxScenario(rawValue: row.text(7))),
            createdAt: Timestamp(microseconds: row.int(8)))
    }

    private static let columns =
        "id, channel, message_id, to_address, from_address, subject, content, outcome, created_at"
    static let upsert = Statement(
        """
        INSERT INTO sandbox_messages
            (workspace_id, channel, message_id, to_address, from_address, subject, content, outcome, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (workspace_id, message_id) DO UPDATE
        SET content = excluded.content, outcome = excluded.outcome, created_at = excluded.created_at
        """)
    static let selectByID = Statement("SELECT \(columns) FROM sandbox_messages WHERE workspace_id = $1 AND id = $2")
    static let selectByMessage = Statement(
        "SELECT \(columns) FROM sandbox_messages WHERE workspace_id = $1 AND message_id = $2")
    static let selectPage = Statement(
        "SELECT \(columns) FROM sandbox_messages WHERE workspace_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3")
    static let countAll = Statement("SELECT COUNT(*) FROM sandbox_messages WHERE workspace_id = $1")
}
