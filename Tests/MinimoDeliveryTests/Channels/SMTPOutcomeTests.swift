import Mail
import MinimoCore
import Testing

@testable import MinimoDelivery

@Suite struct SMTPOutcomeTests {
    private static let to = try? EmailAddress(parsing: "to@example.com")
    private static let copy = try? EmailAddress(parsing: "cc@example.com")

    private func outcome(_ result: SMTPResult) -> DeliveryOutcome {
        SMTPOutcome.outcome(of: result, recipient: Self.to, messageID: "m@x", relayID: 3)
    }

    private func refusal(_ stage: SMTPStage, _ code: Int, _ enhanced: EnhancedStatusCode?) -> DeliveryOutcome {
        outcome(.refused(stage: stage, reply: SMTPReply(code: code, enhanced: enhanced, text: "t"), perRecipient: []))
    }

    @Test func accepted() {
        let reply = SMTPReply(code: 250, enhanced: EnhancedStatusCode(2, 0, 0), text: "queued")
        #expect(
            outcome(.accepted(reply))
                == .accepted(
                    providerID: "m@x", ChannelReply(relayID: 3, code: 250, enhancedCode: "2.0.0", text: "queued")))
    }

    @Test func refusalsByTheirClass() {
        func reply(_ code: Int, _ enhanced: String?) -> ChannelReply {
            ChannelReply(relayID: 3, code: code, enhancedCode: enhanced, text: "t")
        }
        #expect(
            refusal(.recipient, 550, EnhancedStatusCode(5, 1, 1))
                == .permanent(code: "5.1.1", reply(550, "5.1.1"), isHardBounce: true))
        #expect(
            refusal(.content, 554, EnhancedStatusCode(5, 6, 0)) == .permanent(code: "5.6.0", reply(554, "5.6.0")))
        #expect(
            refusal(.content, 550, EnhancedStatusCode(5, 7, 1)) == .senderProblem(code: "5.7.1", reply(550, "5.7.1")))
        #expect(
            refusal(.recipient, 452, EnhancedStatusCode(4, 2, 2)) == .temporary(code: "4.2.2", reply(452, "4.2.2")))
        // Throttling of one recipient is its own affair; that of a sender or a connection slows the channel.
        #expect(
            refusal(.recipient, 450, EnhancedStatusCode(4, 7, 0)) == .temporary(code: "4.7.0", reply(450, "4.7.0")))
        #expect(
            refusal(.mailFrom, 450, EnhancedStatusCode(4, 7, 0))
                == .temporary(code: "4.7.0", reply(450, "4.7.0"), slowsChannel: true))
        #expect(refusal(.recipient, 421, nil) == .temporary(code: "421", reply(421, nil), slowsChannel: true))
    }

    /// When somebody has got the message, it is never sent again, whoever has not.
    @Test func partlyAccepted() throws {
        let taken = SMTPReply(code: 250, text: "ok")
        let full = SMTPReply(code: 452, enhanced: EnhancedStatusCode(4, 2, 2), text: "full")
        let (to, copy) = (try #require(Self.to), try #require(Self.copy))
        #expect(
            outcome(.partiallyAccepted(taken, refused: [SMTPRecipientRefusal(recipient: copy, reply: full)]))
                == .accepted(providerID: "m@x", ChannelReply(relayID: 3, code: 250, text: "ok")))
        #expect(
            outcome(.partiallyAccepted(taken, refused: [SMTPRecipientRefusal(recipient: to, reply: full)]))
                == .permanent(
                    code: "4.2.2", ChannelReply(relayID: 3, code: 452, enhancedCode: "4.2.2", text: "full")))
    }

    @Test func lossesInTheMiddleAreAttemptsAndOthersAreNot() {
        #expect(
            outcome(.unavailable(reason: SMTPUnavailability(.connectionLost)))
                == .temporary(
                    code: "connection_lost", ChannelReply(relayID: 3, text: "connectionLost"), slowsChannel: true))
        for code in [SMTPUnavailability.Code.connect, .tls, .greeting, .authentication, .startTLSNotOffered] {
            #expect(
                outcome(.unavailable(reason: SMTPUnavailability(code, retryAfter: .seconds(4))))
                    == .unavailable(.relayUnavailable, retryAfter: .seconds(4)))
        }
        #expect(
            outcome(.unconfirmed(reason: SMTPUnavailability(.timeout)))
                == .unconfirmed(ChannelReply(relayID: 3, text: "timeout")))
    }

    @Test func severalRelays() {
        let away = SMTPUnavailability(.connect, retryAfter: .seconds(9))
        let soon = SMTPUnavailability(.connect, retryAfter: .seconds(2))
        let lost = SMTPUnavailability(.timeout)
        #expect(
            SMTPOutcome.outcome(of: [(1, away), (2, soon)]) == .unavailable(.relayUnavailable, retryAfter: .seconds(2)))
        #expect(
            SMTPOutcome.outcome(of: [(1, lost), (2, away)])
                == .temporary(code: "timeout", ChannelReply(relayID: 1, text: "timeout"), slowsChannel: true))
        #expect(!SMTPOutcome.mayTryAnother(after: SMTPUnavailability(.intentRefused)))
        #expect(SMTPOutcome.mayTryAnother(after: lost))
    }
}
