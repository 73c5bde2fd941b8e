import Logging
import MinimoCore
import Wire

/// Works on one leased row: hands the message off and settles what came of it.
struct DeliveryWorker: Sendable {
    /// A leased row with its message; nil when the message is gone.
    struct Work: Sendable {
        let lease: Lease
        let message: Message?
    }

    let channels: [MessageChannel: any Channel]
    let sandboxes: [MessageChannel: any Channel]
    let settlement: Settlement
    let writer: LedgerWriter
    let holds: HoldBoard
    let slots: SlotBoard
    let counters: DeliveryCounters
    let clock: any DeliveryClock
    let signal: QueueSignal
    let observer: (@Sendable (DeliveryObservation) -> Void)?

    /// Does all the work of one lease. Its completion is submitted when this returns, and written a little later.
    func run(_ work: Work) async {
        let lease = work.lease
        guard let message = work.message else {
            holds.unproved(lease.stream)
            return end(lease, settlement.dropped(situation(lease, nil, intentAt: nil)), nil)
        }
        if let kind = lease.followUp {
            counters.add(to: \.followUps)
            holds.unproved(lease.stream)
            return end(lease, settlement.followedUp(kind, situation(lease, message, intentAt: nil)), nil)
        }
        let isSendable = MessageStateMachine.transition(from: message.status, on: .deferred).applies
        guard isSendable, let channel = (message.isSandbox ? sandboxes : channels)[message.channel] else {
            holds.unproved(lease.stream)
            // A channel that this release cannot serve keeps its messages; a settled one needs no row.
            let now = situation(lease, message, intentAt: nil)
            let isKept = isSendable ? settlement.givenBack(now, until: now.now + .seconds(60)) : settlement.dropped(now)
            return end(lease, isKept, nil)
        }
        let gate = IntentGate(lease: lease, writer: writer, clock: clock)
        let handOff = HandOff(
            message: message, attempt: lease.attempt, startedAt: clock.now(), intent: { try await gate.pass() },
            conclusion: { outcome in conclude(outcome, gate.verdict, lease, message) })
        await channel.deliver(handOff)
        handOff.abandon()
    }

    /// Gives back a row that could not be worked on, for a while.
    func giveBack(_ lease: Lease, for duration: Duration = .zero) {
        holds.unproved(lease.stream)
        end(lease, settlement.givenBack(situation(lease, nil, intentAt: nil), until: clock.now() + duration), nil)
    }

    /// The slot is free from now on, while the completion settles: the next hand-off need not wait for this one's commit.
    private func end(_ lease: Lease, _ completion: Completion?, _ outcome: DeliveryOutcome?) {
        if let completion {
            writer.complete(completion) { _ in settled(lease, outcome) }
        }
        if slots.handedOff(lease.stream, lease.lane) { signal.signal() }
        if completion == nil { settled(lease, outcome) }
    }

    private func settled(_ lease: Lease, _ outcome: DeliveryOutcome?) {
        if slots.settled() { signal.signal() }
        observer?(.settled(messageID: lease.messageID, outcome))
    }

    private func conclude(
        _ outcome: DeliveryOutcome, _ verdict: IntentGate.Verdict, _ lease: Lease, _ message: Message
    ) {
        var intentAt: Timestamp?
        switch verdict {
        case .refused:
            // Whoever has the lease now settles the message; nothing was sent here.
            counters.add(to: \.intentsRefused)
            holds.unproved(lease.stream)
            return end(lease, nil, nil)
        case .failed:
            counters.add(to: \.intentsRefused)
            holds.unproved(lease.stream)
            let now = situation(lease, message, intentAt: nil)
            return end(lease, settlement.givenBack(now, until: now.now + .seconds(1)), nil)
        case .granted(let at): intentAt = at
        case .notAsked: break
        }
        let now = situation(lease, message, intentAt: intentAt)
        // A stop that breaks off a wait for a connection says nothing about the channel.
        if Task.isCancelled, case .unavailable = outcome {
            return end(lease, settlement.givenBack(now, until: now.now), nil)
        }
        counters.count(outcome)
        let heldUntil = note(outcome, lease.stream, now.now)
        end(lease, settlement.settle(outcome, now, heldUntil: heldUntil), outcome)
    }

    /// Tells the holds what the outcome says about the channel.
    private func note(_ outcome: DeliveryOutcome, _ stream: DeliveryStream, _ now: Timestamp) -> Timestamp? {
        switch outcome {
        case .unavailable(_, let retryAfter):
            return holds.unavailable(stream, retryAfter: retryAfter, now: now)
        case .temporary(_, _, _, slowsChannel: true), .unconfirmed:
            holds.throttled(stream, now: now)
        case .accepted, .delivered:
            holds.answered(stream)
        case .temporary(_, let reply, _, _), .permanent(_, let reply, _), .senderProblem(_, let reply):
            // Without a reply it was decided here, and the channel was not asked.
            if reply.code == nil { holds.unproved(stream) } else { holds.answered(stream) }
        }
        return nil
    }

    private func situation(_ lease: Lease, _ message: Message?, intentAt: Timestamp?) -> Settlement.Situation {
        Settlement.Situation(
            lease: lease, status: message?.status ?? .queued, category: message?.category ?? .transactional,
            contactID: message?.contactID, intentAt: intentAt, now: clock.now(), jitter: Double.random(in: 0...1))
    }
}

/// What an engine tells whoever watches it: tests wait for these instead of sleeping.
package enum DeliveryObservation: Sendable {
    /// A row was worked on and is settled; without an outcome when nothing was handed off.
    case settled(messageID: Int64, DeliveryOutcome?)
    /// A round found nothing that it may lease.
    case idle
    /// Leases of dead nodes were given back.
    case rescued(released: Int, unconfirmed: Int)
}
