import Logging
import ServiceLifecycle

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Says once a day in the log that the certificate is about to end: only a start renews it.
struct CertificateWatch: Service {
    /// With fewer days left the log says so.
    static let warningDays = 30

    let expiry: Date
    /// What makes a new certificate.
    let advice: String
    let logger: Logger

    func run() async throws {
        warn(now: .now)
        for await _ in Ticks.every(.seconds(86_400)).cancelOnGracefulShutdown() { warn(now: .now) }
    }

    /// Warns when it is time to.
    func warn(now: Date) {
        let days = ServerCertificate.daysLeft(until: expiry, now: now)
        guard days < Self.warningDays else { return }
        logger.warning("the TLS certificate \(days < 0 ? "has expired" : "expires in \(days) days"): \(advice)")
    }
}
