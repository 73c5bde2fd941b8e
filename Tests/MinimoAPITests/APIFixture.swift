import HTTPTypes
import Hummingbird
import Logging
import MinimoAPI
import MinimoCore
import MinimoTesting
import NIOCore
import SQLDatabase
import Synchronization
import Wire

/// The API over a fresh database, without sockets: requests go straight into the chain of conventions.
struct APIFixture: Sendable {
    let database: Database
    let instance: Instance
    let company: Company
    let other: Company
    let table: RouteTable
    let configuration: APIResponder.Configuration
    let drain = Drain()

    /// A key with every permission in the company's test workspace.
    let key: String
    /// The same in its live workspace.
    let liveKey: String
    /// The same of another company's test workspace.
    let otherKey: String

    /// Runs `body` against a fresh installation on one engine.
    static func run(
        _ engine: TestEngine, transport: Transport = Transport(), hosts: Hosts = Hosts(),
        _ body: (APIFixture, APIClient) async throws -> Void
    ) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let fixture = try await APIFixture(database, transport: transport, hosts: hosts)
            try await body(fixture, fixture.client())
        }
    }

    init(_ database: Database, transport: Transport, hosts: Hosts) async throws {
        self.database = database
        instance = try await Instance.load(from: database)
        let now = Timestamp.now()
        (company, other) = try await database.write { db in
            (
                try CompanyStore().create(db, name: "Acme", now: now),
                try CompanyStore().create(db, name: "Other", now: now)
            )
        }
        key = try await Self.makeKey(database, company, [.fullAccess])
        liveKey = try await Self.makeKey(database, company, [.fullAccess], mode: .live)
        otherKey = try await Self.makeKey(database, other, [.fullAccess])
        let channels = EmailChannelStore(secrets: SecretBox(key: [UInt8](repeating: 7, count: 32)))
        let renderer = MessageRenderer()
        table = Routes.table(
            ids: instance.ids, sender: EmailSender(channels: channels, renderer: renderer), renderer: renderer,
            queue: QueueSignal())
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        configuration = APIResponder.Configuration(
            table: table, database: database, keyRing: KeyRing(database: database), transport: transport, hosts: hosts,
            logger: logger)
    }

    /// A client whose requests come through one kind of listener.
    func client(listener: Transport.Listener = .tls) -> APIClient {
        APIClient(responder: APIResponder(configuration, listener: listener, drain: drain), key: key)
    }

    static func makeKey(
        _ database: Database, _ company: Company, _ permissions: [Permission], mode: Workspace.Mode = .test,
        expiresAt: Timestamp = Timestamp.now().adding(.seconds(3600))
    ) async throws -> String {
        try await database.write { db in
            try APIKeyStore().create(
                db, company: company, mode: mode, name: "test", permissions: PermissionSet(permissions),
                expiresAt: expiresAt, now: .now()
            ).secret.text
        }
    }
}

/// One answer.
struct Answer: Sendable {
    let status: Int
    let headers: HTTPFields
    let text: String

    /// The body as JSON; `null` when it is none.
    var json: JSONValue { (try? JSONReader.parse(text)) ?? .null }

    subscript(_ path: String...) -> JSONValue? {
        path.reduce(Optional(json)) { value, name in
            guard let index = Int(name), case .array(let elements)? = value else { return value?[name] }
            return elements.indices.contains(index) ? elements[index] : nil
        }
    }

    /// The code of an error answer.
    var code: String? { self["error", "code"]?.stringValue }
}

/// Sends requests as a client of the API does.
struct APIClient: Sendable {
    let responder: APIResponder
    let key: String

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, key: String? = nil,
        contentType: String? = "application/json", headers: HTTPFields = [:], authority: String? = nil
    ) async throws -> Answer {
        var headers = headers
        headers[.authorization] = "Bearer \(key ?? self.key)"
        return try await raw(method, path, body, contentType: contentType, headers: headers, authority: authority)
    }

    /// Without a key unless `headers` bring one.
    func raw(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, contentType: String? = nil,
        headers: HTTPFields = [:], authority: String? = nil
    ) async throws -> Answer {
        var headers = headers
        if let body {
            headers[.contentLength] = String(body.utf8.count)
            if let contentType { headers[.contentType] = contentType }
        }
        let head = HTTPRequest(
            method: method, scheme: "https", authority: authority, path: path, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(string: body ?? "")))
        let response = try await responder.respond(to: request, context: EdgeContext(peer: nil))
        let bytes = Mutex(ByteBuffer())
        try await response.body.write(
            CollectingWriter(bytes: { more in bytes.withLock { _ = $0.writeImmutableBuffer(more) } }))
        return Answer(
            status: Int(response.status.code), headers: response.headers, text: String(buffer: bytes.withLock { $0 }))
    }
}

/// Hands on what a response body writes.
private struct CollectingWriter: ResponseBodyWriter {
    let bytes: (ByteBuffer) -> Void

    func write(_ buffer: ByteBuffer) async throws { bytes(buffer) }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
