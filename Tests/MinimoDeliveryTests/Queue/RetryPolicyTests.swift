import MinimoDelivery
import Testing
import Wire

@Suite struct RetryPolicyTests {
    private static let start = Timestamp(seconds: 1000)
    private let policy = RetryPolicy()

    @Test(arguments: [0.0, 0.25, 0.5, 0.99, 1.0])
    func firstWaitIsWithinTheContract(_ jitter: Double) {
        let wait = policy.wait(attempts: 1, jitter: jitter)
        #expect(wait >= .seconds(5))
        #expect(wait <= .seconds(30))
        #expect(wait == .seconds(16) * (0.5 + jitter))
    }

    @Test func waitsGrowToTheLongest() {
        let waits = (1...8).map { policy.wait(attempts: $0, jitter: 0.5).components.seconds }
        #expect(waits == [16, 40, 100, 250, 625, 1562, 3600, 3600])
        // Jitter takes away, but never adds beyond the longest wait.
        #expect(policy.wait(attempts: 50, jitter: 1) == .seconds(3600))
        #expect(policy.wait(attempts: 50, jitter: 0) == .seconds(1800))
    }

    @Test func channelsWishIsTakenAsItIs() {
        let decision = policy.decide(
            attempts: 9, retryAfter: .seconds(2), acceptedAt: Self.start, now: Self.start, jitter: 0.9)
        #expect(decision == .retry(at: Self.start + .seconds(2)))
    }

    @Test func givesUpAfterTheTimeAndNotBefore() {
        let deadline = Self.start + .seconds(72 * 3600)
        #expect(
            policy.decide(attempts: 99, acceptedAt: Self.start, now: deadline - .seconds(10), jitter: 0.5)
                == .retry(at: deadline))
        #expect(policy.decide(attempts: 1, acceptedAt: Self.start, now: deadline, jitter: 0.5) == .giveUp)
    }
}
