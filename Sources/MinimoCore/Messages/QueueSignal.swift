import Synchronization

/// Wakes the delivery engine of this process when something may be due.
///
/// Signals coalesce: any number of them before a wait ends it once. One task waits at a time.
package final class QueueSignal: Sendable {
    private struct State {
        var isSignalled = false
        var waiter: CheckedContinuation<Void, Never>?
        /// The wait that was cancelled before it could begin.
        var isCancelled = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Ends the current wait, or the next one. Call it after the commit that made something due.
    package func signal() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let waiter = state.waiter else {
                state.isSignalled = true
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume()
    }

    /// Returns when a signal has come since the last wait, or when the task is cancelled.
    package func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isSignalled || state.isCancelled {
                        state.isSignalled = false
                        state.isCancelled = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard let waiter = state.waiter else {
                    state.isCancelled = true
                    return nil
                }
                state.waiter = nil
                return waiter
            }
            waiter?.resume()
        }
    }
}
