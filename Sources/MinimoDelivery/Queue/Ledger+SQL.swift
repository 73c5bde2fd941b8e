import MinimoCore
import SQLDatabase
import Wire

extension Ledger {
    /// `$1` to `$4`: only the holder of the lease may change the row.
    static func fence(_ lease: Lease) -> [SQLValue] {
        [
            .integer(lease.workspaceID), .integer(lease.messageID), .integer(lease.nodeID), .integer(lease.token),
        ]
    }

    static func attemptRow(_ completion: Completion) -> [SQLValue]? {
        guard let attempt = completion.attempt else { return nil }
        let lease = completion.lease
        return [
            .integer(lease.workspaceID), .integer(lease.messageID), .integer(Int64(lease.attempt)),
            .integer(lease.nodeID), .integer(lease.token), .optional(attempt.reply.relayID),
            .optional(attempt.intentAt?.microseconds), .integer(completion.finishedAt.microseconds),
            .text(attempt.outcome.rawValue), .optional(attempt.reply.code.map(Int64.init)),
            .optional(attempt.reply.enhancedCode), .text(attempt.reply.text),
        ]
    }

    static func messageRow(_ completion: Completion, _ status: MessageStatus) -> [SQLValue] {
        let at = SQLValue.integer(completion.finishedAt.microseconds)
        return [
            .integer(completion.lease.workspaceID), .integer(completion.lease.messageID),
            .text(completion.observed.rawValue), .text(status.rawValue), .integer(Int64(completion.attemptCount)),
            .optional(completion.providerMessageID), .optional(completion.failure?.code),
            .optional(completion.failure?.message), .optional(completion.failure?.permanent),
            status.isHandedOff ? at : .null, status == .delivered ? at : .null,
        ]
    }

    static let updateIntent = Statement(
        """
        UPDATE delivery_queue SET intent_at = $5
        WHERE workspace_id = $1 AND message_id = $2 AND lease_node = $3 AND lease_token = $4
        """)
    static let deleteRow = Statement(
        """
        DELETE FROM delivery_queue
        WHERE workspace_id = $1 AND message_id = $2 AND lease_node = $3 AND lease_token = $4
        """)
    static let updateRow = Statement(
        """
        UPDATE delivery_queue SET lease_node = NULL, lease_token = NULL, intent_at = NULL, due_at = $5, attempts = $6,
            wait_reason = $7, follow_up = $8
        WHERE workspace_id = $1 AND message_id = $2 AND lease_node = $3 AND lease_token = $4
        """)
    static let updateMessage = Statement(
        """
        UPDATE messages SET status = $4, attempts = $5, provider_message_id = COALESCE($6, provider_message_id),
            failure_code = $7, failure_message = $8, failure_permanent = $9, sent_at = COALESCE(sent_at, $10),
            delivered_at = COALESCE(delivered_at, $11)
        WHERE workspace_id = $1 AND id = $2 AND status = $3
        """)
    /// The rescuer may have written the row already, as unconfirmed; only the same lease may correct it.
    static let upsertAttempt = Statement(
        """
        INSERT INTO delivery_attempts (workspace_id, message_id, number, node_id, lease_token, relay_id, intent_at,
            finished_at, outcome, code, enhanced_code, reply)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (workspace_id, message_id, number) DO UPDATE SET relay_id = excluded.relay_id,
            intent_at = excluded.intent_at, finished_at = excluded.finished_at, outcome = excluded.outcome,
            code = excluded.code, enhanced_code = excluded.enhanced_code, reply = excluded.reply
        WHERE delivery_attempts.node_id = excluded.node_id AND delivery_attempts.lease_token = excluded.lease_token
        """)
}
