/// What happens to a message, whoever tells: a worker, the rescuer, a provider's callback, a person.
package enum MessageInput: Sendable, Hashable {
    /// A hand-off has begun that takes long enough to be shown. Channels whose hand-off takes milliseconds leave it
    /// out.
    case handOffBegan
    /// The relay or provider took the message.
    case accepted
    /// The recipient's side took it.
    case delivered
    /// The recipient's device reports it as read.
    case read
    /// An attempt failed and another one will follow.
    case deferred
    /// An attempt was refused for good.
    case refused
    /// No attempt succeeded within the time that was given.
    case expired
    /// An attempt was begun and its outcome cannot be known.
    case lost(UnconfirmedAction)
    /// It came back after it had been taken.
    case bounced
    /// The recipient marked it as unwanted.
    case complained
    case opened
    case clicked
    /// A person withdraws it.
    case cancelled
    /// The recipient turned out to be suppressed.
    case suppressed
}

/// What follows when the outcome of an attempt cannot be known.
package enum UnconfirmedAction: String, Sendable, Hashable, CaseIterable {
    /// It is sent once more with the same Message-ID; a second unknown outcome stays.
    case sendOnceMore
    /// It waits for a person.
    case hold
}

/// What a transition does to the message's row in the queue.
package enum QueueAction: Sendable, Hashable {
    /// Nothing: there is no row, or it is not this input's business.
    case keep
    /// The row goes: nothing is outstanding any more.
    case remove
    /// The row waits for the next attempt.
    case retry
}

/// The answer of ``MessageStateMachine``.
package struct Transition: Sendable, Hashable {
    /// The status afterwards.
    package let status: MessageStatus
    /// The event to write, if any.
    package let event: EventType?
    package let queue: QueueAction
    /// False when the input comes too late or for the second time, and nothing is to be written.
    package let applies: Bool

    package init(_ status: MessageStatus, _ event: EventType? = nil, _ queue: QueueAction) {
        self.status = status
        self.event = event
        self.queue = queue
        applies = true
    }

    private init(ignoredIn status: MessageStatus) {
        self.status = status
        event = nil
        queue = .keep
        applies = false
    }

    /// The input changes nothing in this status.
    package static func ignored(_ status: MessageStatus) -> Transition { Transition(ignoredIn: status) }
}

/// The life of a message as a pure function; a status never goes backwards (contract 10.6).
///
/// *pending* stands for `scheduled`, `queued` and `sending`. A blank cell means that the input is ignored; `=` that the
/// status stays while the event is written and the queue row treated.
///
/// | input          | scheduled, queued | sending   | unconfirmed | sent      | delivered | read      | complained |
/// | -------------- | ----------------- | --------- | ----------- | --------- | --------- | --------- | ---------- |
/// | `handOffBegan` | sending           |           |             |           |           |           |            |
/// | `accepted`     | sent              | sent      | sent        |           |           |           |            |
/// | `delivered`    | delivered         | delivered | delivered   | delivered |           |           |            |
/// | `read`         | read              | read      | read        | read      | read      |           |            |
/// | `deferred`     | queued            | =         | =           |           |           |           |            |
/// | `refused`      | failed            | failed    | =           |           |           |           |            |
/// | `expired`      | failed            | failed    | =           |           |           |           |            |
/// | `lost`         | unconfirmed       | unconf.   | =           |           |           |           |            |
/// | `bounced`      | bounced           | bounced   | bounced     | bounced   | bounced   |           |            |
/// | `complained`   | complained        | complain. | complained  | complain. | complain. | complain. |            |
/// | `opened`, `clicked` | sent         | sent      | sent        | =         | =         | =         | =          |
/// | `cancelled`    | cancelled         |           |             |           |           |           |            |
/// | `suppressed`   | suppressed        |           | =           |           |           |           |            |
///
/// `failed`, `bounced`, `cancelled` and `suppressed` ignore everything.
///
/// An unconfirmed message that is sent once more and refused stays `unconfirmed`: the first copy may have arrived.
/// Reports about a message that is still pending or unconfirmed prove that it was taken, so they move it forward.
package enum MessageStateMachine {
    /// Where `input` takes a message that stands at `status`, and what is to be written.
    package static func transition(from status: MessageStatus, on input: MessageInput) -> Transition {
        switch status {
        case .scheduled, .queued: waiting(status, input)
        case .sending: sending(input)
        case .unconfirmed: unconfirmed(input)
        case .sent, .delivered, .read, .complained: handedOff(status, input)
        case .failed, .bounced, .cancelled, .suppressed: .ignored(status)
        }
    }

    private static func waiting(_ status: MessageStatus, _ input: MessageInput) -> Transition {
        switch input {
        case .handOffBegan: Transition(.sending, nil, .keep)
        case .deferred: Transition(.queued, nil, .retry)
        case .cancelled: Transition(.cancelled, nil, .remove)
        case .suppressed: Transition(.suppressed, .messageFailed, .remove)
        default: attempted(status, input)
        }
    }

    private static func sending(_ input: MessageInput) -> Transition {
        switch input {
        case .deferred: Transition(.sending, nil, .retry)
        case .handOffBegan, .cancelled, .suppressed: .ignored(.sending)
        default: attempted(.sending, input)
        }
    }

    private static func unconfirmed(_ input: MessageInput) -> Transition {
        switch input {
        case .deferred: Transition(.unconfirmed, nil, .retry)
        case .refused, .expired, .suppressed: Transition(.unconfirmed, nil, .remove)
        case .lost: Transition(.unconfirmed, .messageUnconfirmed, .remove)
        case .handOffBegan, .cancelled: .ignored(.unconfirmed)
        default: attempted(.unconfirmed, input)
        }
    }

    /// What an attempt or a report does to a message that has no outcome yet.
    private static func attempted(_ status: MessageStatus, _ input: MessageInput) -> Transition {
        switch input {
        case .accepted: Transition(.sent, .messageSent, .remove)
        case .delivered: Transition(.delivered, .messageDelivered, .remove)
        case .read: Transition(.read, .messageOpened, .remove)
        case .refused, .expired: Transition(.failed, .messageFailed, .remove)
        case .lost(let action):
            Transition(.unconfirmed, .messageUnconfirmed, action == .sendOnceMore ? .retry : .remove)
        case .bounced: Transition(.bounced, .messageBounced, .remove)
        case .complained: Transition(.complained, .messageComplained, .remove)
        case .opened: Transition(.sent, .messageOpened, .remove)
        case .clicked: Transition(.sent, .messageClicked, .remove)
        case .handOffBegan, .deferred, .cancelled, .suppressed: .ignored(status)
        }
    }

    /// What a report does to a message that was taken.
    private static func handedOff(_ status: MessageStatus, _ input: MessageInput) -> Transition {
        switch (status, input) {
        case (.sent, .delivered): Transition(.delivered, .messageDelivered, .keep)
        case (.sent, .read), (.delivered, .read): Transition(.read, .messageOpened, .keep)
        case (.sent, .bounced), (.delivered, .bounced): Transition(.bounced, .messageBounced, .keep)
        case (.sent, .complained), (.delivered, .complained), (.read, .complained):
            Transition(.complained, .messageComplained, .keep)
        case (_, .opened): Transition(status, .messageOpened, .keep)
        case (_, .clicked): Transition(status, .messageClicked, .keep)
        default: .ignored(status)
        }
    }
}
