/// A relay to hand messages to. Its description has no password.
package struct SMTPRelayConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// How the connection is protected. There is no opportunistic mode: what is configured happens, or nothing is sent.
    package enum Security: String, Sendable, Hashable, CaseIterable {
        case none
        case startTLS
        case implicitTLS
    }

    /// For SASL PLAIN or LOGIN.
    package struct Credentials: Sendable, Hashable, CustomStringConvertible {
        /// The account.
        package var username: String
        /// The secret.
        package var password: String

        /// Makes credentials.
        package init(username: String, password: String) {
            self.username = username
            self.password = password
        }

        /// Hides both.
        package var description: String { "credentials" }
    }

    /// Whom a server certificate must lead to.
    package enum TrustRoots: Sendable, Hashable {
        case system
        /// A file of PEM certificates.
        case pemFile(String)
    }

    /// How long to wait for each step. The defaults are the minimums of RFC 5321 §4.5.3.2 where it has one: for the greeting, MAIL, RCPT, DATA,
    /// the blocks of the content and the final dot. The others are ours.
    package struct Timeouts: Sendable, Hashable {
        /// TCP and, with implicit TLS, the handshake.
        package var connect: Duration = .seconds(30)
        /// The server's first words.
        package var greeting: Duration = .seconds(300)
        /// EHLO, STARTTLS, AUTH, RSET.
        package var command: Duration = .seconds(300)
        /// The answer to MAIL.
        package var mail: Duration = .seconds(300)
        /// The answer to each RCPT.
        package var recipient: Duration = .seconds(300)
        /// The answer to DATA.
        package var data: Duration = .seconds(120)
        /// The server's taking of each block of the content.
        package var dataBlock: Duration = .seconds(180)
        /// The answer to the final dot.
        package var finalReply: Duration = .seconds(600)
        /// The answer to QUIT, which nothing depends on.
        package var quit: Duration = .seconds(2)
        /// How long an unused connection is kept; servers close at 5 minutes, many earlier.
        package var idle: Duration = .seconds(30)

        /// The defaults.
        package init() {}
    }

    /// A host name, an IPv4 address, or an IPv6 address without brackets.
    package var host: String
    /// 1 to 65535.
    package var port: Int
    /// How the connection is protected.
    package var security: Security
    /// Sent only over TLS, or without it to the loopback.
    package var credentials: Credentials?
    /// The most connections open at one time, at least 1.
    package var maximumConnections: Int
    /// What EHLO says we are: a domain or an address literal. `nil`, or a text that is neither, means the literal of the socket's own address.
    package var localName: String?
    /// Whom a server certificate must lead to.
    package var trustRoots: TrustRoots
    /// How long to wait for each step.
    package var timeouts: Timeouts

    /// Makes a configuration.
    package init(
        host: String, port: Int, security: Security, credentials: Credentials? = nil, maximumConnections: Int = 10,
        localName: String? = nil, trustRoots: TrustRoots = .system, timeouts: Timeouts = Timeouts()
    ) {
        self.host = host
        self.port = port
        self.security = security
        self.credentials = credentials
        self.maximumConnections = max(1, maximumConnections)
        self.localName = localName
        self.trustRoots = trustRoots
        self.timeouts = timeouts
    }

    /// `smtp://host:587?tls=starttls`, with `user@` when there are credentials.
    package var description: String {
        let bracketed = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        let tls =
            switch security {
            case .none: "none"
            case .startTLS: "starttls"
            case .implicitTLS: "implicit"
            }
        return "smtp://\(credentials == nil ? "" : "***@")\(bracketed):\(port)?tls=\(tls)"
    }

    /// Whether the host is this machine, whatever name resolution says.
    var isLoopback: Bool {
        let lowered = host.lowercased()
        return lowered == "localhost" || lowered == "::1" || (lowered.hasPrefix("127.") && isIPv4)
    }

    private var isIPv4: Bool {
        let parts = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { part in UInt8(String(decoding: part, as: UTF8.self)) != nil }
    }

    /// Whether a text can stand in EHLO.
    static func isLocalName(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count)
            && text.utf8.allSatisfy { ASCII.isAlphanumeric($0) || ".-:[]".utf8.contains($0) }
    }
}
