package import HTTPTypes
package import MinimoCore
package import SQLDatabase

/// One line of the route table: everything that is declared about an endpoint, once.
///
/// Authentication, permission checks, query and body rules, the access log's label and (through the schema names) the
/// API description all
/// read it; a handler knows none of that.
package struct Route: Sendable {
    /// What a route does with a request body.
    package enum Body: Sendable, Equatable {
        /// The route takes none; one that is sent is not read.
        case none
        /// One JSON value of at most so many bytes (contract 2.2).
        case json(limit: Int)

        /// The usual limit: 1 MiB.
        package static let standard = Body.json(limit: 1 << 20)
        /// Sending routes: 25 MiB, for attachments.
        package static let sending = Body.json(limit: 25 << 20)
    }

    /// Decodes and validates, and names the one operation that does the work.
    package typealias Handler = @Sendable (APIRequest) throws -> Operation

    package let method: HTTPRequest.Method
    /// `/v1/contacts/{id}`: literal segments and named parameters.
    package let path: String
    package let permission: Permission
    package let body: Body
    /// The query parameters that the route knows; any other is refused (contract 2.4).
    package let query: Set<String>
    /// One line for people.
    package let summary: String
    /// The names of the body's and the answer's schemas in the API description.
    package let requestSchema: String?
    package let responseSchema: String
    package let handler: Handler

    package init(
        _ method: HTTPRequest.Method, _ path: String, _ permission: Permission, summary: String, body: Body = .none,
        query: Set<String> = [], request: String? = nil, response: String, handler: @escaping Handler
    ) {
        self.method = method
        self.path = path
        self.permission = permission
        self.summary = summary
        self.body = body
        self.query = query
        self.requestSchema = request
        self.responseSchema = response
        self.handler = handler
    }
}

/// The work of one request: exactly one store operation in one transaction (design §3), so that the conventions around
/// it – the
/// idempotency record, a retry after a lost race – can join that transaction.
package struct Operation: Sendable {
    enum Work: Sendable {
        case read(@Sendable (Connection) throws -> Reply)
        case write(@Sendable (Connection) throws -> Reply, committed: @Sendable () -> Void)
    }

    let work: Work

    /// Reads from one snapshot.
    package static func read(_ body: @escaping @Sendable (Connection) throws -> Reply) -> Operation {
        Operation(work: .read(body))
    }

    /// Writes in one transaction. The closure may run more than once; `committed` runs once, after the commit.
    package static func write(
        _ body: @escaping @Sendable (Connection) throws -> Reply, committed: @escaping @Sendable () -> Void = {}
    ) -> Operation {
        Operation(work: .write(body, committed: committed))
    }
}

/// Routes that answer alike under several prefixes: `/api/messages` and `/v1/messages` are one collection mounted twice
/// (contract 1.2).
package struct RouteCollection: Sendable {
    package let routes: [Route]

    package init(_ routes: [Route]) {
        self.routes = routes
    }

    /// The routes of `collection`, whose paths have no prefix, under each of the prefixes.
    package static func mounted(under prefixes: [String], _ collection: (String) -> [Route]) -> RouteCollection {
        RouteCollection(prefixes.flatMap(collection))
    }
}
