import SQLDatabase
import Wire

extension MessageStore {
    /// The columns in the order in which ``message(_:)`` reads them. Filters and keyset pages of lists build on this
    /// too.
    private static let columns = columns(variables: "variables")

    private static func columns(variables: String) -> String {
        """
        id, workspace_id, channel, direction, status, category, sandbox, to_address, from_address, reply_to, cc, bcc,
        subject, template_id, template_version, campaign_id, contact_id, \(variables), has_content, header_message_id,
        provider_message_id, attempts, failure_code, failure_message, failure_permanent, tags, metadata, scheduled_at,
        created_at, sent_at, delivered_at, first_opened_at, first_clicked_at, open_count, click_count, resent_from
        """
    }

    static func message(_ row: Row) throws(MessageStoreError) -> Message {
        Message(
            id: row.int(0), workspaceID: row.int(1), channel: try known(MessageChannel(rawValue: row.text(2))),
            direction: try known(MessageDirection(rawValue: row.text(3))),
            status: try known(MessageStatus(rawValue: row.text(4))),
            category: try known(MessageCategory(rawValue: row.text(5))), isSandbox: row.bool(6), to: row.text(7),
            from: row.optionalText(8), replyTo: row.optionalText(9), ccJSON: row.text(10), bccJSON: row.text(11),
            subject: row.optionalText(12), templateID: row.optionalInt(13), templateVersion: row.optionalInt(14),
            campaignID: row.optionalInt(15), contactID: row.optionalInt(16), variablesJSON: row.optionalText(17),
            hasContent: row.bool(18), headerMessageID: row.text(19), providerMessageID: row.optionalText(20),
            attempts: Int(row.int(21)), failure: failure(row), tagsJSON: row.text(25), metadataJSON: row.text(26),
            scheduledAt: time(row, 27), createdAt: Timestamp(microseconds: row.int(28)), sentAt: time(row, 29),
            deliveredAt: time(row, 30), firstOpenedAt: time(row, 31), firstClickedAt: time(row, 32),
            openCount: Int(row.int(33)), clickCount: Int(row.int(34)), resentFrom: row.optionalInt(35))
    }

    private static func failure(_ row: Row) -> Message.Failure? {
        row.optionalText(22).map {
            Message.Failure(code: $0, message: row.optionalText(23) ?? "", permanent: row.optionalBool(24) ?? false)
        }
    }

    private static func time(_ row: Row, _ column: Int) -> Timestamp? {
        row.optionalInt(column).map(Timestamp.init(microseconds:))
    }

    static let selectByID = Statement("SELECT \(columns) FROM messages WHERE workspace_id = $1 AND id = $2")
    /// Lists do not show the values, which may be large.
    static let selectPage = Statement(
        """
        SELECT \(columns(variables: "CAST(NULL AS TEXT)")) FROM messages WHERE workspace_id = $1
        ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3
        """)
    static let countAll = Statement("SELECT COUNT(*) FROM messages WHERE workspace_id = $1")
    static let selectAttempts = Statement(
        """
        SELECT number, node_id, relay_id, intent_at, finished_at, outcome, code, enhanced_code, reply
        FROM delivery_attempts WHERE workspace_id = $1 AND message_id = $2 ORDER BY number
        """)
    static let selectContent = Statement(
        """
        SELECT subject, html, text, headers, attachment_count FROM message_contents
        WHERE workspace_id = $1 AND message_id = $2
        """)
    static let selectAttachments = Statement(
        """
        SELECT filename, content_type, content_id, content FROM message_attachments
        WHERE workspace_id = $1 AND message_id = $2 ORDER BY position
        """)

    static let insertMessage = Statement(
        """
        INSERT INTO messages (workspace_id, channel, direction, status, category, sandbox, to_address, from_address,
            reply_to, cc, bcc, subject, template_id, template_version, campaign_id, contact_id, variables, has_content,
            header_message_id, attempts, tags, metadata, scheduled_at, created_at, open_count, click_count, resent_from)
        VALUES ($1, $2, 'outbound', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, $19, $20,
            $21, $22, 0, 0, $23)
        RETURNING id
        """)
    static let insertContent = Statement(
        """
        INSERT INTO message_contents (workspace_id, message_id, subject, html, text, headers, attachment_count)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """)
    static let insertAttachment = Statement(
        """
        INSERT INTO message_attachments (workspace_id, message_id, position, filename, content_type, content_id, content)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """)
    static let insertQueueRow = Statement(
        """
        INSERT INTO delivery_queue (workspace_id, message_id, channel, lane, due_at, accepted_at, attempts)
        VALUES ($1, $2, $3, $4, $5, $6, 0)
        """)

    static let selectForUpdate = Statement {
        """
        SELECT status, contact_id FROM messages WHERE workspace_id = $1 AND id = $2 \($0.forUpdate)
        """
    }
    static let updateStatus = Statement(
        """
        UPDATE messages SET status = $3,
            provider_message_id = COALESCE($4, provider_message_id),
            failure_code = COALESCE($5, failure_code), failure_message = COALESCE($6, failure_message),
            failure_permanent = COALESCE($7, failure_permanent),
            sent_at = COALESCE(sent_at, $8), delivered_at = COALESCE(delivered_at, $9),
            first_opened_at = COALESCE(first_opened_at, $10), first_clicked_at = COALESCE(first_clicked_at, $11),
            open_count = open_count + $12, click_count = click_count + $13,
            attempts = CASE WHEN attempts < $14 THEN $14 ELSE attempts END
        WHERE workspace_id = $1 AND id = $2
        """)
    static let deleteQueueRow = Statement("DELETE FROM delivery_queue WHERE workspace_id = $1 AND message_id = $2")
    static let selectQueueRowBeforeIntent = Statement {
        """
        SELECT message_id FROM delivery_queue
        WHERE workspace_id = $1 AND message_id = $2 AND intent_at IS NULL AND follow_up IS NULL \($0.forUpdate)
        """
    }
    static let deleteQueueRowBeforeIntent = Statement(
        """
        DELETE FROM delivery_queue
        WHERE workspace_id = $1 AND message_id = $2 AND intent_at IS NULL AND follow_up IS NULL
        """)
}
