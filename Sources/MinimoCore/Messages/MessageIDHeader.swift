import Mail
import Wire

/// The `Message-ID` header field (RFC 5322 §3.6.4): 120 random bits at the domain of the sender.
package enum MessageIDHeader {
    /// A new value without its angle brackets. `From` lends its domain as A-labels; without a usable one it is
    /// `localhost`.
    package static func make(from mailbox: String?) -> String {
        let domain = mailbox.flatMap { try? Mailbox(parsing: $0).address.asciiDomain } ?? "localhost"
        return "\(Base32.encode(SecureRandom.bytes(15)))@\(domain)"
    }
}
