package import Wire

/// An API key without its secret.
package struct APIKey: Sendable, Hashable {
    package let id: Int64
    package let workspace: Workspace
    package let clientID: String
    package let name: String
    package let permissions: PermissionSet
    package let expiresAt: Timestamp
    package let revokedAt: Timestamp?
    package let lastUsedAt: Timestamp?
    package let createdAt: Timestamp

    package init(
        id: Int64, workspace: Workspace, clientID: String, name: String, permissions: PermissionSet,
        expiresAt: Timestamp, revokedAt: Timestamp?, lastUsedAt: Timestamp?, createdAt: Timestamp
    ) {
        self.id = id
        self.workspace = workspace
        self.clientID = clientID
        self.name = name
        self.permissions = permissions
        self.expiresAt = expiresAt
        self.revokedAt = revokedAt
        self.lastUsedAt = lastUsedAt
        self.createdAt = createdAt
    }

    /// Whether the key opens anything at `now`.
    package func isUsable(at now: Timestamp) -> Bool {
        revokedAt == nil && now < expiresAt
    }
}
