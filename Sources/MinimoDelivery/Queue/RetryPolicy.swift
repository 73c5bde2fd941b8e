package import Wire

/// When a message is tried again after a temporary failure (contract A 10.9), as a pure function.
///
/// The wait before the second attempt is 5 to 30 seconds; it then grows by `growth` up to `longest`, always with jitter, so
/// that messages that failed together do not return together. There is no limit to the number of attempts: time decides.
package struct RetryPolicy: Sendable, Hashable {
    /// What follows a failed attempt.
    package enum Decision: Sendable, Hashable {
        case retry(at: Timestamp)
        case giveUp
    }

    /// The middle of the first wait; jitter makes it `0.5…1.5` times that.
    package var first: Duration
    /// How much longer each wait is than the one before.
    package var growth: Double
    /// No wait is longer, jitter included.
    package var longest: Duration
    /// From the acceptance of the message (or the time it was scheduled for) to the last attempt.
    package var giveUpAfter: Duration

    package init(
        first: Duration = .seconds(16), growth: Double = 2.5, longest: Duration = .seconds(3600),
        giveUpAfter: Duration = .seconds(72 * 3600)
    ) {
        self.first = first
        self.growth = growth
        self.longest = longest
        self.giveUpAfter = giveUpAfter
    }

    /// The time of the next attempt.
    ///
    /// - Parameters:
    ///   - attempts: how many have failed, at least 1.
    ///   - retryAfter: what the channel asks for; it is taken as it is.
    ///   - acceptedAt: when the message was accepted.
    ///   - jitter: a random number within 0…1.
    package func decide(
        attempts: Int, retryAfter: Duration? = nil, acceptedAt: Timestamp, now: Timestamp, jitter: Double
    ) -> Decision {
        let deadline = acceptedAt + giveUpAfter
        guard now < deadline else { return .giveUp }
        // The last attempt is made when the time is up, not an hour before.
        return .retry(at: min(now + (retryAfter ?? wait(attempts: attempts, jitter: jitter)), deadline))
    }

    /// The wait after `attempts` failures.
    package func wait(attempts: Int, jitter: Double) -> Duration {
        var wait = first
        for _ in 1..<max(attempts, 1) where wait < longest {
            wait = wait * growth
        }
        return min(min(wait, longest) * (0.5 + min(max(jitter, 0), 1)), longest)
    }
}
