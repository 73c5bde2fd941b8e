import MinimoCore
import Synchronization
import Wire

/// The point of no return of one hand-off: behind it the intent is durable.
final class IntentGate: Sendable {
    /// What became of the intent.
    enum Verdict: Sendable {
        /// The channel never came so far: nothing can have been delivered.
        case notAsked
        case granted(Timestamp)
        /// Somebody else has the lease.
        case refused
        /// It could not be written, or nobody can know whether it was.
        case failed
    }

    private let lease: Lease
    private let writer: LedgerWriter
    private let clock: any DeliveryClock
    private let state = Mutex(Verdict.notAsked)

    init(lease: Lease, writer: LedgerWriter, clock: any DeliveryClock) {
        self.lease = lease
        self.writer = writer
        self.clock = clock
    }

    var verdict: Verdict { state.withLock { $0 } }

    /// Returns when the intent is durable.
    ///
    /// - Throws: when it is not: then nothing may be sent.
    func pass() async throws {
        let time = clock.now()
        do {
            let isHeld = try await writer.announce(lease, at: time)
            state.withLock { $0 = isHeld ? .granted(time) : .refused }
            guard isHeld else { throw DeliveryError(.intentRefused) }
        } catch let error as DeliveryError {
            throw error
        } catch {
            state.withLock { $0 = .failed }
            throw error
        }
    }
}
