import Synchronization

/// When the server may be tried again after it could not be reached.
///
/// Until then closures are answered at once instead of waiting for the connect time-out one after another.
final class PostgresBackOff: Sendable {
    private struct State {
        var failures = 0
        var nextAttempt: ContinuousClock.Instant?
    }

    private static let shortest = Duration.milliseconds(100)
    private static let longest = Duration.seconds(5)

    private let state = Mutex(State())

    /// - Throws: `DatabaseError.unavailable` while it is too early.
    func check(now: ContinuousClock.Instant = .now) throws {
        let isEarly = state.withLock { state in state.nextAttempt.map { now < $0 } ?? false }
        if isEarly { throw DatabaseError(.unavailable, detail: "the server could not be reached a moment ago") }
    }

    func succeeded() { state.withLock { $0 = State() } }

    /// The pause doubles with each failure, and half of it is random so that many processes do not come back together.
    ///
    /// - Returns: whether this is the first failure in a row.
    @discardableResult
    func failed(now: ContinuousClock.Instant = .now) -> Bool {
        state.withLock { state in
            let pause = min(Self.shortest * (1 << min(state.failures, 6)), Self.longest)
            state.nextAttempt = now + pause * Double.random(in: 0.5...1)
            state.failures += 1
            return state.failures == 1
        }
    }
}
