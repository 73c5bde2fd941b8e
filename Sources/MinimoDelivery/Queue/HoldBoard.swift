import MinimoCore
import Synchronization
package import Wire

/// Which streams wait because their channel is away or asks for patience. In memory: every node finds out for itself.
///
/// A held stream leases nothing until its time is up; then one message probes, and with its success all go on. So a relay
/// that is down costs one attempt each few seconds however many messages wait, and they leave at once when it is back.
package final class HoldBoard: Sendable {
    /// What a stream may lease.
    package enum Admission: Sendable, Hashable {
        case open
        /// One message, to find out.
        case probe
        case held(until: Timestamp)
    }

    private struct Hold {
        var until: Timestamp
        var failures: Int
        var isProbing = false
    }

    private struct State {
        var holds: [DeliveryStream: Hold] = [:]
        /// Throttled hand-offs in a row.
        var throttled: [DeliveryStream: Int] = [:]
    }

    /// So many throttled hand-offs in a row hold a stream; fewer are the affair of their messages.
    private static let throttleLimit = 3
    private static let shortest = Duration.milliseconds(250)
    /// When a relay is back, its messages leave within this.
    private static let longest = Duration.seconds(5)

    private let state = Mutex(State())

    package init() {}

    /// What a stream may lease now.
    package func admission(_ stream: DeliveryStream, now: Timestamp) -> Admission {
        state.withLock { state in
            guard let hold = state.holds[stream] else { return .open }
            if Self.isRunning(hold, now) { return .held(until: hold.until) }
            return hold.isProbing ? .held(until: now + Self.shortest) : .probe
        }
    }

    /// The probe has been leased.
    package func beganProbe(_ stream: DeliveryStream) {
        state.withLock { $0.holds[stream]?.isProbing = true }
    }

    /// The channel was away.
    ///
    /// - Returns: when it will be tried again.
    package func unavailable(_ stream: DeliveryStream, retryAfter: Duration?, now: Timestamp) -> Timestamp {
        state.withLock { state in hold(stream, retryAfter, now, &state) }
    }

    /// The channel asked for patience; several times in a row it gets it.
    package func throttled(_ stream: DeliveryStream, now: Timestamp) {
        state.withLock { state in
            state.holds[stream]?.isProbing = false
            let count = state.throttled[stream, default: 0] + 1
            state.throttled[stream] = count
            if count >= Self.throttleLimit { _ = hold(stream, nil, now, &state) }
        }
    }

    /// The channel answered as it should.
    package func answered(_ stream: DeliveryStream) {
        state.withLock { state in
            state.holds[stream] = nil
            state.throttled[stream] = nil
        }
    }

    /// A message of the stream came back without having asked the channel: it proves nothing.
    package func unproved(_ stream: DeliveryStream) {
        state.withLock { $0.holds[stream]?.isProbing = false }
    }

    /// No hold is longer than ``longest``: one that seems to be was set before the clock was turned back, and is over.
    private static func isRunning(_ hold: Hold, _ now: Timestamp) -> Bool {
        now < hold.until && hold.until <= now + longest
    }

    private func hold(
        _ stream: DeliveryStream, _ retryAfter: Duration?, _ now: Timestamp, _ state: inout State
    ) -> Timestamp {
        let old = state.holds[stream]
        // Hand-offs that were under way when the hold began say nothing new.
        if let old, Self.isRunning(old, now), !old.isProbing { return old.until }
        let failures = (old?.failures ?? 0) + 1
        let wait = retryAfter ?? .milliseconds(500 << min(failures - 1, 5))
        let until = now + min(max(wait, Self.shortest), Self.longest)
        state.holds[stream] = Hold(until: until, failures: failures)
        return until
    }
}
