import MinimoCore
import Synchronization

/// The lines of one relay: as many hand-offs at a time as it has connections; transactional messages come first, and
/// those of one lane in order of arrival.
///
/// A line stays taken until the hand-off is concluded, which is a little longer than the connection is: so the next
/// intent never becomes durable before the last outcome.
final class HandOffLines: Sendable {
    private struct Waiter {
        let id: UInt64
        let lane: DeliveryLane
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var free: Int
        /// In order of arrival.
        var waiting: [Waiter] = []
        var nextID: UInt64 = 0
        var cancelled: Set<UInt64> = []
    }

    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(State(free: max(count, 1)))
    }

    /// Hand-offs that wait for a line.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Takes a line if one is free. This is how a hand-off that has a line already takes another one: two that waited
    /// for each other's lines would do so for ever.
    func takeIfFree() -> Bool {
        state.withLock { state in
            guard state.free > 0 else { return false }
            state.free -= 1
            return true
        }
    }

    /// Takes a line, when there is one.
    ///
    /// - Returns: false when the task was cancelled first; then there is nothing to give back.
    func take(_ lane: DeliveryLane) async -> Bool {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Bool? in
                    if state.cancelled.remove(id) != nil { return false }
                    guard state.free > 0 else {
                        state.waiting.append(Waiter(id: id, lane: lane, continuation: continuation))
                        return nil
                    }
                    state.free -= 1
                    return true
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
                guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.waiting.remove(at: index).continuation
            }
            waiter?.resume(returning: false)
        }
    }

    /// Gives a line back; the transactional hand-off that has waited longest gets it, or else the bulk one.
    func giveBack() {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            // No more wait than the engine has slots.
            let index = state.waiting.firstIndex { $0.lane == .transactional } ?? state.waiting.startIndex
            return state.waiting.remove(at: index).continuation
        }
        next?.resume(returning: true)
    }
}
