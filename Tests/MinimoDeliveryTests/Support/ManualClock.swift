import MinimoDelivery
import Synchronization
import Wire

/// A clock that stands still until a test moves it.
final class ManualClock: DeliveryClock {
    private struct State {
        var now: Timestamp
        var sleepers: [Int: (deadline: Timestamp, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var cancelled: Set<Int> = []
        var nextID = 0
    }

    private let state: Mutex<State>

    init(_ now: Timestamp = Timestamp(seconds: 1_750_000_000)) {
        state = Mutex(State(now: now))
    }

    func now() -> Timestamp { state.withLock { $0.now } }

    /// Lets time pass and wakes whoever slept until then.
    func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now + duration
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    func sleep(for duration: Duration) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCancelled = state.withLock { state in
                    guard state.cancelled.remove(id) == nil else { return true }
                    state.sleepers[id] = (state.now + duration, continuation)
                    return false
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                guard let sleeper = state.sleepers.removeValue(forKey: id) else {
                    state.cancelled.insert(id)
                    return nil as CheckedContinuation<Void, any Error>?
                }
                return sleeper.continuation
            }
            continuation?.resume(throwing: CancellationError())
        }
    }
}

/// A clock on which every sleep is over at once and takes its time.
final class HurryingClock: DeliveryClock {
    private let time = Mutex((now: Timestamp(seconds: 1_750_000_000), slept: [Duration]()))

    /// Every sleep so far.
    var slept: [Duration] { time.withLock { $0.slept } }

    func now() -> Timestamp { time.withLock { $0.now } }

    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        time.withLock { time in
            time.now = time.now + duration
            time.slept.append(duration)
        }
        await Task.yield()
    }
}
