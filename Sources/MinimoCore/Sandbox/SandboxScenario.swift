/// The outcome that a recipient of the sandbox asks for (contract 5.4).
package enum SandboxScenario: String, Sendable, Hashable, CaseIterable {
    case delivered
    /// Taken, then a hard bounce (5.1.1).
    case bounce
    /// Two temporary failures, then delivered.
    case softbounce
    /// Delivered, then marked as unwanted.
    case complaint
    /// Refused for policy (5.7.1).
    case reject
    /// Delivered, then opened.
    case open
    /// Delivered, then clicked.
    case click
    /// Delivered after 30 seconds.
    case slow
    /// The provider's rate limit once (450 4.7.0), then delivered.
    case limit

    /// The scenario of an email address: its local part before the first `+`, without regard to case.
    package init(email address: String) {
        let localPart = address.utf8.prefix { $0 != UInt8(ascii: "@") && $0 != UInt8(ascii: "+") }
        let word = String(decoding: localPart, as: UTF8.self).lowercased()
        self = SandboxScenario(rawValue: word) ?? .delivered
    }
}
