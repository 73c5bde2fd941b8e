package import HTTPTypes
package import Hummingbird
package import Logging
package import MinimoCore
import NIOCore
package import SQLDatabase
import Synchronization
package import Wire

/// What the server knows of a request beside its bytes.
package struct EdgeContext: Sendable, InitializableFromSource {
    /// The address at the other end of the connection.
    package let peer: String?

    package init(source: ApplicationRequestContextSource) {
        peer = source.channel.remoteAddress?.ipAddress
    }

    package init(peer: String?) {
        self.peer = peer
    }
}

/// The API edge: every request passes the same chain, in the order that is written in ``answer(_:_:requestID:)``
/// (design §4).
package struct APIResponder: HTTPResponder {
    /// What the edge is made of.
    package struct Configuration: Sendable {
        package var table: RouteTable
        package var database: Database
        package var keyRing: KeyRing
        package var transport: Transport
        package var hosts: Hosts
        package var now: @Sendable () -> Timestamp
        package var logger: Logger

        package init(
            table: RouteTable, database: Database, keyRing: KeyRing, transport: Transport = Transport(),
            hosts: Hosts = Hosts(), now: @escaping @Sendable () -> Timestamp = { Timestamp.now() }, logger: Logger
        ) {
            self.table = table
            self.database = database
            self.keyRing = keyRing
            self.transport = transport
            self.hosts = hosts
            self.now = now
            self.logger = logger
        }
    }

    private let configuration: Configuration
    private let listener: Transport.Listener
    private let drain: Drain
    private let runner: OperationRunner
    private let requestIDs = RequestIDs()

    /// - Parameters:
    ///   - listener: what the socket speaks that this responder stands behind.
    ///   - drain: once it is set, new requests are answered 503.
    package init(_ configuration: Configuration, listener: Transport.Listener, drain: Drain) {
        self.configuration = configuration
        self.listener = listener
        self.drain = drain
        self.runner = OperationRunner(database: configuration.database, logger: configuration.logger)
    }

    /// Answers one request. Never throws: every failure becomes an error answer (contract 4.1).
    package func respond(to request: Request, context: EdgeContext) async throws -> Response {
        let started = ContinuousClock.now
        let requestID = requestIDs.id(request.headers[.requestID])
        var trail = Trail()
        let reply = await answer(request, context, requestID: requestID, trail: &trail)
        var headers = HTTPFields()
        headers.reserveCapacity(6)
        headers[.contentType] = "application/json"
        headers[.requestID] = requestID
        if trail.secure { headers[.strictTransportSecurity] = "max-age=31536000" }
        for field in reply.headers { headers.append(field) }
        log(request, reply, trail, requestID: requestID, duration: started.duration(to: .now))
        if request.method == .head {
            headers[.contentLength] = String(reply.body.readableBytes)
            return Response(status: reply.status, headers: headers)
        }
        return Response(status: reply.status, headers: headers, body: ResponseBody(byteBuffer: reply.body))
    }

    /// What the access log learns on the way.
    private struct Trail {
        var secure = false
        var route = "-"
        var keyID: Int64?
    }

    /// The chain.
    private func answer(
        _ request: Request, _ context: EdgeContext, requestID: String, trail: inout Trail
    ) async -> Reply {
        do {
            let now = configuration.now()
            let target = Target(request.uri.string)
            trail.secure = configuration.transport.isSecure(
                listener, peer: context.peer, forwardedProto: request.headers[.forwardedProto])
            guard trail.secure else { throw Self.httpsRequired }
            guard !drain.isSet else { throw APIError.unavailable("The server is shutting down") }
            if let refusal = configuration.hosts.refusal(path: target.path, authority: request.head.authority) {
                throw refusal
            }
            // Cross-origin rules (contract §9) stand here: preflights are answered before authentication.
            let match = configuration.table.match(request.method, path: target.path)
            if case .unknown = match, !Self.needsKey(target.path) { throw APIError(.notFound, "No such path") }
            let key = try await authenticate(request, now: now)
            trail.keyID = key.id
            // The rate limit (contract §7) stands here, then the idempotency record (contract §8), which joins the
            // operation's transaction.
            let (route, parameters) = try Self.matched(match)
            trail.route = route.path
            try Self.checkPermission(route, key)
            let query = try QueryParameters(target.query, known: route.query)
            var body = JSONValue.null
            if case .json(let limit) = route.body { body = try await RequestBody.json(request, limit: limit) }
            let apiRequest = APIRequest(
                key: key, parameters: parameters, query: query, body: body, requestID: requestID, now: now)
            return try await runner.run(try route.handler(apiRequest), requestID: requestID)
        } catch let error as APIError {
            return error.reply
        } catch let error as DatabaseError {
            configuration.logger.warning(
                "database unavailable", metadata: ["request": "\(requestID)", "error": "\(error)"])
            return APIError.unavailable("The database is not available at the moment").reply
        } catch {
            configuration.logger.error(
                "unexpected error", metadata: ["request": "\(requestID)", "type": "\(type(of: error))"])
            return APIError(.internalError, "Something went wrong on our side").reply
        }
    }

    private func authenticate(_ request: Request, now: Timestamp) async throws -> APIKey {
        guard let header = request.headers[.authorization] else { throw APIError.unauthorized }
        let scheme = "bearer "
        guard header.utf8.count <= 256, header.utf8.count > scheme.utf8.count,
            header.prefix(scheme.count).lowercased() == scheme,
            let key = try await configuration.keyRing.authenticate(
                String(header.dropFirst(scheme.count)), now: now)
        else { throw APIError.unauthorized }
        return key
    }

    private static func matched(_ match: RouteTable.Match) throws(APIError) -> (Route, [String]) {
        switch match {
        case .route(let route, let parameters): return (route, parameters)
        case .otherMethod(let allow):
            throw APIError(
                .methodNotAllowed, "This path answers \(allow)",
                headers: [HTTPField(name: .allow, value: allow)])
        case .unknown: throw APIError(.notFound, "No such path")
        }
    }

    private static func checkPermission(_ route: Route, _ key: APIKey) throws(APIError) {
        guard key.permissions.allows(route.permission) else {
            throw APIError(
                .forbidden, "This API key lacks the permission \(route.permission.rawValue)",
                details: ["permission": .string(route.permission.rawValue)])
        }
    }

    /// Under the API's prefixes even an unknown path asks for a key first (contract A 1.6).
    private static func needsKey(_ path: Substring) -> Bool {
        ["/v1", "/public/v1", "/api"].contains { path == $0 || path.hasPrefix($0 + "/") }
    }

    private static let httpsRequired = APIError(.httpsRequired, "Use HTTPS: plain HTTP is not answered")

    /// One line per request: no address, no secret, no path parameter.
    private func log(_ request: Request, _ reply: Reply, _ trail: Trail, requestID: String, duration: Duration) {
        guard configuration.logger.logLevel <= .info else { return }
        let microseconds = duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
        let key = trail.keyID.map(String.init) ?? "-"
        configuration.logger.info(
            "\(request.method.rawValue) \(trail.route) \(reply.status.code) \(microseconds)us key=\(key) request=\(requestID)"
        )
    }
}

/// The two halves of a request target.
private struct Target {
    let path: Substring
    let query: Substring?

    init(_ target: String) {
        if let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) {
            path = target[..<mark]
            query = target[target.index(after: mark)...]
        } else {
            path = target[...]
            query = nil
        }
    }
}

/// Whether the server has begun to shut down (contract 4.3: new requests get 503, those in flight finish).
package final class Drain: Sendable {
    private let flag = Atomic(false)

    package init() {}

    package var isSet: Bool { flag.load(ordering: .acquiring) }

    package func set() { flag.store(true, ordering: .releasing) }
}

extension HTTPField.Name {
    // The names are plain tokens: the initialiser refuses only what is not one.
    package static let requestID = HTTPField.Name("X-Request-Id") ?? .server
    static let forwardedProto = HTTPField.Name("X-Forwarded-Proto") ?? .server
}
