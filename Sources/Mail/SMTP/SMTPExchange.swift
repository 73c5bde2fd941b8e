import Synchronization

/// A transaction between the task that waits for its outcome and the event loop that carries it out.
final class SMTPExchange: Sendable {
    private enum State {
        case pending
        case waiting(CheckedContinuation<SMTPStateMachine.Outcome, Never>)
        case finished(SMTPStateMachine.Outcome)
    }

    let envelope: SMTPEnvelope
    let content: SMTPContent
    /// Whether the final dot may be sent from the start: the intent was made durable for an earlier connection.
    let isReleased: Bool
    private let state = Mutex(State.pending)

    init(envelope: SMTPEnvelope, content: SMTPContent, isReleased: Bool) {
        self.envelope = envelope
        self.content = content
        self.isReleased = isReleased
    }

    /// The first outcome counts.
    func finish(_ outcome: SMTPStateMachine.Outcome) {
        let continuation = state.withLock { state -> CheckedContinuation<SMTPStateMachine.Outcome, Never>? in
            switch state {
            case .pending:
                state = .finished(outcome)
                return nil
            case .waiting(let continuation):
                state = .finished(outcome)
                return continuation
            case .finished: return nil
            }
        }
        continuation?.resume(returning: outcome)
    }

    /// Called once. Returns whatever happens to the task, since only the connection knows whether the message is out.
    func outcome() async -> SMTPStateMachine.Outcome {
        await withCheckedContinuation { continuation in
            let outcome = state.withLock { state -> SMTPStateMachine.Outcome? in
                if case .finished(let outcome) = state { return outcome }
                state = .waiting(continuation)
                return nil
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }
}
