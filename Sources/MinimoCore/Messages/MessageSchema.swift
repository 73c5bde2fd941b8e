package import SQLDatabase

/// The ledger of messages, the queue in front of it and everything that is kept about deliveries.
package enum MessageSchema {
    /// Messages, queue, attempts and nodes, then events and the sandbox.
    package static func statements(_ dialect: Dialect) -> [String] {
        messages(dialect) + queue(dialect) + EventSchema.statements(dialect) + SandboxSchema.statements(dialect)
    }

    private static func messages(_ dialect: Dialect) -> [String] {
        [
            """
            CREATE TABLE messages (
                workspace_id \(dialect.bigint) NOT NULL,
                id \(dialect.identityColumn),
                channel \(dialect.text) NOT NULL,
                direction \(dialect.text) NOT NULL,
                status \(dialect.text) NOT NULL,
                category \(dialect.text) NOT NULL,
                sandbox \(dialect.boolean) NOT NULL,
                to_address \(dialect.text) NOT NULL,
                from_address \(dialect.text),
                reply_to \(dialect.text),
                cc \(dialect.text) NOT NULL,
                bcc \(dialect.text) NOT NULL,
                subject \(dialect.text),
                template_id \(dialect.bigint),
                template_version \(dialect.bigint),
                campaign_id \(dialect.bigint),
                contact_id \(dialect.bigint),
                variables \(dialect.text),
                has_content \(dialect.boolean) NOT NULL,
                header_message_id \(dialect.text) NOT NULL,
                provider_message_id \(dialect.text),
                attempts \(dialect.bigint) NOT NULL,
                failure_code \(dialect.text),
                failure_message \(dialect.text),
                failure_permanent \(dialect.boolean),
                tags \(dialect.text) NOT NULL,
                metadata \(dialect.text) NOT NULL,
                scheduled_at \(dialect.bigint),
                created_at \(dialect.bigint) NOT NULL,
                sent_at \(dialect.bigint),
                delivered_at \(dialect.bigint),
                first_opened_at \(dialect.bigint),
                first_clicked_at \(dialect.bigint),
                open_count \(dialect.bigint) NOT NULL,
                click_count \(dialect.bigint) NOT NULL,
                resent_from \(dialect.bigint)
                \(dialect.primaryKey("workspace_id, id"))
            ) \(dialect.tableOptions)
            """,
            "CREATE INDEX messages_newest ON messages (workspace_id, created_at, id)",
            // Only messages that bring their own content have a row here; those of a template are rendered from its
            // pinned version.
            """
            CREATE TABLE message_contents (
                workspace_id \(dialect.bigint) NOT NULL,
                message_id \(dialect.bigint) NOT NULL,
                subject \(dialect.text),
                html \(dialect.text),
                text \(dialect.text),
                headers \(dialect.text) NOT NULL,
                attachment_count \(dialect.bigint) NOT NULL,
                PRIMARY KEY (workspace_id, message_id)
            ) \(dialect.tableOptions)
            """,
            """
            CREATE TABLE message_attachments (
                workspace_id \(dialect.bigint) NOT NULL,
                message_id \(dialect.bigint) NOT NULL,
                position \(dialect.bigint) NOT NULL,
                filename \(dialect.text) NOT NULL,
                content_type \(dialect.text) NOT NULL,
                content_id \(dialect.text),
                content \(dialect.blob) NOT NULL,
                PRIMARY KEY (workspace_id, message_id, position)
            ) \(dialect.tableOptions)
            """,
        ]
    }

    private static func queue(_ dialect: Dialect) -> [String] {
        [
            // One small row for each message that is not settled; it is deleted when the message is.
            """
            CREATE TABLE delivery_queue (
                workspace_id \(dialect.bigint) NOT NULL,
                message_id \(dialect.bigint) NOT NULL,
                channel \(dialect.text) NOT NULL,
                lane \(dialect.bigint) NOT NULL,
                due_at \(dialect.bigint) NOT NULL,
                accepted_at \(dialect.bigint) NOT NULL,
                attempts \(dialect.bigint) NOT NULL,
                follow_up \(dialect.text),
                wait_reason \(dialect.text),
                lease_node \(dialect.bigint),
                lease_token \(dialect.bigint),
                intent_at \(dialect.bigint),
                PRIMARY KEY (workspace_id, message_id)
            ) \(dialect.tableOptions)
            """,
            // Leasing seeks by lane, then workspace, so that one workspace's backlog costs the others nothing.
            """
            CREATE INDEX delivery_queue_due ON delivery_queue (lane, workspace_id, channel, due_at, message_id)
            WHERE lease_node IS NULL
            """,
            "CREATE INDEX delivery_queue_leased ON delivery_queue (lease_node) WHERE lease_node IS NOT NULL",
            """
            CREATE TABLE delivery_attempts (
                workspace_id \(dialect.bigint) NOT NULL,
                message_id \(dialect.bigint) NOT NULL,
                number \(dialect.bigint) NOT NULL,
                node_id \(dialect.bigint) NOT NULL,
                lease_token \(dialect.bigint) NOT NULL,
                relay_id \(dialect.bigint),
                intent_at \(dialect.bigint),
                finished_at \(dialect.bigint) NOT NULL,
                outcome \(dialect.text) NOT NULL,
                code \(dialect.bigint),
                enhanced_code \(dialect.text),
                reply \(dialect.text),
                PRIMARY KEY (workspace_id, message_id, number)
            ) \(dialect.tableOptions)
            """,
            // The engines of this installation. They belong to no workspace. A lease may outlive its node, so a later
            // node must not get its id.
            """
            CREATE TABLE nodes (
                id \(dialect.neverReusedIdentityColumn),
                started_at \(dialect.bigint) NOT NULL,
                alive_until \(dialect.bigint) NOT NULL
                \(dialect.primaryKey("id"))
            ) \(dialect.tableOptions)
            """,
        ]
    }
}
