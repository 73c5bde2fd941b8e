import NIOSSL

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// The certificate and key that the server presents, as PEM text.
package struct ServerCertificate: Sendable {
    /// The server's certificate first, then those that lead to the authority.
    package let chain: String
    package let key: String

    /// When the server's certificate ends.
    ///
    /// - Throws: ``StartupError`` when the chain holds no certificate.
    package func expiry() throws -> Date {
        try Self.expiry(ofChain: chain)
    }

    /// When the first certificate of a PEM text ends.
    ///
    /// - Throws: ``StartupError`` when the text holds no certificate.
    static func expiry(ofChain chain: String) throws -> Date {
        guard let first = try? NIOSSLCertificate.fromPEMBytes(Array(chain.utf8)).first else {
            throw StartupError("the TLS certificate file does not hold a certificate in PEM")
        }
        return Date(timeIntervalSince1970: TimeInterval(first.notValidAfter))
    }

    /// The whole days that are left until a time, negative when it has passed.
    static func daysLeft(until expiry: Date, now: Date) -> Int {
        Int((expiry.timeIntervalSince(now) / 86_400).rounded(.down))
    }
}
