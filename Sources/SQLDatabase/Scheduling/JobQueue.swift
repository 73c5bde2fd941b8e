import Dispatch
import Foundation
import Synchronization

/// A bounded first-in-first-out queue in front of threads of its own.
///
/// Threads start as they are needed, up to the limit, and end when the queue is closed and empty. A thread that sleeps is
/// woken only if there is work for it; the one that slept last is woken first, because its memory is warm.
final class JobQueue: Sendable {
    private struct State {
        var jobs = FirstInFirstOut<Job>()
        var sleeping: [DispatchSemaphore] = []
        var threads = 0
        var isRefusing = false
        var isClosed = false
        var closing: [CheckedContinuation<Void, Never>] = []
    }

    private enum Admission {
        case accepted(wake: DispatchSemaphore?, startThread: Bool)
        case refused(String)
    }

    private let state = Mutex(State())
    private let name: String
    private let maximumThreads: Int
    private let maximumWaiting: Int

    init(name: String, maximumThreads: Int, maximumWaiting: Int) {
        self.name = name
        self.maximumThreads = maximumThreads
        self.maximumWaiting = maximumWaiting
    }

    /// The number of closures that wait.
    var waiting: Int { state.withLock { $0.jobs.count } }

    /// Adds a job, and a thread to run it if none sleeps and there may be one more.
    ///
    /// - Parameter thread: the body of a thread; runs until `next` returns nil.
    func submit(_ job: Job, thread: @escaping @Sendable () -> Void) {
        let admission = state.withLock { state -> Admission in
            guard !state.isRefusing else { return .refused("the database is closed") }
            guard state.jobs.count < maximumWaiting else { return .refused("too many operations are waiting") }
            state.jobs.append(job)
            if let semaphore = state.sleeping.popLast() { return .accepted(wake: semaphore, startThread: false) }
            guard state.threads < maximumThreads else { return .accepted(wake: nil, startThread: false) }
            state.threads += 1
            return .accepted(wake: nil, startThread: true)
        }
        switch admission {
        case .accepted(let semaphore, let startThread):
            semaphore?.signal()
            if startThread { start(thread) }
        case .refused(let reason):
            if job.ticket.withdraw() { job.fail(DatabaseError(.unavailable, detail: reason)) }
        }
    }

    /// The next job; blocks the thread until there is one. Nil when the queue is closed and empty.
    func next(_ semaphore: DispatchSemaphore) -> Job? {
        while true {
            let (job, isClosed) = state.withLock { state -> (Job?, Bool) in
                if let job = state.jobs.popFirst() { return (job, false) }
                if !state.isClosed { state.sleeping.append(semaphore) }
                return (nil, state.isClosed)
            }
            if let job { return job }
            if isClosed { return nil }
            semaphore.wait()
        }
    }

    /// The next job if there is one now and it satisfies the condition.
    func poll(where condition: (Job) -> Bool) -> Job? {
        state.withLock { state in
            guard let job = state.jobs.first, condition(job) else { return nil }
            return state.jobs.popFirst()
        }
    }

    /// Takes no further jobs.
    func refuse() { state.withLock { $0.isRefusing = true } }

    /// Takes no further jobs and wakes all threads, so that they end when the queue is empty.
    func close() {
        let sleeping = state.withLock { state in
            state.isRefusing = true
            state.isClosed = true
            defer { state.sleeping = [] }
            return state.sleeping
        }
        for semaphore in sleeping { semaphore.signal() }
    }

    /// Returns when all threads have ended after `close()`.
    func waitUntilClosed() async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.isClosed && state.threads == 0 { return true }
                state.closing.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    private func start(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread { [self] in
            body()
            threadEnded()
        }
        thread.name = name
        thread.start()
    }

    private func threadEnded() {
        let continuations = state.withLock { state in
            state.threads -= 1
            guard state.isClosed && state.threads == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.closing = [] }
            return state.closing
        }
        for continuation in continuations { continuation.resume() }
    }
}
