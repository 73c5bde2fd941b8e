import Synchronization

/// What an engine has done since it started. Counters for metrics.
package struct DeliveryStatistics: Sendable, Hashable {
    package var leased = 0
    package var accepted = 0
    package var delivered = 0
    package var temporary = 0
    package var permanent = 0
    package var senderProblem = 0
    package var unconfirmed = 0
    package var unavailable = 0
    /// Intents that were refused or could not be written.
    package var intentsRefused = 0
    package var followUps = 0
    /// Rows that were given back for dead nodes, unconfirmed ones included.
    package var rescued = 0
    /// Hand-offs under way.
    package var handingOff = 0
    /// Completions that wait for the database.
    package var settling = 0
}

/// The counters behind ``DeliveryStatistics``.
final class DeliveryCounters: Sendable {
    private let state = Mutex(DeliveryStatistics())

    var value: DeliveryStatistics { state.withLock { $0 } }

    func add(_ count: Int = 1, to counter: any WritableKeyPath<DeliveryStatistics, Int> & Sendable) {
        state.withLock { $0[keyPath: counter] += count }
    }

    func count(_ outcome: DeliveryOutcome) {
        state.withLock { state in
            switch outcome {
            case .accepted: state.accepted += 1
            case .delivered: state.delivered += 1
            case .temporary: state.temporary += 1
            case .permanent: state.permanent += 1
            case .senderProblem: state.senderProblem += 1
            case .unconfirmed: state.unconfirmed += 1
            case .unavailable: state.unavailable += 1
            }
        }
    }
}
