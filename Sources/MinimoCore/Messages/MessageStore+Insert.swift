package import SQLDatabase
package import Wire

extension MessageStore {
    /// Accepts messages: ledger rows, their own content, queue rows and `message.queued` events, in the caller's
    /// transaction and in four or five statements however many there are.
    ///
    /// The messages of a test workspace are marked for the sandbox. Signal the ``QueueSignal`` after the commit.
    ///
    /// - Returns: the ids in the order of the messages.
    @discardableResult
    package func insert(
        _ db: Connection, workspace: Workspace, messages: [NewMessage], now: Timestamp
    ) throws -> [Int64] {
        guard !messages.isEmpty else { return [] }
        let ids = try db.queryEach(Self.insertMessage, messages.map { Self.row($0, workspace, now) }) { $0.int(0) }
            .flatMap(\.self)
        guard ids.count == messages.count else { throw StoreError.rowMissing }
        try insertContents(db, workspace, ids, messages)
        _ = try db.executeEach(
            Self.insertQueueRow,
            zip(ids, messages).map { id, message in
                let due = max(message.scheduledAt ?? now, now)
                return [
                    .integer(workspace.id), .integer(id), .text(message.channel.rawValue),
                    .integer(message.category.lane.rawValue), .integer(due.microseconds), .integer(due.microseconds),
                ]
            })
        try EventStore().append(
            db,
            zip(ids, messages).map { id, message in
                NewEvent(
                    workspaceID: workspace.id, type: .messageQueued, at: now, messageID: id,
                    contactID: message.contactID)
            })
        return ids
    }

    private func insertContents(
        _ db: Connection, _ workspace: Workspace, _ ids: [Int64], _ messages: [NewMessage]
    ) throws {
        let contents = zip(ids, messages).compactMap { id, message in message.ownContent.map { (id, $0) } }
        guard !contents.isEmpty else { return }
        _ = try db.executeEach(
            Self.insertContent,
            contents.map { id, content in
                [
                    .integer(workspace.id), .integer(id), .optional(content.subject), .optional(content.html),
                    .optional(content.text), .text(Self.encoded(content.headers)),
                    .integer(Int64(content.attachments.count)),
                ]
            })
        for (id, content) in contents where !content.attachments.isEmpty {
            _ = try db.executeEach(
                Self.insertAttachment,
                content.attachments.enumerated().map { position, attachment in
                    [
                        .integer(workspace.id), .integer(id), .integer(Int64(position)), .text(attachment.filename),
                        .text(attachment.contentType), .optional(attachment.contentID), .blob(attachment.content),
                    ]
                })
        }
    }

    private static func row(_ message: NewMessage, _ workspace: Workspace, _ now: Timestamp) -> [SQLValue] {
        let isLater = message.scheduledAt.map { $0 > now } ?? false
        let status: MessageStatus = isLater ? .scheduled : .queued
        var template: (id: Int64?, version: Int64?, values: String?) = (nil, nil, nil)
        if case .template(let id, let version, let values) = message.content {
            template = (id, version, JSONValue.object(values).serialized())
        }
        return [
            .integer(workspace.id), .text(message.channel.rawValue), .text(status.rawValue),
            .text(message.category.rawValue), .boolean(workspace.mode == .test), .text(message.to),
            .optional(message.from), .optional(message.replyTo), .text(encoded(message.cc)),
            .text(encoded(message.bcc)), .optional(message.subject), .optional(template.id),
            .optional(template.version), .optional(message.campaignID), .optional(message.contactID),
            .optional(template.values), .boolean(message.ownContent != nil),
            .text(MessageIDHeader.make(from: message.from)), .text(encoded(message.tags)),
            .text(JSONValue.object(message.metadata).serialized()),
            .optional(message.scheduledAt?.microseconds), .integer(now.microseconds), .optional(message.resentFrom),
        ]
    }

    private static func encoded(_ values: [String]) -> String {
        values.isEmpty ? "[]" : JSONValue.array(values.map { .string($0) }).serialized()
    }
}
