import Mail
import MinimoCore

/// What a relay's answer means for the queue: a pure mapping.
enum SMTPOutcome {
    /// The outcome of an answer.
    ///
    /// - Parameter recipient: the one that the message is for; the others have copies.
    static func outcome(
        of result: SMTPResult, recipient: EmailAddress?, messageID: String, relayID: Int64
    ) -> DeliveryOutcome {
        switch result {
        case .accepted(let reply):
            return .accepted(providerID: messageID, ChannelReply(reply, relayID))
        case .partiallyAccepted(let reply, let refused):
            guard let refusal = refused.first(where: { $0.recipient == recipient }) else {
                return .accepted(providerID: messageID, ChannelReply(reply, relayID, refusedCopies: refused))
            }
            // The copies are out: another attempt would send them a second time.
            return refusedForGood(refusal.reply, .recipient, relayID)
        case .refused(let stage, let reply, let perRecipient):
            // Nothing was sent. Whoever may be served later decides: the next attempt serves all.
            let own = perRecipient.first { $0.recipient == recipient }?.reply
            let later = perRecipient.first { $0.reply.isTransient }?.reply
            let decisive = own?.isTransient == true ? own : later ?? own
            return refused(decisive ?? reply, stage, relayID)
        case .unconfirmed(let reason):
            return .unconfirmed(ChannelReply(reason, relayID))
        case .unavailable(let reason):
            return outcome(of: Failures(reasons: [(relayID, reason)]))
        }
    }

    /// What the relays that had no answer for a message left behind.
    struct Failures {
        /// Why relays were unavailable, in order.
        var reasons: [(relayID: Int64, reason: SMTPUnavailability)] = []
        /// The first relay that can be reached and lacks what the message needs, and how it is called.
        var lacking: (relayID: Int64, reply: SMTPReply)?
        /// Whether a relay was passed over because all its lines were taken.
        var isBusy = false
    }

    /// The outcome when no relay had an answer: the last one that took up the message decides, if any did.
    static func outcome(of failures: Failures) -> DeliveryOutcome {
        if let (relayID, reason) = failures.reasons.last(where: { isMidway($0.reason.code) }) {
            return .temporary(code: reason.code.word, ChannelReply(reason, relayID), slowsChannel: true)
        }
        if let (relayID, reply) = failures.lacking {
            // Relays that were not asked may have what this one lacks. The channel serves the other messages meanwhile.
            let isFinal = failures.reasons.isEmpty && !failures.isBusy
            guard !isFinal else { return refused(reply, .mailFrom, relayID) }
            return .temporary(code: reply.word, ChannelReply(reply, relayID))
        }
        // Lines come free sooner than relays come back.
        let retryAfter = failures.isBusy ? .seconds(1) : failures.reasons.compactMap(\.reason.retryAfter).min()
        return .unavailable(.relayUnavailable, retryAfter: retryAfter)
    }

    /// Whether the message may go to the next relay. Not when the failure is ours, and the message has no way at all.
    static func mayTryAnother(after reason: SMTPUnavailability) -> Bool {
        switch reason.code {
        case .intentRefused, .cancelled, .noRecipients: false
        default: true
        }
    }

    private static func refused(_ reply: SMTPReply, _ stage: SMTPStage, _ relayID: Int64) -> DeliveryOutcome {
        switch reply.classification(stage: stage) {
        case .temporary:
            .temporary(code: reply.word, ChannelReply(reply, relayID))
        case .throttled:
            .temporary(
                code: reply.word, ChannelReply(reply, relayID), slowsChannel: stage == .mailFrom || reply.code == 421)
        case .permanentRecipient, .permanentMessage, .senderProblem:
            refusedForGood(reply, stage, relayID)
        }
    }

    private static func refusedForGood(_ reply: SMTPReply, _ stage: SMTPStage, _ relayID: Int64) -> DeliveryOutcome {
        switch reply.classification(stage: stage) {
        case .senderProblem: .senderProblem(code: reply.word, ChannelReply(reply, relayID))
        case .permanentRecipient:
            .permanent(code: reply.word, ChannelReply(reply, relayID), isHardBounce: true)
        case .permanentMessage, .temporary, .throttled: .permanent(code: reply.word, ChannelReply(reply, relayID))
        }
    }

    /// The relay was there and went away in the middle: the message had its chance.
    private static func isMidway(_ code: SMTPUnavailability.Code) -> Bool {
        switch code {
        case .connectionLost, .timeout, .protocolViolation: true
        case .connect, .tls, .startTLSNotOffered, .greeting, .hello, .authentication, .authenticationNotOffered,
            .credentialsWithoutTLS, .intentRefused, .cancelled, .shutDown, .noRecipients:
            false
        }
    }
}

extension SMTPReply {
    /// The enhanced code, else the basic one.
    fileprivate var word: String { enhanced?.description ?? String(code) }
}

extension SMTPUnavailability.Code {
    /// The code in the style of ours: `connection_lost`.
    fileprivate var word: String {
        var word = ""
        for character in rawValue {
            if character.isUppercase { word += "_" }
            word += character.lowercased()
        }
        return word
    }
}

extension ChannelReply {
    init(_ reply: SMTPReply, _ relayID: Int64) {
        self.init(
            relayID: relayID, code: reply.code, enhancedCode: reply.enhanced?.description, text: reply.text)
    }

    /// The words of an acceptance, after the copies that were refused for good: an address without the message is what
    /// must not be lost when the text is cut.
    init(_ reply: SMTPReply, _ relayID: Int64, refusedCopies: [SMTPRecipientRefusal]) {
        let copies = refusedCopies.map { "\($0.recipient): \($0.reply) \($0.reply.text)" }.joined(separator: "; ")
        self.init(
            relayID: relayID, code: reply.code, enhancedCode: reply.enhanced?.description,
            text: "Copies refused: \(copies). Accepted: \(reply.text)")
    }

    init(_ reason: SMTPUnavailability, _ relayID: Int64) {
        self.init(
            relayID: relayID, code: reason.reply?.code, enhancedCode: reason.reply?.enhanced?.description,
            text: reason.reply.map { "\(reason.code.rawValue): \($0.text)" } ?? reason.code.rawValue)
    }
}
