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
        let gone = SMTPReply(code: 550, enhanced: EnhancedStatusCode(5, 1, 1), text: "No such user")
        let (to, copy) = (try #require(Self.to), try #require(Self.copy))
        #expect(
            outcome(.partiallyAccepted(taken, refused: [SMTPRecipientRefusal(recipient: copy, reply: gone)]))
                == .accepted(
                    providerID: "m@x",
                    ChannelReply(
                        relayID: 3, code: 250,
                        text: "Copies refused: cc@example.com: 550 5.1.1 No such user. Accepted: ok")))
        #expect(
            outcome(.partiallyAccepted(taken, refused: [SMTPRecipientRefusal(recipient: to, reply: gone)]))
                == .permanent(
                    code: "5.1.1", ChannelReply(relayID: 3, code: 550, enhancedCode: "5.1.1", text: "No such user"),
                    isHardBounce: true))
    }

    /// Nobody got it, and somebody may get it later: the whole message waits, whoever else was refused for good.
    @Test func oneRecipientRefusedForNow() throws {
        let later = SMTPReply(code: 450, enhanced: EnhancedStatusCode(4, 7, 1), text: "Greylisted")
        let gone = SMTPReply(code: 550, enhanced: EnhancedStatusCode(5, 1, 1), text: "No such user")
        let (to, copy) = (try #require(Self.to), try #require(Self.copy))
        let waits = DeliveryOutcome.temporary(
            code: "4.7.1", ChannelReply(relayID: 3, code: 450, enhancedCode: "4.7.1", text: "Greylisted"))
        func refused(_ own: SMTPReply?, _ other: SMTPReply?, _ last: SMTPReply) -> DeliveryOutcome {
            let refusals = [(to, own), (copy, other)].compactMap { recipient, reply in
                reply.map { SMTPRecipientRefusal(recipient: recipient, reply: $0) }
            }
            return outcome(.refused(stage: .recipient, reply: last, perRecipient: refusals))
        }
        #expect(refused(later, nil, later) == waits)
        #expect(refused(nil, later, later) == waits)
        #expect(refused(later, gone, gone) == waits)
        #expect(refused(gone, later, later) == waits)
        let failed = DeliveryOutcome.permanent(
            code: "5.1.1", ChannelReply(relayID: 3, code: 550, enhancedCode: "5.1.1", text: "No such user"),
            isHardBounce: true)
        #expect(refused(gone, gone, gone) == failed)
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

    private func combined(
        reasons: [(Int64, SMTPUnavailability)] = [], lacking: (Int64, SMTPReply)? = nil, isBusy: Bool = false
    ) -> DeliveryOutcome {
        var failures = SMTPOutcome.Failures()
        for (relayID, reason) in reasons { failures.reasons.append((relayID, reason)) }
        failures.lacking = lacking.map { ($0.0, $0.1) }
        failures.isBusy = isBusy
        return SMTPOutcome.outcome(of: failures)
    }

    @Test func severalRelays() {
        let away = SMTPUnavailability(.connect, retryAfter: .seconds(9))
        let soon = SMTPUnavailability(.connect, retryAfter: .seconds(2))
        let lost = SMTPUnavailability(.timeout)
        #expect(
            combined(reasons: [(1, away), (2, soon)])
                == .unavailable(.relayUnavailable, retryAfter: .seconds(2)))
        #expect(
            combined(reasons: [(1, lost), (2, away)])
                == .temporary(code: "timeout", ChannelReply(relayID: 1, text: "timeout"), slowsChannel: true))
        // A relay that has no line free is asked again soon.
        #expect(
            combined(reasons: [(1, away)], isBusy: true)
                == .unavailable(.relayUnavailable, retryAfter: .seconds(1)))
        #expect(!SMTPOutcome.mayTryAnother(after: SMTPUnavailability(.intentRefused)))
        #expect(SMTPOutcome.mayTryAnother(after: lost))
    }

    /// What a relay cannot take is final only when every relay says so.
    @Test func relaysThatLackSomething() {
        let away = SMTPUnavailability(.connect, retryAfter: .seconds(9))
        let large = SMTPReply(code: 552, enhanced: EnhancedStatusCode(5, 3, 4), text: "Too large", isLocal: true)
        let reply = ChannelReply(relayID: 1, code: 552, enhancedCode: "5.3.4", text: "Too large")
        #expect(combined(lacking: (1, large)) == .permanent(code: "5.3.4", reply))
        #expect(
            combined(reasons: [(2, away)], lacking: (1, large))
                == .temporary(code: "5.3.4", reply))
        #expect(
            combined(lacking: (1, large), isBusy: true) == .temporary(code: "5.3.4", reply))
    }
}
