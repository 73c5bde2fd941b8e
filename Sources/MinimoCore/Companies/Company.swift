package import SQLDatabase
package import Wire

/// A tenant: the owner of API keys, a live and a test workspace, channels and senders.
package struct Company: Sendable, Hashable {
    package let id: Int64
    /// The part of an API key that names the company: 10 lower-case base32 characters.
    package let clientID: String
    package let name: String
    package let createdAt: Timestamp

    package init(id: Int64, clientID: String, name: String, createdAt: Timestamp) {
        self.id = id
        self.clientID = clientID
        self.name = name
        self.createdAt = createdAt
    }
}

/// Companies and their workspaces in the database.
package struct CompanyStore: Sendable {
    package init() {}

    /// Creates a company with its live and its test workspace.
    package func create(_ db: Connection, name: String, now: Timestamp) throws -> Company {
        let clientID = Base32.encode(SecureRandom.bytes(6))
        let id = try db.first(
            Self.insert, [.text(clientID), .text(name), .integer(now.microseconds)]
        ) { $0.int(0) }
        guard let id else { throw StoreError.rowMissing }
        _ = try db.executeEach(
            Self.insertWorkspace,
            Workspace.Mode.allCases.map { [.integer(id), .text($0.rawValue)] })
        return Company(id: id, clientID: clientID, name: name, createdAt: now)
    }

    /// The first company of the installation; it is created, called `Default`, when there is none.
    package func first(_ db: Connection, now: Timestamp) throws -> Company {
        if let company = try first(db) { return company }
        try lock(db)
        return try first(db) ?? create(db, name: "Default", now: now)
    }

    /// The first company of the installation, if there is one.
    package func first(_ db: Connection) throws -> Company? {
        try db.first(Self.selectFirst, [], Self.company)
    }

    /// Keeps other processes from setting up the installation until the transaction ends: whoever holds the lock may
    /// look and then create.
    package func lock(_ db: Connection) throws {
        _ = try db.first(Self.lockInstallation, []) { $0.text(0) }
    }

    /// The company that a client id names.
    package func find(_ db: Connection, clientID: String) throws -> Company? {
        try db.first(Self.selectByClientID, [.text(clientID)], Self.company)
    }

    /// Every company, oldest first.
    package func all(_ db: Connection) throws -> [Company] {
        try db.query(Self.selectAll, [], Self.company)
    }

    /// A company's workspace of one mode.
    package func workspace(_ db: Connection, companyID: Int64, mode: Workspace.Mode) throws -> Workspace {
        let id = try db.first(Self.selectWorkspace, [.integer(companyID), .text(mode.rawValue)]) { $0.int(0) }
        guard let id else { throw StoreError.rowMissing }
        return Workspace(id: id, companyID: companyID, mode: mode)
    }

    private static func company(_ row: Row) -> Company {
        Company(
            id: row.int(0), clientID: row.text(1), name: row.text(2), createdAt: Timestamp(microseconds: row.int(3)))
    }

    private static let insert = Statement(
        "INSERT INTO companies (client_id, name, created_at) VALUES ($1, $2, $3) RETURNING id")
    private static let insertWorkspace = Statement("INSERT INTO workspaces (company_id, mode) VALUES ($1, $2)")
    private static let selectFirst = Statement(
        "SELECT id, client_id, name, created_at FROM companies ORDER BY id LIMIT 1")
    private static let lockInstallation = Statement {
        "SELECT name FROM instance_secrets WHERE name = 'public-id-key' \($0.forUpdate)"
    }
    private static let selectByClientID = Statement(
        "SELECT id, client_id, name, created_at FROM companies WHERE client_id = $1")
    private static let selectAll = Statement("SELECT id, client_id, name, created_at FROM companies ORDER BY id")
    private static let selectWorkspace = Statement("SELECT id FROM workspaces WHERE company_id = $1 AND mode = $2")
}

/// A row that must exist does not: the database was changed by other hands.
package enum StoreError: Error {
    case rowMissing
}
