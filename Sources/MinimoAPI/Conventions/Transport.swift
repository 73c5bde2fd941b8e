package import MinimoCore

/// How a request reached us, and from whom: decided once per connection or request, before anything else is looked at.
package struct Transport: Sendable {
    /// Whether a listener speaks TLS itself.
    package enum Listener: Sendable {
        case tls
        case plain
    }

    /// The networks whose `X-Forwarded-Proto` counts (contract 1.4).
    package let trustedProxies: [AddressRange]

    package init(trustedProxies: [AddressRange] = []) {
        self.trustedProxies = trustedProxies
    }

    /// Whether the client's side of the exchange is HTTPS.
    package func isSecure(_ listener: Listener, peer: String?, forwardedProto: String?) -> Bool {
        listener == .tls || (isTrusted(peer) && Self.lastElement(forwardedProto) == "https")
    }

    /// The element that the nearest proxy added: fields of one name arrive joined by commas.
    private static func lastElement(_ field: String?) -> String? {
        field?.split(separator: ",").last.map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
    }

    private func isTrusted(_ address: String?) -> Bool {
        guard let address, !trustedProxies.isEmpty else { return false }
        return trustedProxies.contains { $0.contains(address) }
    }
}

/// The public names of the two hosts (contract 1.1, 1.3). With none configured every path answers on every host.
package struct Hosts: Sendable {
    package let api: String?
    package let app: String?

    /// With one name given, both hosts have it.
    package init(api: String? = nil, app: String? = nil) {
        self.api = (api ?? app).map(Self.name)
        self.app = (app ?? api).map(Self.name)
    }

    /// The refusal for a path asked on the wrong host, or `nil` when the path answers there.
    func refusal(path: Substring, authority: String?) -> APIError? {
        guard let api, let app else { return nil }
        let belongsToAPI = path.hasPrefix("/v1/") || path.hasPrefix("/public/v1/")
        let belongsToApp = path.hasPrefix("/api/")
        guard belongsToAPI || belongsToApp else { return nil }
        let asked = authority.map(Self.name)
        let right = belongsToAPI ? api : app
        guard asked != right else { return nil }
        if asked == api || asked == app {
            return APIError(.notFound, "This path is served at https://\(right)")
        }
        return APIError(.notFound, "There is nothing at this address; the API is served at https://\(right)")
    }

    /// The host name of an authority, without its port.
    private static func name(_ authority: String) -> String {
        if authority.hasPrefix("[") { return authority.lowercased() }
        return authority.split(separator: ":", maxSplits: 1).first.map { $0.lowercased() } ?? ""
    }
}
