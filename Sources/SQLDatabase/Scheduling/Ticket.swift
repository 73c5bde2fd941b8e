import Synchronization

/// A thread's hold on whatever it is waiting for, so that a cancelled closure can be stopped.
protocol Interruptible: AnyObject, Sendable {
    /// Stops the statement that is running now. Returns at once; called only while the ticket's closure runs.
    func interrupt()
}

/// One closure's way from its task to a thread and back: decides who answers, and carries the cancellation.
///
/// A closure that still waits is answered by its cancellation; once a thread has started it, the thread answers.
final class Ticket: Sendable {
    private enum State {
        case new
        case waiting(@Sendable () -> Void)
        case running(any Interruptible)
        case paused
        case answered
    }

    private let state = Mutex(State.new)
    private let cancelled = Atomic<Bool>(false)

    /// Whether the task was cancelled.
    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// Puts the closure into the queue.
    ///
    /// - Parameter answer: tells the task that it was cancelled; called at most once.
    /// - Returns: false if the task is cancelled already. Then the caller answers.
    func wait(answer: @escaping @Sendable () -> Void) -> Bool {
        state.withLock {
            guard !isCancelled else {
                $0 = .answered
                return false
            }
            $0 = .waiting(answer)
            return true
        }
    }

    /// A thread takes the closure, for the first time or again.
    ///
    /// - Returns: false if the cancellation has answered already.
    func start(on thread: any Interruptible) -> Bool {
        state.withLock {
            if case .answered = $0 { return false }
            $0 = .running(thread)
            return true
        }
    }

    /// The closure has returned: a cancellation no longer stops the thread.
    func pause() {
        state.withLock { $0 = .paused }
    }

    /// Takes the answer away from the cancellation, for a closure that could not be queued.
    ///
    /// - Returns: false if the cancellation has answered already.
    func withdraw() -> Bool {
        state.withLock {
            if case .answered = $0 { return false }
            $0 = .answered
            return true
        }
    }

    /// The task was cancelled.
    func cancel() {
        let answer: (@Sendable () -> Void)? = state.withLock {
            cancelled.store(true, ordering: .relaxed)
            switch $0 {
            case .waiting(let answer):
                $0 = .answered
                return answer
            case .running(let thread):
                // Inside the lock, so that it cannot reach the closure after this one.
                thread.interrupt()
                return nil
            case .new, .paused, .answered:
                return nil
            }
        }
        answer?()
    }
}
