package import MinimoCore
package import Wire

/// Turns what a channel answered into what is written: a pure function of its arguments.
package struct Settlement: Sendable {
    package var retry: RetryPolicy
    package var unconfirmed: UnconfirmedPolicy

    package init(retry: RetryPolicy, unconfirmed: UnconfirmedPolicy) {
        self.retry = retry
        self.unconfirmed = unconfirmed
    }

    /// What is known when an attempt ends.
    package struct Situation: Sendable {
        package var lease: Lease
        package var status: MessageStatus
        package var category: MessageCategory
        package var contactID: Int64?
        package var intentAt: Timestamp?
        package var now: Timestamp
        /// A random number within 0…1.
        package var jitter: Double

        package init(
            lease: Lease, status: MessageStatus, category: MessageCategory, contactID: Int64?, intentAt: Timestamp?,
            now: Timestamp, jitter: Double
        ) {
            self.lease = lease
            self.status = status
            self.category = category
            self.contactID = contactID
            self.intentAt = intentAt
            self.now = now
            self.jitter = jitter
        }
    }

    /// Settles an attempt.
    ///
    /// - Parameter heldUntil: for ``DeliveryOutcome/unavailable(_:retryAfter:)``, when the channel will be tried again.
    package func settle(
        _ outcome: DeliveryOutcome, _ situation: Situation, heldUntil: Timestamp? = nil
    ) -> Completion {
        switch outcome {
        case .accepted(let providerID, let reply, let followUp):
            handedOff(situation, [.accepted], .accepted, reply, providerID, followUp)
        case .delivered(let providerID, let reply, let followUp):
            handedOff(situation, [.accepted, .delivered], .delivered, reply, providerID, followUp)
        case .temporary(let code, let reply, let retryAfter, _):
            postponed(situation, code, reply, retryAfter)
        case .permanent(let code, let reply, let isHardBounce):
            refused(situation, .permanent, code, reply, isHardBounce: isHardBounce)
        case .senderProblem(let code, let reply):
            refused(situation, .senderProblem, code, reply, isHardBounce: false)
        case .unconfirmed(let reply):
            lost(situation, reply)
        case .unavailable(let reason, let retryAfter):
            waiting(situation, reason, until: heldUntil ?? situation.now + (retryAfter ?? retry.first))
        }
    }

    /// Gives a row back of which nothing became: its lease was not needed or could not be used.
    package func givenBack(_ situation: Situation, until: Timestamp) -> Completion {
        completion(
            situation, attempt: nil, steps: [],
            queue: .wait(
                until: until, attempts: situation.lease.attempts,
                reason: situation.lease.waitReason.flatMap(WaitReason.init(rawValue:)),
                followUp: situation.lease.followUp))
    }

    /// Removes a row that has no use any more: its message is gone or settled.
    package func dropped(_ situation: Situation) -> Completion {
        completion(situation, attempt: nil, steps: [], queue: .remove)
    }

    /// What the sandbox let happen after the hand-off.
    package func followedUp(_ kind: FollowUp.Kind, _ situation: Situation) -> Completion {
        var data: JSONObject = ["sandbox": true]
        var result = completion(situation, attempt: nil, steps: [], queue: .remove)
        if kind == .bounced {
            data["code"] = "5.1.1"
            result.failure = Message.Failure(code: "5.1.1", message: "User unknown", permanent: true)
        }
        let text = JSONValue.object(data).serialized()
        result.steps = kind.inputs.map { Completion.Step(input: $0, eventDataJSON: text) }
        return result
    }

    /// Settles an attempt whose intent is durable and whose outcome nobody knows.
    package func lost(_ situation: Situation, _ reply: ChannelReply) -> Completion {
        let action = unconfirmed.action(for: situation.category)
        let transition = MessageStateMachine.transition(from: situation.status, on: .lost(action))
        let sendsAgain = transition.queue == .retry
        let data: JSONObject = [
            "attempt": .integer(Int64(situation.lease.attempt)),
            "action": .string((sendsAgain ? UnconfirmedAction.sendOnceMore : .hold).rawValue),
        ]
        let again = situation.now + retry.wait(attempts: situation.lease.attempt, jitter: situation.jitter)
        return completion(
            situation, attempt: Completion.Attempt(outcome: .unconfirmed, reply: reply, intentAt: situation.intentAt),
            steps: [Completion.Step(input: .lost(action), eventDataJSON: JSONValue.object(data).serialized())],
            queue: sendsAgain ? .wait(until: again, attempts: situation.lease.attempt) : .remove)
    }

    private func handedOff(
        _ situation: Situation, _ inputs: [MessageInput], _ outcome: DeliveryAttempt.Outcome, _ reply: ChannelReply,
        _ providerID: String?, _ followUp: FollowUp?
    ) -> Completion {
        let attempt = situation.lease.attempt
        let queue: Completion.Queue =
            if let followUp {
                .wait(until: situation.now + followUp.after, attempts: attempt, followUp: followUp.kind)
            } else {
                .remove
            }
        var result = completion(
            situation, attempt: Completion.Attempt(outcome: outcome, reply: reply, intentAt: situation.intentAt),
            steps: inputs.map { Completion.Step(input: $0, eventDataJSON: #"{"attempt":\#(attempt)}"#) }, queue: queue)
        result.providerMessageID = providerID
        return result
    }

    private func postponed(
        _ situation: Situation, _ code: String, _ reply: ChannelReply, _ retryAfter: Duration?
    ) -> Completion {
        let decision = retry.decide(
            attempts: situation.lease.attempt, retryAfter: retryAfter, acceptedAt: situation.lease.acceptedAt,
            now: situation.now, jitter: situation.jitter)
        let attempt = Completion.Attempt(outcome: .temporary, reply: reply, intentAt: situation.intentAt)
        switch decision {
        case .retry(let at):
            var result = completion(
                situation, attempt: attempt, steps: [Completion.Step(input: .deferred)],
                queue: .wait(until: at, attempts: situation.lease.attempt))
            result.failure = Message.Failure(code: code, message: reply.text, permanent: false)
            return result
        case .giveUp:
            return failed(situation, attempt, .expired, code, reply.text, isHardBounce: false)
        }
    }

    private func refused(
        _ situation: Situation, _ outcome: DeliveryAttempt.Outcome, _ code: String, _ reply: ChannelReply,
        isHardBounce: Bool
    ) -> Completion {
        let attempt = Completion.Attempt(outcome: outcome, reply: reply, intentAt: situation.intentAt)
        return failed(situation, attempt, .refused, code, reply.text, isHardBounce: isHardBounce)
    }

    private func failed(
        _ situation: Situation, _ attempt: Completion.Attempt?, _ input: MessageInput, _ code: String, _ text: String,
        isHardBounce: Bool
    ) -> Completion {
        let data: JSONObject = [
            "attempt": .integer(Int64(situation.lease.attempt)), "code": .string(code), "message": .string(text),
            "expired": .bool(input == .expired), "hardBounce": .bool(isHardBounce),
        ]
        var result = completion(
            situation, attempt: attempt,
            steps: [Completion.Step(input: input, eventDataJSON: JSONValue.object(data).serialized())], queue: .remove)
        result.failure = Message.Failure(code: code, message: text, permanent: true)
        return result
    }

    /// Nothing was attempted, so there is no row of an attempt, however long this lasts.
    private func waiting(_ situation: Situation, _ reason: WaitReason, until: Timestamp) -> Completion {
        guard situation.now < situation.lease.acceptedAt + retry.giveUpAfter else {
            return failed(
                situation, nil, .expired, reason.rawValue, "The channel was not available in time.",
                isHardBounce: false)
        }
        var result = completion(
            situation, attempt: nil, steps: [Completion.Step(input: .deferred)],
            queue: .wait(until: until, attempts: situation.lease.attempts, reason: reason))
        if situation.lease.waitReason != reason.rawValue {
            result.notices = [#"{"reason":"\#(reason.rawValue)"}"#]
        }
        return result
    }

    private func completion(
        _ situation: Situation, attempt: Completion.Attempt?, steps: [Completion.Step], queue: Completion.Queue
    ) -> Completion {
        Completion(
            lease: situation.lease, observed: situation.status, contactID: situation.contactID,
            finishedAt: situation.now, attempt: attempt, steps: steps, queue: queue)
    }
}
