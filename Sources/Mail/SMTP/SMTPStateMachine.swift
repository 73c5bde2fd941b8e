/// The client's side of an SMTP session as a pure state machine: events in, actions out, no clock and no socket.
///
/// A session: greeting, EHLO, if configured STARTTLS and EHLO again, if configured AUTH; then any number of transactions; QUIT.
/// An instance is never used again after it is closed.
struct SMTPStateMachine {
    /// What the session is configured to do.
    struct Settings {
        var security: SMTPRelayConfiguration.Security
        var credentials: SMTPRelayConfiguration.Credentials?
        /// Whether credentials may be sent without TLS: to the loopback only.
        var allowsCredentialsWithoutTLS: Bool
        var localName: String
    }

    /// What the driver must do, in order.
    enum Action: Hashable {
        /// Write the lines in one piece.
        case send([SMTPCommand])
        /// Drop what was received and not yet decoded, then begin the TLS handshake (RFC 3207 §4.2: response injection).
        case startTLS
        /// Write the content up to the chunk with the final dot.
        case sendContentHead
        /// Write the chunk with the final dot.
        case sendFinalChunk
        /// Restart the timer; `nil` stops it.
        case setTimer(Timer?)
        /// The session is ready for transactions.
        case established
        /// It will never be.
        case failed(SMTPUnavailability)
        /// The transaction is over.
        case finished(Outcome)
        /// Close the connection.
        case close
    }

    /// What is being waited for; see `SMTPRelayConfiguration.Timeouts`.
    enum Timer: Hashable {
        case greeting
        case command
        case mail
        case recipient
        case data
        case dataBlock
        case finalReply
        case quit
        case idle
    }

    /// How a transaction ended.
    enum Outcome: Hashable {
        case result(SMTPResult)
        /// A pooled connection turned out dead before the server had said anything about the transaction: worth another connection.
        case stale(SMTPUnavailability)
    }

    enum State {
        case greeting
        case hello(isFallback: Bool)
        case startingTLS
        case handshaking
        case authenticating(remaining: [SMTPCommand])
        case idle
        case transaction(SMTPTransaction)
        case quitting
        case closed
    }

    let settings: Settings
    var state: State = .greeting
    var isTLS: Bool
    var extensions = SMTPExtensions()
    /// Whether the server refused EHLO, so that nothing is known of its extensions.
    var isFallback = false
    /// Whether a transaction may still be open on the server, so that the next one begins with RSET.
    var needsReset = false

    init(settings: Settings) {
        self.settings = settings
        isTLS = settings.security == .implicitTLS
    }

    /// Whether the session can take a transaction.
    var isIdle: Bool {
        if case .idle = state { true } else { false }
    }

    /// The connection is there.
    mutating func start() -> [Action] {
        [.setTimer(.greeting)]
    }

    /// A reply came.
    mutating func receive(_ reply: SMTPServerReply) -> [Action] {
        switch state {
        case .greeting:
            guard reply.category == 2 else { return failSession(.greeting, reply) }
            state = .hello(isFallback: false)
            return [.send([.ehlo(settings.localName)]), .setTimer(.command)]
        case .hello(let isFallback): return receiveHello(reply, isFallback: isFallback)
        case .startingTLS:
            guard reply.category == 2 else { return failSession(.startTLSNotOffered, reply) }
            state = .handshaking
            extensions = SMTPExtensions()
            return [.startTLS, .setTimer(.command)]
        case .authenticating(let remaining): return receiveAuthentication(reply, remaining: remaining)
        case .transaction(var transaction):
            // Taken out while it changes, so that its arrays are not copied.
            state = .idle
            let step = transaction.receive(reply)
            return apply(step, transaction)
        case .quitting:
            state = .closed
            return [.close]
        case .idle:
            // 421, or something that a server must not say unasked.
            state = .closed
            return [.close]
        case .handshaking: return failSession(.protocolViolation, nil)
        case .closed: return []
        }
    }

