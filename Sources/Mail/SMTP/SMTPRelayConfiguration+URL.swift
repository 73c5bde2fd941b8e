/// Why a text is not the URL of a relay. Never holds the text, for it may hold a password.
package struct SMTPURLError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The closed list of reasons.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        case scheme
        case host
        case port
        case path
        case percentEncoding
        case credentials
        case parameter
        case tlsMode
        case credentialsWithoutTLS
    }

    /// The reason.
    package let code: Code

    /// Makes an error with its reason.
    package init(_ code: Code) {
        self.code = code
    }

    /// A sentence that can be shown to the operator; it repeats nothing of the URL.
    package var description: String {
        switch code {
        case .scheme: "The relay's URL must begin with smtp:// or smtps://."
        case .host: "The relay's URL needs a host name or an address (IPv6 in brackets)."
        case .port: "The relay's port must be 1 to 65535."
        case .path: "The relay's URL has no path."
        case .percentEncoding: "The relay's URL has an invalid %XX."
        case .credentials:
            "The relay's URL needs user and password together, user:password@host, with @ : / ? # % written as %XX."
        case .parameter: "The relay's URL knows the parameter tls only, once."
        case .tlsMode: "tls must be starttls, implicit or none; smtps:// is implicit."
        case .credentialsWithoutTLS: "Credentials are not sent without TLS, except to this machine itself."
        }
    }
}

extension SMTPRelayConfiguration {
    /// Parses `smtp://user:password@host:587?tls=starttls|implicit|none`, or `smtps://…` for implicit TLS.
    ///
    /// Without `tls`, port 465 means implicit TLS and every other port STARTTLS; `none` happens only when it is asked for. Without a port it
    /// is 587, 465 or 25 by the TLS mode. User and password are percent-decoded.
    /// - Throws: `SMTPURLError`.
    package init(url: String) throws(SMTPURLError) {
        var rest = url.utf8[...]
        let scheme = rest.prefix { $0 != UInt8(ascii: ":") }
        let isImplicitScheme = ASCII.equal(scheme, ignoringCase: "smtps")
        guard isImplicitScheme || ASCII.equal(scheme, ignoringCase: "smtp"),
            rest[scheme.endIndex...].starts(with: "://".utf8)
        else {
            throw SMTPURLError(.scheme)
        }
        rest = rest[scheme.endIndex...].dropFirst(3)
        let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        rest = rest[authority.endIndex...]
        if rest.first == UInt8(ascii: "/") { rest.removeFirst() }
        var mode: Security? = isImplicitScheme ? .implicitTLS : nil
        if rest.first == UInt8(ascii: "?") {
            rest.removeFirst()
            let asked = try Self.securityParameter(rest)
            guard !isImplicitScheme || asked == .implicitTLS else { throw SMTPURLError(.tlsMode) }
            mode = asked
        } else if !rest.isEmpty {
            throw SMTPURLError(.path)
        }
        var hostAndPort = authority
        var credentials: Credentials?
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            credentials = try Self.credentials(authority[..<at])
            hostAndPort = authority[authority.index(after: at)...]
        }
        let (host, port) = try Self.split(hostAndPort)
        let security = mode ?? (port == 465 ? .implicitTLS : .startTLS)
        let defaultPort =
            switch security {
            case .none: 25
            case .startTLS: 587
            case .implicitTLS: 465
            }
        self.init(host: host, port: port ?? defaultPort, security: security, credentials: credentials)
        guard credentials == nil || security != .none || isLoopback else { throw SMTPURLError(.credentialsWithoutTLS) }
    }

    private static func securityParameter(_ query: Substring.UTF8View) throws(SMTPURLError) -> Security {
        let parts = query.split(separator: UInt8(ascii: "="), omittingEmptySubsequences: false)
        guard parts.count == 2, ASCII.equal(parts[0], ignoringCase: "tls"), !parts[1].contains(UInt8(ascii: "&")) else {
            throw SMTPURLError(.parameter)
        }
        if ASCII.equal(parts[1], ignoringCase: "starttls") { return .startTLS }
        if ASCII.equal(parts[1], ignoringCase: "implicit") { return .implicitTLS }
        if ASCII.equal(parts[1], ignoringCase: "none") { return .none }
        throw SMTPURLError(.tlsMode)
    }

    private static func credentials(_ text: Substring.UTF8View) throws(SMTPURLError) -> Credentials {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { throw SMTPURLError(.credentials) }
        let username = try decode(text[..<colon])
        let password = try decode(text[text.index(after: colon)...])
        // SASL PLAIN separates its fields with NUL.
        guard !username.isEmpty, !password.isEmpty, !username.utf8.contains(0), !password.utf8.contains(0) else {
            throw SMTPURLError(.credentials)
        }
        return Credentials(username: username, password: password)
    }

    private static func decode(_ text: Substring.UTF8View) throws(SMTPURLError) -> String {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(ASCII.hexadecimalValue),
                let low = rest.popFirst().flatMap(ASCII.hexadecimalValue)
            else { throw SMTPURLError(.percentEncoding) }
            bytes.append(high << 4 | low)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw SMTPURLError(.percentEncoding) }
        return decoded
    }

    private static func split(_ text: Substring.UTF8View) throws(SMTPURLError) -> (host: String, port: Int?) {
        var host = text
        var port: Substring.UTF8View?
        if text.first == UInt8(ascii: "[") {
            guard let close = text.firstIndex(of: UInt8(ascii: "]")) else { throw SMTPURLError(.host) }
            host = text[..<close].dropFirst()
            let rest = text[text.index(after: close)...]
            guard rest.isEmpty || rest.first == UInt8(ascii: ":"),
                host.allSatisfy({
                    ASCII.hexadecimalValue($0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
                })
            else { throw SMTPURLError(.host) }
            if !rest.isEmpty { port = rest.dropFirst() }
        } else {
            if let colon = text.firstIndex(of: UInt8(ascii: ":")) {
                host = text[..<colon]
                port = text[text.index(after: colon)...]
            }
            guard
                host.allSatisfy({
                    ASCII.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
                        || $0 == UInt8(ascii: "_")
                })
            else { throw SMTPURLError(.host) }
        }
        guard (1...253).contains(host.count) else { throw SMTPURLError(.host) }
        guard let port else { return (String(Substring(host)).lowercased(), nil) }
        guard port.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(String(Substring(port))),
            (1...65_535).contains(number)
        else { throw SMTPURLError(.port) }
        return (String(Substring(host)).lowercased(), number)
    }
}
