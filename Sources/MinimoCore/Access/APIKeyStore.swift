package import SQLDatabase
package import Wire

/// API keys in the database.
package struct APIKeyStore: Sendable {
    package init() {}

    /// Creates a key and its first secret.
    ///
    /// - Returns: the key, and the secret that is shown once and never again.
    package func create(
        _ db: Connection, company: Company, mode: Workspace.Mode, name: String, permissions: PermissionSet,
        expiresAt: Timestamp, now: Timestamp
    ) throws -> (key: APIKey, secret: APIKeySecret) {
        let workspace = try CompanyStore().workspace(db, companyID: company.id, mode: mode)
        let secret = APIKeySecret(clientID: company.clientID, mode: mode)
        let id = try db.first(
            Self.insert,
            [
                .integer(workspace.id), .text(name), .text(permissions.stored), .integer(expiresAt.microseconds),
                .integer(now.microseconds),
            ]
        ) { $0.int(0) }
        guard let id else { throw StoreError.rowMissing }
        try insertSecret(db, secret, workspaceID: workspace.id, keyID: id, now: now)
        let key = APIKey(
            id: id, workspace: workspace, clientID: company.clientID, name: name, permissions: permissions,
            expiresAt: expiresAt, revokedAt: nil, lastUsedAt: nil, createdAt: now)
        return (key, secret)
    }

    /// The key that a secret belongs to, whatever its state; `nil` when the secret is unknown or its overlap is over.
    package func find(_ db: Connection, hash: [UInt8], now: Timestamp) throws -> APIKey? {
        try db.first(Self.selectByHash, [.blob(hash), .integer(now.microseconds)], Self.key)
    }

    /// A company's keys of both modes, newest first.
    package func list(_ db: Connection, companyID: Int64) throws -> [APIKey] {
        try db.query(Self.selectByCompany, [.integer(companyID)], Self.key)
    }

    /// One key of a company.
    package func get(_ db: Connection, companyID: Int64, id: Int64) throws -> APIKey? {
        try db.first(Self.selectByID, [.integer(companyID), .integer(id)], Self.key)
    }

    /// Revokes a key; revoking twice keeps the first time.
    package func revoke(_ db: Connection, key: APIKey, now: Timestamp) throws {
        try db.execute(Self.revoke, [.integer(key.workspace.id), .integer(key.id), .integer(now.microseconds)])
    }

    /// Gives a key a new secret and lets the old ones live until `overlapEnds`.
    package func rotate(_ db: Connection, key: APIKey, overlapEnds: Timestamp, now: Timestamp) throws -> APIKeySecret {
        try db.execute(
            Self.endSecrets, [.integer(key.workspace.id), .integer(key.id), .integer(overlapEnds.microseconds)])
        let secret = APIKeySecret(clientID: key.clientID, mode: key.workspace.mode)
        try insertSecret(db, secret, workspaceID: key.workspace.id, keyID: key.id, now: now)
        return secret
    }

    /// Remembers when keys were last used.
    package func touch(_ db: Connection, _ uses: [(key: APIKey, at: Timestamp)]) throws {
        _ = try db.executeEach(
            Self.touch,
            uses.map { [.integer($0.key.workspace.id), .integer($0.key.id), .integer($0.at.microseconds)] })
    }

    private func insertSecret(
        _ db: Connection, _ secret: APIKeySecret, workspaceID: Int64, keyID: Int64, now: Timestamp
    ) throws {
        try db.execute(
            Self.insertSecret,
            [.blob(secret.hash), .integer(workspaceID), .integer(keyID), .integer(now.microseconds)])
    }

    private static func key(_ row: Row) -> APIKey {
        APIKey(
            id: row.int(0),
            workspace: Workspace(
                id: row.int(1), companyID: row.int(2), mode: Workspace.Mode(rawValue: row.text(3)) ?? .test),
            clientID: row.text(4), name: row.text(5), permissions: PermissionSet(stored: row.text(6)),
            expiresAt: Timestamp(microseconds: row.int(7)),
            revokedAt: row.optionalInt(8).map(Timestamp.init(microseconds:)),
            lastUsedAt: row.optionalInt(9).map(Timestamp.init(microseconds:)),
            createdAt: Timestamp(microseconds: row.int(10)))
    }

    private static let columns = """
        k.id, k.workspace_id, w.company_id, w.mode, c.client_id, k.name, k.permissions, k.expires_at, k.revoked_at,
        k.last_used_at, k.created_at
        """
    private static let joined = """
        api_keys k JOIN workspaces w ON w.id = k.workspace_id JOIN companies c ON c.id = w.company_id
        """
    private static let insert = Statement(
        """
        INSERT INTO api_keys (workspace_id, name, permissions, expires_at, created_at)
        VALUES ($1, $2, $3, $4, $5) RETURNING id
        """)
    private static let insertSecret = Statement(
        "INSERT INTO api_key_secrets (hash, workspace_id, key_id, created_at) VALUES ($1, $2, $3, $4)")
    static let selectByHash = Statement(
        """
        SELECT \(columns) FROM \(joined) JOIN api_key_secrets s ON s.workspace_id = k.workspace_id AND s.key_id = k.id
        WHERE s.hash = $1 AND (s.expires_at IS NULL OR s.expires_at > $2)
        """)
    private static let selectByCompany = Statement(
        "SELECT \(columns) FROM \(joined) WHERE w.company_id = $1 ORDER BY k.id DESC")
    private static let selectByID = Statement("SELECT \(columns) FROM \(joined) WHERE w.company_id = $1 AND k.id = $2")
    private static let revoke = Statement(
        "UPDATE api_keys SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL")
    private static let endSecrets = Statement(
        """
        UPDATE api_key_secrets SET expires_at = $3
        WHERE workspace_id = $1 AND key_id = $2 AND (expires_at IS NULL OR expires_at > $3)
        """)
    private static let touch = Statement(
        "UPDATE api_keys SET last_used_at = $3 WHERE workspace_id = $1 AND id = $2")
}