    /// The handshake is done.
    mutating func tlsEstablished() -> [Action] {
        guard case .handshaking = state else { return [] }
        isTLS = true
        state = .hello(isFallback: false)
        return [.send([.ehlo(settings.localName)]), .setTimer(.command)]
    }

    /// Ends what is under way: the connection was lost, the server fell silent or broke the protocol, the handshake failed. Whether a
    /// message counts as undelivered or unconfirmed depends on whether its final dot was handed over.
    mutating func abort(_ code: SMTPUnavailability.Code) -> [Action] {
        switch state {
        case .greeting, .hello, .startingTLS, .handshaking, .authenticating: return failSession(code, nil)
        case .transaction(let transaction):
            state = .closed
            return [.finished(transaction.aborted(SMTPUnavailability(code))), .close]
        case .idle, .quitting:
            state = .closed
            return [.close]
        case .closed: return []
        }
    }

    /// Ends the session politely when it is idle, at once otherwise.
    mutating func quit() -> [Action] {
        guard isIdle else { return abort(.shutDown) }
        state = .quitting
        return [.send([.quit]), .setTimer(.quit)]
    }

    private mutating func receiveHello(_ reply: SMTPServerReply, isFallback: Bool) -> [Action] {
        if reply.category == 5, !isFallback {
            state = .hello(isFallback: true)
            return [.send([.helo(settings.localName)]), .setTimer(.command)]
        }
        guard reply.category == 2 else { return failSession(.hello, reply) }
        self.isFallback = isFallback
        extensions = isFallback ? SMTPExtensions() : SMTPExtensions(lines: reply.lines)
        if settings.security == .startTLS, !isTLS {
            guard extensions.startTLS else { return failSession(.startTLSNotOffered, nil) }
            state = .startingTLS
            return [.send([.startTLS]), .setTimer(.command)]
        }
        guard let credentials = settings.credentials else { return establish() }
        guard isTLS || settings.allowsCredentialsWithoutTLS else { return failSession(.credentialsWithoutTLS, nil) }
        if extensions.authentication.contains("PLAIN") {
            // A server that wants the response on its own line asks for it by 334.
            state = .authenticating(remaining: [
                .authenticationResponse("\0\(credentials.username)\0\(credentials.password)")
            ])
            return [
                .send([.authenticatePlain(username: credentials.username, password: credentials.password)]),
                .setTimer(.command),
            ]
        }
        if extensions.authentication.contains("LOGIN") {
            state = .authenticating(
                remaining: [
                    .authenticationResponse(credentials.username), .authenticationResponse(credentials.password),
                ])
            return [.send([.authenticateLogin]), .setTimer(.command)]
        }
        return failSession(.authenticationNotOffered, nil)
    }

    private mutating func receiveAuthentication(_ reply: SMTPServerReply, remaining: [SMTPCommand]) -> [Action] {
        switch reply.category {
        case 2: return establish()
        case 3:
            guard let next = remaining.first else { return failSession(.protocolViolation, reply) }
            state = .authenticating(remaining: Array(remaining.dropFirst()))
            return [.send([next]), .setTimer(.command)]
        default: return failSession(.authentication, reply)
        }
    }

    private mutating func establish() -> [Action] {
        state = .idle
        return [.setTimer(.idle), .established]
    }

    private mutating func failSession(_ code: SMTPUnavailability.Code, _ reply: SMTPServerReply?) -> [Action] {
        state = .closed
        return [.failed(SMTPUnavailability(code, reply: reply.map(SMTPReply.init))), .close]
    }
}

extension SMTPStateMachine {
    /// Whether a TLS error now means that the handshake failed: with implicit TLS it precedes the greeting.
    var isNegotiatingTLS: Bool {
        switch state {
        case .greeting: settings.security == .implicitTLS
        case .handshaking: true
        default: false
        }
    }
}
