import SQLDatabase

/// The values that all nodes of an installation share through its database.
enum InstanceSecret: String {
    /// The key behind public ids.
    case publicIDKey = "public-id-key"
    /// The key behind signed tokens.
    case tokenKey = "token-key"
    /// What the secret key of the first node left, to compare others with.
    case keyFingerprint = "secret-key-fingerprint"

    /// The stored value, if there is one.
    func get(_ db: Connection) throws -> [UInt8]? {
        try db.first(Self.select, [.text(rawValue)]) { $0.blob(0) }
    }

    /// The stored value; `value` becomes it when there is none. The first caller wins and all get the same.
    func get(_ db: Connection, orSet value: [UInt8]) throws -> [UInt8] {
        try db.execute(Self.insert, [.text(rawValue), .blob(value)])
        guard let stored = try get(db) else { throw StoreError.rowMissing }
        return stored
    }

    private static let insert = Statement(
        "INSERT INTO instance_secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
    private static let select = Statement("SELECT value FROM instance_secrets WHERE name = $1")
}
