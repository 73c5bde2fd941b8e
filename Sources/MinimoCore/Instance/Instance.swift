package import SQLDatabase
package import Wire

/// What all nodes of one installation share and a database alone decides: the key behind public ids and the key behind
/// signed tokens.
package struct Instance: Sendable {
    /// Turns row ids into public ids and back (contract 3.3).
    package let ids: PublicIDCodec
    /// Signs links and other tokens that leave the system.
    package let tokens: TokenSigner

    /// Loads the installation's keys and makes those that do not exist yet.
    ///
    /// Safe when several nodes start at once: the first one to insert wins and all read the same value.
    ///
    /// - Parameter database: a migrated database.
    /// - Throws: ``DatabaseError`` when the database cannot be read or written.
    package static func load(from database: Database) async throws -> Instance {
        let idKey = SecureRandom.bytes(16)
        let tokenKey = SecureRandom.bytes(32)
        let keys = try await database.write { db in
            (
                id: try InstanceSecret.publicIDKey.get(db, orSet: idKey),
                token: try InstanceSecret.tokenKey.get(db, orSet: tokenKey)
            )
        }
        return Instance(ids: PublicIDCodec(key: keys.id), tokens: TokenSigner(key: keys.token))
    }
}
