/// Rounds whose commit got lost: rows may be leased to this node without anybody working on them.
///
/// The commit may still happen long after its answer was given up, so a round stays in doubt for a while and is released
/// again and again.
struct DoubtfulRounds: Sendable {
    /// No transaction of a lost connection lives longer: by then the server has noticed.
    static let lifetime = Duration.seconds(300)

    private var rounds: [(token: Int64, until: ContinuousClock.Instant)] = []

    /// Puts a round in doubt.
    mutating func add(_ token: Int64, at time: ContinuousClock.Instant) {
        rounds.append((token, time + Self.lifetime))
    }

    /// The rounds in doubt.
    mutating func tokens(at time: ContinuousClock.Instant) -> [Int64] {
        rounds.removeAll { $0.until <= time }
        return rounds.map(\.token)
    }
}
