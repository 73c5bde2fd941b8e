package import HTTPTypes
import Wire

/// All routes, found by method and path.
///
/// The one place that knows which paths exist: it tells an unknown path from a known one with another method.
package struct RouteTable: Sendable {
    /// What a request's method and path lead to.
    package enum Match: Sendable {
        case route(Route, parameters: [String])
        /// The path exists; `allow` lists its methods.
        case otherMethod(allow: String)
        case unknown
    }

    /// Every route, in the order of registration.
    package let routes: [Route]
    private let root: Node

    package init(_ collections: [RouteCollection]) {
        routes = collections.flatMap(\.routes)
        let root = Builder()
        for route in routes { root.insert(route) }
        self.root = root.build()
    }

    /// Finds the route of a request. `HEAD` is answered by the `GET` route (contract 3.4).
    ///
    /// - Parameter path: the path as it arrived, still percent-encoded, without the query.
    package func match(_ method: HTTPRequest.Method, path: Substring) -> Match {
        guard path.first == "/" else { return .unknown }
        var parameters: [String] = []
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        guard segments.count <= 16, let node = root.find(segments[...], &parameters) else { return .unknown }
        let wanted = method == .head ? .get : method
        if let route = node.routes.first(where: { $0.method == wanted }) {
            return .route(route, parameters: parameters)
        }
        var names = node.routes.map(\.method.rawValue)
        if names.contains("GET") { names.append("HEAD") }
        return .otherMethod(allow: names.sorted().joined(separator: ", "))
    }

    private struct Node: Sendable {
        /// Few at each place: comparing bytes is cheaper than hashing a string that would have to be made first.
        let literals: [(name: [UInt8], node: Node)]
        let parameter: [Node]
        let routes: [Route]

        /// Literal segments win over parameters: `/contacts/by-email/x` is never a contact called `by-email`.
        func find(_ segments: ArraySlice<Substring>, _ parameters: inout [String]) -> Node? {
            guard let segment = segments.first else { return routes.isEmpty ? nil : self }
            let rest = segments.dropFirst()
            let literal = literals.first { segment.utf8.elementsEqual($0.name) }
            if let found = literal?.node.find(rest, &parameters) { return found }
            guard let child = parameter.first, !segment.isEmpty, let value = PercentEncoding.decode(segment) else {
                return nil
            }
            parameters.append(value)
            if let found = child.find(rest, &parameters) { return found }
            parameters.removeLast()
            return nil
        }
    }

    /// Only lives while the table is made.
    private final class Builder {
        private var literals: [String: Builder] = [:]
        private var parameter: Builder?
        private var routes: [Route] = []

        func insert(_ route: Route) {
            var builder = self
            for segment in route.path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
                builder = segment.first == "{" ? builder.parameterChild() : builder.child(String(segment))
            }
            builder.routes.append(route)
        }

        func build() -> Node {
            Node(
                literals: literals.map { (Array($0.key.utf8), $0.value.build()) },
                parameter: parameter.map { [$0.build()] } ?? [],
                routes: routes)
        }

        private func child(_ name: String) -> Builder {
            if let existing = literals[name] { return existing }
            let child = Builder()
            literals[name] = child
            return child
        }

        private func parameterChild() -> Builder {
            if let parameter { return parameter }
            let child = Builder()
            parameter = child
            return child
        }
    }
}
