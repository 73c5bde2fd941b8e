/// Who a message is from and to on the way, RFC 5321 §2.3.1; independent of its header.
package struct SMTPEnvelope: Sendable, Hashable {
    /// Where bounces go; `nil` is the null reverse path `<>`.
    package var sender: EmailAddress?
    /// At least one.
    package var recipients: [EmailAddress]
    /// Whether nobody gets the message as long as the server refuses a recipient temporarily (4yz): the result is `refused` at the stage
    /// `recipient` with that reply, and another attempt reaches everybody once. Otherwise those who are accepted get it. A recipient refused
    /// for good (5yz) never stops the others.
    package var stopsAtTemporaryRefusal: Bool

    /// Makes an envelope.
    package init(sender: EmailAddress?, recipients: [EmailAddress], stopsAtTemporaryRefusal: Bool = true) {
        self.sender = sender
        self.recipients = recipients
        self.stopsAtTemporaryRefusal = stopsAtTemporaryRefusal
    }
}

/// The step of a transaction at which a reply came.
package enum SMTPStage: String, Sendable, Hashable, CaseIterable {
    case mailFrom
    case recipient
    case data
    /// The reply to the content, after the final dot.
    case content
}

/// A recipient that the server refused, and its words.
package struct SMTPRecipientRefusal: Sendable, Hashable {
    /// The recipient of the envelope.
    package let recipient: EmailAddress
    /// Its 4yz or 5yz reply.
    package let reply: SMTPReply

    /// Makes a refusal.
    package init(recipient: EmailAddress, reply: SMTPReply) {
        self.recipient = recipient
        self.reply = reply
    }
}

/// What became of a message handed to `SMTPClient`.
package enum SMTPResult: Sendable, Hashable {
    /// The server took it for every recipient: the final dot was answered 2yz.
    case accepted(SMTPReply)
    /// The server took it for some recipients; those in `refused` did not get it.
    case partiallyAccepted(SMTPReply, refused: [SMTPRecipientRefusal])
    /// The server answered 4yz or 5yz, so nobody got it. When the stage is `recipient`, `perRecipient` lists the recipients that were refused,
    /// and `reply` is a temporary refusal if one of them stopped the message.
    case refused(stage: SMTPStage, reply: SMTPReply, perRecipient: [SMTPRecipientRefusal])
    /// Nobody can have got it: the final dot was not sent, or the connection was lost before the socket had taken it.
    case unavailable(reason: SMTPUnavailability)
    /// The write that holds the final dot was handed to the connection, it is not known to have failed, and no usable reply came: the message
    /// may have been delivered.
    case unconfirmed(reason: SMTPUnavailability)
}

/// Why no reply could be had. Safe to log: holds no address, no credential and nothing of the message.
package struct SMTPUnavailability: Error, Sendable, Hashable, CustomStringConvertible {
    /// The closed list of reasons.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// No connection: name, route, refused, timed out.
        case connect
        /// The TLS handshake failed, the certificate included.
        case tls
        /// The configuration asks for STARTTLS and the server does not offer it or refuses it.
        case startTLSNotOffered
        /// The server's greeting refuses service.
        case greeting
        /// EHLO and HELO were refused.
        case hello
        /// The server refused the credentials.
        case authentication
        /// Credentials are configured and the server offers neither PLAIN nor LOGIN.
        case authenticationNotOffered
        /// Credentials are configured for a connection that may not carry them: no TLS, and not the loopback.
        case credentialsWithoutTLS
        /// The connection was lost.
        case connectionLost
        /// The server did not answer in time.
        case timeout
        /// The server said something that SMTP does not allow.
        case protocolViolation
        /// `beforeFinalDot` threw.
        case intentRefused
        /// The sending task was cancelled.
        case cancelled
        /// The client was shut down.
        case shutDown
        /// The envelope has no recipient.
        case noRecipients
    }

    /// The reason.
    package let code: Code
    /// What the server said, when it said something.
    package let reply: SMTPReply?
    /// How long the client will not try to connect again, when it has decided that.
    package let retryAfter: Duration?

    /// Makes a reason.
    package init(_ code: Code, reply: SMTPReply? = nil, retryAfter: Duration? = nil) {
        self.code = code
        self.reply = reply
        self.retryAfter = retryAfter
    }

    /// The code and the reply's codes.
    package var description: String { reply.map { "\(code.rawValue) (\($0))" } ?? code.rawValue }
}
