/// Who may be written to: the rules of consent and suppression as one pure function (contract 4.3, 10.9).
package enum SendingPolicy {
    /// Why a recipient is not written to; the raw value is `details.reason`.
    package enum Refusal: String, Sendable, CaseIterable {
        /// The address bounced for good: nothing is sent to it.
        case hardBounce = "hard_bounce"
        /// The person complained about marketing.
        case complaint
        /// The person opted out.
        case unsubscribed
        /// Marketing needs a consent that was never given.
        case noConsent = "no_consent"
    }

    /// Whether a message of a category may go to a contact by email.
    ///
    /// Opting out blocks marketing and automated messages only; a hard bounce blocks everything. Marketing needs
    /// consent `true`.
    ///
    /// - Parameter contact: the contact that holds the address, `nil` when nobody does.
    /// - Returns: `nil` when it may.
    package static func refusal(of category: MessageCategory, to contact: Contact?) -> Refusal? {
        if contact?.status == .bounced { return .hardBounce }
        guard category != .transactional else { return nil }
        switch contact?.status {
        case .complained: return .complaint
        case .unsubscribed: return .unsubscribed
        default: break
        }
        if contact?.emailConsent == false { return .unsubscribed }
        if category == .marketing, contact?.emailConsent != true { return .noConsent }
        return nil
    }
}
