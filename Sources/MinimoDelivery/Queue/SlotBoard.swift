package import MinimoCore
import Synchronization

/// Who occupies the engine's slots: how much may be leased, and for whom.
///
/// A slot is taken from the lease to the end of the hand-off. Afterwards the completion settles: that holds no slot, but
/// only so many may settle at a time.
package final class SlotBoard: Sendable {
    private struct State {
        var handingOff: [DeliveryLane: Int] = [:]
        var byStream: [DeliveryStream: Int] = [:]
        var settling = 0
        /// Slots that have become free since the start.
        var releases = 0
        var isAwaited = false

        var total: Int { handingOff.values.reduce(0, +) }
    }

    /// While more completions than this wait for the database, nothing is leased.
    private static let settlingLimit = 1024

    /// All slots.
    package let count: Int
    /// Bulk messages never take the last fifth.
    package let bulkCount: Int
    private let state = Mutex(State())

    package init(count: Int) {
        self.count = max(count, 2)
        bulkCount = self.count - max(1, self.count / 5)
    }

    /// How many messages of a lane may be leased now.
    package func free(_ lane: DeliveryLane) -> Int {
        state.withLock { state in
            guard state.settling < Self.settlingLimit else { return 0 }
            let free = count - state.total
            guard lane == .bulk else { return max(0, free) }
            return max(0, min(free, bulkCount - state.handingOff[.bulk, default: 0]))
        }
    }

    /// How many slots a stream occupies.
    package func occupied(_ stream: DeliveryStream) -> Int {
        state.withLock { $0.byStream[stream, default: 0] }
    }

    /// No stream takes more than three quarters, so that one relay that hangs does not stop the others.
    package func limit(_ lane: DeliveryLane) -> Int {
        max(1, (lane == .bulk ? bulkCount : count) * 3 / 4)
    }

    /// Hand-offs under way, and completions that wait for the database.
    package var occupancy: (handingOff: Int, settling: Int) {
        state.withLock { ($0.total, $0.settling) }
    }

    /// A leased message takes a slot.
    package func occupy(_ stream: DeliveryStream, _ lane: DeliveryLane) {
        state.withLock { state in
            state.handingOff[lane, default: 0] += 1
            state.byStream[stream, default: 0] += 1
        }
    }

    /// Whether somebody waits for slots: then whoever frees one signals.
    package func setAwaited(_ isAwaited: Bool) {
        state.withLock { $0.isAwaited = isAwaited }
    }

    /// Slots that have become free since the start.
    package var releases: Int { state.withLock { $0.releases } }

    /// The hand-off is over and its completion begins to settle.
    ///
    /// - Returns: whether somebody waits for that.
    package func handedOff(_ stream: DeliveryStream, _ lane: DeliveryLane) -> Bool {
        state.withLock { state in
            state.releases += 1
            state.handingOff[lane, default: 0] -= 1
            let left = state.byStream[stream, default: 0] - 1
            state.byStream[stream] = left > 0 ? left : nil
            state.settling += 1
            return state.isAwaited
        }
    }

    /// The completion is written.
    ///
    /// - Returns: whether somebody waits for that.
    package func settled() -> Bool {
        state.withLock { state in
            state.settling -= 1
            // Many completions settle at once; only the last ones can be what is waited for.
            return state.isAwaited && (state.settling == 0 || state.settling == Self.settlingLimit - 1)
        }
    }
}
