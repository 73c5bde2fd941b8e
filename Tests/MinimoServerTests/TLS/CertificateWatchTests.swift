import Foundation
import Testing

@testable import MinimoServer

struct CertificateWatchTests {
    @Test(arguments: [
        (30.5, []),
        (29.5, ["the TLS certificate expires in 29 days: restart"]),
        (0.5, ["the TLS certificate expires in 0 days: restart"]),
        (-0.5, ["the TLS certificate has expired: restart"]),
    ])
    func itWarnsInTheLastDays(days: Double, messages: [String]) {
        let log = LogRecorder()
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        CertificateWatch(expiry: now + days * 86_400, advice: "restart", logger: log.logger).warn(now: now)
        #expect(log.messages == messages)
    }
}
