package import MinimoCore
package import Wire

/// What a worker found out about a leased row, ready to be written.
package struct Completion: Sendable {
    /// One attempt's row.
    package struct Attempt: Sendable, Hashable {
        package var outcome: DeliveryAttempt.Outcome
        package var reply: ChannelReply
        package var intentAt: Timestamp?
    }

    /// What becomes of the queue row.
    package enum Queue: Sendable, Hashable {
        case remove
        /// It waits until a time, with this many attempts behind it.
        case wait(until: Timestamp, attempts: Int, reason: WaitReason? = nil, followUp: FollowUp.Kind? = nil)
    }

    /// One step of the state machine with the data of its event.
    package struct Step: Sendable, Hashable {
        package var input: MessageInput
        package var eventDataJSON: String = "{}"
    }

    package var lease: Lease
    /// The status under which the worker saw the message. When it has changed meanwhile, the steps are applied anew.
    package var observed: MessageStatus
    package var contactID: Int64?
    package var finishedAt: Timestamp
    /// nil when nothing was attempted.
    package var attempt: Attempt?
    package var steps: [Step]
    package var queue: Queue
    package var providerMessageID: String?
    package var failure: Message.Failure?
    /// Data of `message.queued` events that repeat that the message is still queued, and why.
    package var notices: [String] = []

    /// Where the steps lead from the observed status, with the events to write.
    package var plan: (status: MessageStatus, events: [NewEvent]) {
        var status = observed
        var events: [NewEvent] = []
        for step in steps {
            let transition = MessageStateMachine.transition(from: status, on: step.input)
            status = transition.status
            guard let type = transition.event else { continue }
            events.append(event(type, step.eventDataJSON))
        }
        return (status, events)
    }

    /// The events beside those of the steps.
    package var noticeEvents: [NewEvent] { notices.map { event(.messageQueued, $0) } }

    /// Attempts with an outcome, this one included.
    package var attemptCount: Int { attempt == nil ? lease.attempts : lease.attempt }

    /// The same outcome without anything that came from outside: for a database that refuses the whole of it.
    package var withoutDetails: Completion {
        var result = self
        result.attempt?.reply = ChannelReply(text: "The details could not be recorded.")
        result.steps = steps.map { Step(input: $0.input, eventDataJSON: #"{"attempt":\#(attemptCount)}"#) }
        result.providerMessageID = nil
        result.failure = failure.map {
            Message.Failure(
                code: "unrecorded", message: "The details could not be recorded.", permanent: $0.permanent)
        }
        result.notices = []
        return result
    }

    private func event(_ type: EventType, _ dataJSON: String) -> NewEvent {
        NewEvent(
            workspaceID: lease.workspaceID, type: type, at: finishedAt, messageID: lease.messageID,
            contactID: contactID, dataJSON: dataJSON)
    }
}
