package import SQLDatabase
package import Wire

/// One SMTP relay of a company.
package struct EmailRelay: Sendable, Equatable {
    package let id: Int64
    /// `smtp://user:password@host:port?tls=…`, with the password: never log it.
    package let url: String
    /// How many connections one node opens to it at most.
    package let connections: Int
    /// Relays are tried in this order, from 0.
    package let position: Int

    package init(id: Int64, url: String, connections: Int, position: Int) {
        self.id = id
        self.url = url
        self.connections = connections
        self.position = position
    }
}

/// How a workspace sends email.
package struct EmailChannel: Sendable, Equatable {
    package let workspaceID: Int64
    package let relays: [EmailRelay]
    /// The `From` of messages that name none: `Acme <hello@acme.example>`.
    package let defaultFrom: String?

    package init(workspaceID: Int64, relays: [EmailRelay], defaultFrom: String?) {
        self.workspaceID = workspaceID
        self.relays = relays
        self.defaultFrom = defaultFrom
    }
}

/// Email channels in the database. Relay URLs are sealed there.
package struct EmailChannelStore: Sendable {
    package let secrets: SecretBox

    package init(secrets: SecretBox) {
        self.secrets = secrets
    }

    /// The channel of a workspace, or `nil` when none has been set.
    ///
    /// - Throws: ``SecretBoxError`` when a relay was sealed with another key.
    package func load(_ db: Connection, workspaceID: Int64) throws -> EmailChannel? {
        guard let from = try defaultFrom(db, workspaceID: workspaceID) else { return nil }
        let relays = try db.query(Self.selectRelays, [.integer(workspaceID)]) { row in
            EmailRelay(
                id: row.int(0), url: try secrets.open(row.blob(1), purpose: Self.purpose(workspaceID)),
                connections: Int(row.int(2)), position: Int(row.int(3)))
        }
        return EmailChannel(workspaceID: workspaceID, relays: relays, defaultFrom: from)
    }

    /// The `From` of messages that name none.
    package func defaultFrom(_ db: Connection, workspaceID: Int64) throws -> String? {
        try db.first(Self.selectChannel, [.integer(workspaceID)]) { $0.text(0) }
    }

    /// Replaces the whole channel: relays in the order in which they are tried.
    package func set(
        _ db: Connection, workspaceID: Int64, relayURLs: [String], connections: Int, defaultFrom: String,
        now: Timestamp
    ) throws {
        try db.execute(
            Self.upsertChannel, [.integer(workspaceID), .text(defaultFrom), .integer(now.microseconds)])
        try db.execute(Self.deleteRelays, [.integer(workspaceID)])
        for (position, url) in relayURLs.enumerated() {
            try db.execute(
                Self.insertRelay,
                [
                    .integer(workspaceID), .integer(Int64(position)),
                    .blob(try secrets.seal(url, purpose: Self.purpose(workspaceID))), .integer(Int64(connections)),
                ])
        }
    }

    private static func purpose(_ workspaceID: Int64) -> String { "email relay of workspace \(workspaceID)" }

    private static let selectChannel = Statement("SELECT default_from FROM email_channels WHERE workspace_id = $1")
    private static let selectRelays = Statement(
        "SELECT id, url_sealed, connections, position FROM email_relays WHERE workspace_id = $1 ORDER BY position")
    private static let upsertChannel = Statement(
        """
        INSERT INTO email_channels (workspace_id, default_from, updated_at) VALUES ($1, $2, $3)
        ON CONFLICT (workspace_id) DO UPDATE SET default_from = excluded.default_from, updated_at = excluded.updated_at
        """)
    private static let deleteRelays = Statement("DELETE FROM email_relays WHERE workspace_id = $1")
    private static let insertRelay = Statement(
        "INSERT INTO email_relays (workspace_id, position, url_sealed, connections) VALUES ($1, $2, $3, $4)")
}
