package import MinimoCore

/// What is known after one attempt.
package enum DeliveryOutcome: Sendable, Hashable {
    /// The relay or provider took the message.
    case accepted(providerID: String?, ChannelReply, followUp: FollowUp? = nil)
    /// The recipient's side took it.
    case delivered(providerID: String?, ChannelReply, followUp: FollowUp? = nil)
    /// Not now. The queue tries again, after `retryAfter` when it is given.
    case temporary(code: String, ChannelReply, retryAfter: Duration? = nil, slowsChannel: Bool = false)
    /// Never. A hard bounce is the recipient's fault: nothing should be sent there again.
    case permanent(code: String, ChannelReply, isHardBounce: Bool = false)
    /// Refused because of us: reputation, policy, authentication.
    case senderProblem(code: String, ChannelReply)
    /// Nobody can know: the connection ended between the last byte and the answer.
    case unconfirmed(ChannelReply)
    /// Nothing was tried, because the channel of this workspace is away or not set up. The message waits and loses nothing.
    case unavailable(WaitReason, retryAfter: Duration? = nil)
}

/// What the other side said.
package struct ChannelReply: Sendable, Hashable {
    /// The longest text that is kept, in characters.
    static let textLimit = 500

    package let relayID: Int64?
    /// The basic code, such as 550.
    package let code: Int?
    /// The enhanced status code, such as `5.1.1`.
    package let enhancedCode: String?
    /// At most 500 characters, without NUL.
    package let text: String

    /// A text that is longer is cut.
    package init(relayID: Int64? = nil, code: Int? = nil, enhancedCode: String? = nil, text: String) {
        self.relayID = relayID
        self.code = code
        self.enhancedCode = enhancedCode
        // What strangers send may hold a NUL, which PostgreSQL cannot store.
        let isClean = text.utf8.count <= Self.textLimit && !text.utf8.contains(0)
        self.text =
            isClean
            ? text : String(String.UnicodeScalarView(text.unicodeScalars.filter { $0 != "\0" }.prefix(Self.textLimit)))
    }
}

/// Why a message waits although it is due.
package enum WaitReason: String, Sendable, Hashable, CaseIterable {
    /// No relay is set up.
    case noRelay = "no_relay"
    /// None of the relays can be reached or logged in to.
    case relayUnavailable = "relay_unavailable"
    /// The engine cannot read what it needs from the database.
    case databaseUnavailable = "database_unavailable"
}

/// What the sandbox lets happen after a hand-off.
package struct FollowUp: Sendable, Hashable {
    /// What happens.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case delivered
        case bounced
        case complained
        case opened
        case clicked

        /// The inputs of the state machine: a click implies an open.
        package var inputs: [MessageInput] {
            switch self {
            case .delivered: [.delivered]
            case .bounced: [.bounced]
            case .complained: [.complained]
            case .opened: [.opened]
            case .clicked: [.opened, .clicked]
            }
        }
    }

    package let kind: Kind
    package let after: Duration

    package init(_ kind: Kind, after: Duration) {
        self.kind = kind
        self.after = after
    }
}
