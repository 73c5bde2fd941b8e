/// What a refusal means for the message, the address and the sender.
package enum BounceClass: String, Sendable, Hashable, CaseIterable {
    /// Try the same later.
    case temporary
    /// Try the same later and slow down for this domain: rate limits, greylisting, policy of the moment.
    case throttled
    /// The address does not work: suppress it.
    case permanentRecipient
    /// This message cannot be delivered; the address may be fine.
    case permanentMessage
    /// Something about the sender (reputation, authentication, policy, our protocol): alert, never suppress.
    case senderProblem
}

extension SMTPReply {
    /// Classifies a refusal (4yz or 5yz) that came at `stage`, by the registry of RFC 5248 and by what large receivers mean.
    ///
    /// The basic code decides whether to try again, the enhanced code says why; two kinds of 5yz are worth another try all the same:
    /// a full mailbox (x.2.2, 552 with "quota") and routing (x.4.z).
    package func classification(stage: SMTPStage) -> BounceClass {
        isPermanent ? permanentClass(stage: stage) : transientClass
    }

    private var transientClass: BounceClass {
        if code == 421 { return .throttled }
        guard let enhanced else {
            return code == 450 || code == 451 || code == 454 ? .throttled : .temporary
        }
        switch (enhanced.subject, enhanced.detail) {
        case (2, 2): return .temporary
        case (2, _), (7, _): return .throttled
        default: return .temporary
        }
    }

    private func permanentClass(stage: SMTPStage) -> BounceClass {
        guard let enhanced else { return permanentClassByText(stage: stage) }
        switch (enhanced.subject, enhanced.detail) {
        case (1, 7), (1, 8): return .senderProblem
        case (1, _), (2, 1): return stage == .mailFrom ? .senderProblem : .permanentRecipient
        case (2, 2): return .temporary
        case (2, _): return stage == .mailFrom ? .senderProblem : .permanentMessage
        case (3, _), (6, _): return .permanentMessage
        case (4, _): return .temporary
        case (5, _), (7, _): return .senderProblem
        default: return permanentClassByText(stage: stage)
        }
    }

    /// For servers without enhanced codes, and for x.0.0, which says nothing.
    private func permanentClassByText(stage: SMTPStage) -> BounceClass {
        let text = text.lowercased()
        switch code {
        case 521, 556:
            // RFC 7504: the host or domain takes no mail.
            return stage == .mailFrom ? .senderProblem : .permanentRecipient
        case 550, 551, 553:
            // Policy first: a policy text that also says "recipient" must not cost an address.
            if Self.contains(text, Self.policyPhrases) || stage == .mailFrom { return .senderProblem }
            return Self.contains(text, Self.unknownRecipientPhrases) ? .permanentRecipient : .permanentMessage
        case 552:
            return stage == .recipient || Self.contains(text, Self.fullMailboxPhrases) ? .temporary : .permanentMessage
        default:
            return .senderProblem
        }
    }

    private static let policyPhrases = [
        "spam", "blocked", "policy", "listed", "blacklist", "blocklist", "denied", "reputation", "authenticat", "dmarc",
        "spf", "dkim",
        "relay",
    ]
    private static let unknownRecipientPhrases = [
        "user unknown", "unknown user", "no such", "does not exist", "doesn't exist", "not exist",
        "mailbox unavailable", "unknown recipient",
        "recipient unknown", "invalid recipient", "invalid mailbox", "user not found", "mailbox not found",
        "recipient not found",
        "unknown address", "no mailbox", "unrouteable", "account disabled", "mailbox disabled",
    ]
    private static let fullMailboxPhrases = ["full", "quota", "over limit", "storage"]

    private static func contains(_ text: String, _ phrases: [String]) -> Bool {
        phrases.contains { text.contains($0) }
    }
}
