package import SQLDatabase
package import Wire

/// A domain that a company may write as in `From`.
package struct SenderDomain: Sendable, Hashable {
    package let id: Int64
    /// Lower-case A-labels.
    package let domain: String
    /// The operator vouches for it.
    package let trusted: Bool
    package let verifiedAt: Timestamp?
    package let createdAt: Timestamp

    /// Whether mail may be sent from it.
    package var isUsable: Bool { trusted || verifiedAt != nil }
}

/// Sender domains in the database.
package struct SenderDomainStore: Sendable {
    package init() {}

    /// Adds a domain. One that is there already keeps the operator's trust, or gains it.
    package func add(
        _ db: Connection, workspaceID: Int64, domain: String, trusted: Bool, now: Timestamp
    ) throws -> SenderDomain {
        let added = try db.first(
            Self.upsert, [.integer(workspaceID), .text(domain), .boolean(trusted), .integer(now.microseconds)],
            Self.domain)
        guard let added else { throw StoreError.rowMissing }
        return added
    }

    /// A workspace's sender domain by name.
    package func find(_ db: Connection, workspaceID: Int64, domain: String) throws -> SenderDomain? {
        try db.first(Self.selectByDomain, [.integer(workspaceID), .text(domain)], Self.domain)
    }

    /// Every sender domain of a workspace, by name.
    package func list(_ db: Connection, workspaceID: Int64) throws -> [SenderDomain] {
        try db.query(Self.selectAll, [.integer(workspaceID)], Self.domain)
    }

    private static func domain(_ row: Row) -> SenderDomain {
        SenderDomain(
            id: row.int(0), domain: row.text(1), trusted: row.bool(2),
            verifiedAt: row.optionalInt(3).map(Timestamp.init(microseconds:)),
            createdAt: Timestamp(microseconds: row.int(4)))
    }

    private static let upsert = Statement(
        """
        INSERT INTO sender_domains (workspace_id, domain, trusted, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (workspace_id, domain) DO UPDATE SET trusted = sender_domains.trusted OR excluded.trusted
        RETURNING id, domain, trusted, verified_at, created_at
        """)
    static let selectByDomain = Statement(
        """
        SELECT id, domain, trusted, verified_at, created_at FROM sender_domains
        WHERE workspace_id = $1 AND domain = $2
        """)
    private static let selectAll = Statement(
        """
        SELECT id, domain, trusted, verified_at, created_at FROM sender_domains WHERE workspace_id = $1
        ORDER BY domain
        """)
}
