package import MinimoCore
import NIOCore
package import SQLDatabase
import Wire

/// Keeps the email of test workspaces and plays the outcome that the recipient asks for (contract 5.4), by the same way
/// that real mail takes.
package struct EmailSandbox: Channel {
    private let database: Database
    private let composer: EmailComposer
    /// Each holds one composed email in memory.
    private let lines = HandOffLines(count: 8)

    package init(database: Database, renderer: MessageRenderer) {
        self.database = database
        composer = EmailComposer(database: database, renderer: renderer)
    }

    package func deliver(_ handOff: HandOff) async {
        let message = handOff.message
        let scenario = SandboxScenario(email: message.to)
        guard await lines.take(message.category.lane) else {
            return handOff.conclude(.unavailable(.relayUnavailable))
        }
        defer { lines.giveBack() }
        let outcome = scenario.outcome(attempt: handOff.attempt, providerID: message.headerMessageID)
        do {
            let email = try await composer.compose(message)
            if outcome.isHandOff { try await handOff.announce() }
            let content = String(buffer: email.content)
            let now = handOff.startedAt
            try await database.write { db in
                try SandboxStore().keep(
                    db, workspaceID: message.workspaceID, channel: .email, messageID: message.id, to: message.to,
                    from: message.from, subject: message.subject, content: content, outcome: scenario, now: now)
            }
            handOff.conclude(outcome)
        } catch {
            handOff.conclude(.composing(error))
        }
    }

    /// There is nothing to keep up.
    package func run() async {}
}

extension SandboxScenario {
    /// What the sandbox answers to an attempt. Retries come after 2 s, then 4 s (contract A 5.4).
    package func outcome(attempt: Int, providerID: String) -> DeliveryOutcome {
        let kept = ChannelReply(code: 250, enhancedCode: "2.0.0", text: "Kept by the sandbox")
        let soon = Duration.seconds(1)
        let retryAfter = Duration.seconds(attempt == 1 ? 2 : 4)
        func delivered(then kind: FollowUp.Kind) -> DeliveryOutcome {
            .delivered(providerID: providerID, kept, followUp: FollowUp(kind, after: soon))
        }
        switch self {
        case .delivered: return .delivered(providerID: providerID, kept)
        case .bounce: return .accepted(providerID: providerID, kept, followUp: FollowUp(.bounced, after: soon))
        case .complaint: return delivered(then: .complained)
        case .open: return delivered(then: .opened)
        case .click: return delivered(then: .clicked)
        case .slow:
            return .accepted(providerID: providerID, kept, followUp: FollowUp(.delivered, after: .seconds(30)))
        case .reject:
            let reply = ChannelReply(code: 550, enhancedCode: "5.7.1", text: "Refused for policy reasons")
            return .senderProblem(code: "5.7.1", reply)
        case .softbounce where attempt <= 2:
            let reply = ChannelReply(code: 452, enhancedCode: "4.2.2", text: "Mailbox full")
            return .temporary(code: "4.2.2", reply, retryAfter: retryAfter)
        case .limit where attempt == 1:
            let reply = ChannelReply(code: 450, enhancedCode: "4.7.0", text: "Too many messages, slow down")
            return .temporary(code: "4.7.0", reply, retryAfter: retryAfter)
        case .softbounce, .limit: return .delivered(providerID: providerID, kept)
        }
    }
}

extension DeliveryOutcome {
    /// The message has left, so that the intent must be durable before.
    var isHandOff: Bool {
        switch self {
        case .accepted, .delivered, .unconfirmed: true
        case .temporary, .permanent, .senderProblem, .unavailable: false
        }
    }
}
