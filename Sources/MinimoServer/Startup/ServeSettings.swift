package import MinimoCore

/// Where a server listens: `127.0.0.1:8443`, `[::1]:8443`, `0.0.0.0:443`.
package struct ListenAddress: Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int

    /// - Throws: ``StartupError`` when the text is not a host and a port.
    package init(_ text: String) throws {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port), colon != text.startIndex
        else { throw StartupError("\(text) is no address to listen on: 127.0.0.1:8443") }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        self.host = host
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// What the server is told when it starts.
package struct ServeSettings: Sendable {
    package var directory: DataDirectory
    /// `nil` is the embedded database.
    package var databaseURL: String?
    package var listen: ListenAddress
    package var plainListen: ListenAddress?
    /// PEM files; without them the local authority makes the certificate.
    package var certificateFile: String?
    package var keyFile: String?
    package var apiHost: String?
    package var appHost: String?
    package var trustedProxies: [AddressRange]
    package var environment: [String: String]

    package init(
        directory: DataDirectory, databaseURL: String?, listen: ListenAddress, plainListen: ListenAddress?,
        certificateFile: String?, keyFile: String?, apiHost: String?, appHost: String?,
        trustedProxies: [AddressRange], environment: [String: String]
    ) {
        self.directory = directory
        self.databaseURL = databaseURL
        self.listen = listen
        self.plainListen = plainListen
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.apiHost = apiHost
        self.appHost = appHost
        self.trustedProxies = trustedProxies
        self.environment = environment
    }
}
