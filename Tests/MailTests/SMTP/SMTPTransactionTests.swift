import NIOCore
import Testing

@testable import Mail

/// Transactions as tables of events and actions.
@Suite struct SMTPTransactionTests {
    typealias Machine = SMTPStateMachine
    typealias Action = SMTPStateMachine.Action

    let sender: EmailAddress
    let one: EmailAddress
    let two: EmailAddress
    let content: SMTPContent

    init() throws {
        sender = try EmailAddress(parsing: "s@acme.example")
        one = try EmailAddress(parsing: "one@b.example")
        two = try EmailAddress(parsing: "two@b.example")
        content = try SMTPContent.prepare(ByteBuffer(string: "Subject: x\r\n\r\ny\r\n")).get()
    }

    private var mail: SMTPCommand { .mail(sender, size: 17, eightBit: false, utf8: false) }
    private var one1: SMTPEnvelope { SMTPEnvelope(sender: sender, recipients: [one]) }
    private var two2: SMTPEnvelope { SMTPEnvelope(sender: sender, recipients: [one, two]) }

    private func reply(_ text: String) -> SMTPServerReply { SMTPStateMachineTests.reply(text) }
    private func words(_ text: String) -> SMTPReply { SMTPReply(reply(text)) }

    private func begun(
        _ envelope: SMTPEnvelope, isReused: Bool = false, isReleased: Bool = false, content: SMTPContent? = nil,
        hello: String = "250-fake\n250-PIPELINING\n250 SIZE 1000"
    ) -> (machine: Machine, actions: [Action]) {
        var machine = SMTPStateMachineTests.ready(hello)
        let actions = machine.begin(
            envelope, content: content ?? self.content, isReleased: isReleased, isReused: isReused)
        return (machine, actions)
    }

    /// The actions of the last event.
    private func feed(_ machine: inout Machine, _ replies: String...) -> [Action] {
        var actions: [Action] = []
        for text in replies { actions = machine.receive(reply(text)) }
        return actions
    }

    private func finished(_ result: SMTPResult) -> [Action] { [.setTimer(.idle), .finished(.result(result))] }

    @Test func pipelinedAndReleasedAfterTheReplies() {
        var (machine, actions) = begun(one1)
        #expect(actions == [.send([mail, .recipient(one), .data]), .setTimer(.mail)])
        #expect(machine.receive(reply("250 ok")) == [.setTimer(.recipient)])
        #expect(machine.receive(reply("250 ok")) == [.setTimer(.data)])
        #expect(machine.receive(reply("354 go")) == [.setTimer(nil)])
        #expect(machine.releaseFinalDot() == [.setTimer(.finalReply), .sendFinalChunk])
        #expect(machine.releaseFinalDot() == [])
        #expect(machine.receive(reply("250 2.0.0 queued")) == finished(.accepted(words("250 2.0.0 queued"))))
        #expect(machine.isIdle)
        // The next one needs no RSET.
        #expect(
            machine.begin(one1, content: content, isReleased: true, isReused: true).first
                == .send([mail, .recipient(one), .data]))
    }

    @Test func releasedBeforeTheReplies() {
        var (machine, _) = begun(one1)
        #expect(machine.releaseFinalDot() == [])
        #expect(feed(&machine, "250 ok", "250 ok", "354 go") == [.setTimer(.finalReply), .sendFinalChunk])
    }

    @Test func withoutPipelining() {
        var (machine, actions) = begun(two2, isReleased: true, hello: "250 fake")
        let bare = SMTPCommand.mail(sender, size: nil, eightBit: false, utf8: false)
        #expect(actions == [.send([bare]), .setTimer(.mail)])
        #expect(machine.receive(reply("250 ok")) == [.send([.recipient(one)]), .setTimer(.recipient)])
        #expect(machine.receive(reply("250 ok")) == [.send([.recipient(two)]), .setTimer(.recipient)])
        #expect(machine.receive(reply("251 ok")) == [.send([.data]), .setTimer(.data)])
        #expect(machine.receive(reply("354 go")) == [.setTimer(.finalReply), .sendFinalChunk])
        #expect(machine.receive(reply("250 ok")) == finished(.accepted(words("250 ok"))))
    }

    @Test func withoutPipeliningARefusalEndsAtOnce() {
        var (machine, _) = begun(one1, hello: "250 fake")
        #expect(
            feed(&machine, "550 no") == finished(.refused(stage: .mailFrom, reply: words("550 no"), perRecipient: [])))
        #expect(!machine.needsReset)
        (machine, _) = begun(one1, hello: "250 fake")
        let refusal = SMTPRecipientRefusal(recipient: one, reply: words("550 5.1.1 no"))
        #expect(
            feed(&machine, "250 ok", "550 5.1.1 no")
                == finished(.refused(stage: .recipient, reply: refusal.reply, perRecipient: [refusal])))
        // MAIL was accepted, so the server still has a transaction open.
        let bare = SMTPCommand.mail(sender, size: nil, eightBit: false, utf8: false)
        #expect(
            machine.begin(one1, content: content, isReleased: true, isReused: true) == [
                .send([.reset]), .setTimer(.command),
            ])
        #expect(machine.receive(reply("250 ok")) == [.send([bare]), .setTimer(.mail)])
    }

    @Test func pipelinedRefusals() {
        var (machine, _) = begun(one1)
        #expect(
            feed(&machine, "451 4.7.1 later", "503 no", "503 no")
                == finished(.refused(stage: .mailFrom, reply: words("451 4.7.1 later"), perRecipient: [])))

        (machine, _) = begun(two2)
        let refusals = [
            SMTPRecipientRefusal(recipient: one, reply: words("550 5.1.1 a")),
            SMTPRecipientRefusal(recipient: two, reply: words("450 b")),
        ]
        #expect(
            feed(&machine, "250 ok", "550 5.1.1 a", "450 b", "554 none")
                == finished(.refused(stage: .recipient, reply: words("450 b"), perRecipient: refusals)))
        #expect(
            machine.begin(one1, content: content, isReleased: true, isReused: true).first
                == .send([.reset, mail, .recipient(one), .data]))

        (machine, _) = begun(one1)
        #expect(
            feed(&machine, "250 ok", "250 ok", "451 no")
                == finished(.refused(stage: .data, reply: words("451 no"), perRecipient: [])))

        (machine, _) = begun(one1, isReleased: true)
        _ = feed(&machine, "250 ok", "250 ok", "354 go")
        machine.finalChunkWritten()
        #expect(
            feed(&machine, "554 5.7.1 spam")
                == finished(.refused(stage: .content, reply: words("554 5.7.1 spam"), perRecipient: [])))
        #expect(
            machine.begin(one1, content: content, isReleased: true, isReused: true).first
                == .send([mail, .recipient(one), .data]))
    }

    @Test func dataAcceptedWithoutRecipientsGetsALoneDot() {
        var (machine, _) = begun(one1)
        let refusal = SMTPRecipientRefusal(recipient: one, reply: words("550 no"))
        #expect(feed(&machine, "250 ok", "550 no", "354 go") == [.send([.emptyContent]), .setTimer(.finalReply)])
        #expect(machine.releaseFinalDot() == [])
        #expect(
            feed(&machine, "554 nobody")
                == finished(.refused(stage: .recipient, reply: words("550 no"), perRecipient: [refusal])))
    }

    @Test func someRecipientsRefused() {
        var (machine, _) = begun(two2, isReleased: true)
        let refusal = SMTPRecipientRefusal(recipient: one, reply: words("550 no"))
        #expect(
            feed(&machine, "250 ok", "550 no", "250 ok", "354 go", "250 queued")
                == finished(.partiallyAccepted(words("250 queued"), refused: [refusal])))
    }

    @Test func closing421() {
        let reply421 = words("421 4.3.2 bye")
        var (machine, _) = begun(one1)
        #expect(
            feed(&machine, "421 4.3.2 bye")
                == [.finished(.result(.refused(stage: .mailFrom, reply: reply421, perRecipient: []))), .close])
        (machine, _) = begun(one1, isReused: true)
        #expect(
            feed(&machine, "421 4.3.2 bye") == [
                .finished(.stale(SMTPUnavailability(.connectionLost, reply: reply421))), .close,
            ])
        (machine, _) = begun(one1, isReused: true)
        let refusal = SMTPRecipientRefusal(recipient: one, reply: reply421)
        #expect(
            feed(&machine, "250 ok", "421 4.3.2 bye")
                == [.finished(.result(.refused(stage: .recipient, reply: reply421, perRecipient: [refusal]))), .close])
        (machine, _) = begun(one1)
        #expect(
            feed(&machine, "250 ok", "250 ok", "421 4.3.2 bye")
                == [.finished(.result(.refused(stage: .data, reply: reply421, perRecipient: []))), .close])
        (machine, _) = begun(one1, isReleased: true)
        #expect(
            feed(&machine, "250 ok", "250 ok", "354 go", "421 4.3.2 bye")
                == [.finished(.result(.refused(stage: .content, reply: reply421, perRecipient: []))), .close])
    }

    /// How the result depends on how far it got.
    @Test(arguments: [SMTPUnavailability.Code.connectionLost, .timeout, .protocolViolation])
    func aborted(_ code: SMTPUnavailability.Code) {
        let reason = SMTPUnavailability(code)
        let unavailable: [Action] = [.finished(.result(.unavailable(reason: reason))), .close]
        var (machine, _) = begun(one1)
        #expect(machine.abort(code) == unavailable)
        (machine, _) = begun(one1, isReused: true)
        let stale: [Action] = [.finished(.stale(reason)), .close]
        #expect(machine.abort(code) == (code == .connectionLost ? stale : unavailable))
        (machine, _) = begun(one1, isReused: true)
        _ = feed(&machine, "250 ok")
        #expect(machine.abort(code) == unavailable)
        (machine, _) = begun(one1)
        _ = feed(&machine, "250 ok", "250 ok", "354 go")
        #expect(machine.abort(code) == unavailable)
        _ = machine.releaseFinalDot()
        (machine, _) = begun(one1, isReleased: true)
        _ = feed(&machine, "250 ok", "250 ok", "354 go")
        machine.finalChunkWritten()
        #expect(machine.abort(code) == [.finished(.result(.unconfirmed(reason: reason))), .close])
        #expect(machine.abort(code) == [])
        // What was refused stays refused.
        (machine, _) = begun(one1)
        _ = feed(&machine, "250 ok", "550 no")
        let refusal = SMTPRecipientRefusal(recipient: one, reply: words("550 no"))
        #expect(
            machine.abort(code)
                == [
                    .finished(.result(.refused(stage: .recipient, reply: refusal.reply, perRecipient: [refusal]))),
                    .close,
                ])
    }

    /// A lost connection sends nothing more; one that we close may still send what it holds.
    @Test func aDotThatNeverLeftIsNotUnconfirmed() {
        for code in [SMTPUnavailability.Code.connectionLost, .timeout, .shutDown, .protocolViolation] {
            let reason = SMTPUnavailability(code)
            var (machine, _) = begun(one1, isReleased: true)
            #expect(!machine.isWritingFinalChunk)
            _ = feed(&machine, "250 ok", "250 ok", "354 go")
            #expect(machine.isWritingFinalChunk)
            #expect(machine.cancel(.cancelled) == [])
            let result: SMTPResult =
                code == .connectionLost ? .unavailable(reason: reason) : .unconfirmed(reason: reason)
            #expect(machine.abort(code) == [.finished(.result(result)), .close])
            #expect(!machine.isWritingFinalChunk)
        }
    }

    @Test func aRefusalInTheLastChunkEndsTheConnection() {
        var (machine, _) = begun(one1, isReleased: true)
        let refused = SMTPResult.refused(stage: .content, reply: words("552 large"), perRecipient: [])
        #expect(feed(&machine, "250 ok", "250 ok", "354 go", "552 large") == [.finished(.result(refused)), .close])
    }

    @Test func aTemporaryRefusalOfOneStopsTheMessage() {
        let first = SMTPRecipientRefusal(recipient: one, reply: words("450 4.2.0 grey"))
        let result = SMTPResult.refused(stage: .recipient, reply: first.reply, perRecipient: [first])
        // Pipelined: DATA is out, and after the 354 only the end of the connection keeps the message back.
        var (machine, _) = begun(two2, isReleased: true)
        #expect(
            feed(&machine, "250 ok", "450 4.2.0 grey", "250 ok", "354 go") == [.finished(.result(result)), .close])
        // Not pipelined: DATA is never sent, and the next message begins with RSET.
        (machine, _) = begun(two2, isReleased: true, hello: "250 fake")
        #expect(feed(&machine, "250 ok", "450 4.2.0 grey") == [.send([.recipient(two)]), .setTimer(.recipient)])
        #expect(machine.receive(reply("250 ok")) == finished(result))
        #expect(
            machine.begin(one1, content: content, isReleased: true, isReused: true) == [
                .send([.reset]), .setTimer(.command),
            ])
        // Beside a recipient refused for good, the temporary refusal has the word.
        (machine, _) = begun(two2, isReleased: true)
        let second = SMTPRecipientRefusal(recipient: two, reply: words("550 5.1.1 no"))
        #expect(
            feed(&machine, "250 ok", "450 4.2.0 grey", "550 5.1.1 no", "554 none")
                == finished(.refused(stage: .recipient, reply: first.reply, perRecipient: [first, second])))
    }

    @Test func aTemporaryRefusalOfOneDoesNotStopTheOthersWhenAsked() {
        var envelope = two2
        envelope.stopsAtTemporaryRefusal = false
        let refusal = SMTPRecipientRefusal(recipient: one, reply: words("450 grey"))
        for (hello, replies) in [
            ("250-fake\n250 PIPELINING", ["250 ok", "450 grey", "250 ok"]),
            ("250 fake", ["250 ok", "450 grey", "250 ok"]),
        ] {
            var (machine, _) = begun(envelope, isReleased: true, hello: hello)
            for text in replies { _ = machine.receive(reply(text)) }
            #expect(feed(&machine, "354 go") == [.setTimer(.finalReply), .sendFinalChunk])
            machine.finalChunkWritten()
            #expect(feed(&machine, "250 ok") == finished(.partiallyAccepted(words("250 ok"), refused: [refusal])))
        }
    }

    /// Without EHLO nothing is known of the server's extensions.
    @Test func withoutEHLOWhatIsMissingIsTemporary() throws {
        let international = SMTPEnvelope(sender: sender, recipients: [try EmailAddress(parsing: "jörg@b.example")])
        let body = try SMTPContent.prepare(ByteBuffer(string: "Subject: x\r\n\r\nü\r\n")).get()
        for (envelope, content, detail) in [(international, content, 7), (one1, body, 3)] {
            var machine = SMTPStateMachineTests.machine()
            _ = machine.start()
            _ = feed(&machine, "220 hi", "502 not now", "250 fake")
            let actions = machine.begin(envelope, content: content, isReleased: true, isReused: false)
            guard case .finished(.result(.refused(.mailFrom, let reply, []))) = actions.first else {
                Issue.record("\(actions)")
                return
            }
            #expect(reply.code == 451)
            #expect(reply.enhanced == EnhancedStatusCode(4, 6, detail))
            #expect(reply.isLocal)
            #expect(reply.classification(stage: .mailFrom) == .temporary)
            // The next attempt asks again.
            #expect(actions.last == .close)
            #expect(!machine.isIdle)
        }
    }

    @Test func cancellationEndsWhatIsNotOut() {
        var (machine, _) = begun(one1)
        #expect(
            machine.cancel(.cancelled) == [
                .finished(.result(.unavailable(reason: SMTPUnavailability(.cancelled)))), .close,
            ])
        (machine, _) = begun(one1)
        _ = feed(&machine, "250 ok", "250 ok", "354 go")
        #expect(
            machine.cancel(.intentRefused) == [
                .finished(.result(.unavailable(reason: SMTPUnavailability(.intentRefused)))), .close,
            ])
        (machine, _) = begun(one1, isReleased: true)
        _ = feed(&machine, "250 ok", "250 ok", "354 go")
        #expect(machine.cancel(.cancelled) == [])
        #expect(feed(&machine, "250 ok") == finished(.accepted(words("250 ok"))))
        #expect(machine.cancel(.cancelled) == [])
    }

    @Test func nonsense() {
        let violation = SMTPUnavailability(.protocolViolation)
        for replies in [["354 what"], ["250 ok", "354 what"], ["250 ok", "250 ok", "250 what"]] {
            var (machine, _) = begun(one1)
            var actions: [Action] = []
            for text in replies { actions = machine.receive(reply(text)) }
            #expect(actions == [.finished(.result(.unavailable(reason: violation))), .close])
        }
        var (machine, _) = begun(one1, isReleased: true)
        #expect(
            feed(&machine, "250 ok", "250 ok", "354 go", "354 again")
                == [.finished(.result(.unconfirmed(reason: violation))), .close])
        // A positive reply to content that is not out yet.
        (machine, _) = begun(one1)
        #expect(
            feed(&machine, "250 ok", "250 ok", "354 go", "250 ok") == [
                .finished(.result(.unavailable(reason: violation))), .close,
            ])
        (machine, _) = begun(one1)
        #expect(
            feed(&machine, "250 ok", "250 ok", "354 go", "452 full")
                == [.finished(.result(.refused(stage: .content, reply: words("452 full"), perRecipient: []))), .close])
    }

    @Test func largeContentGoesInChunksAndTheLastOneWaits() throws {
        let text = String(repeating: String(repeating: "x", count: 76) + "\r\n", count: 4_000)
        let large = try SMTPContent.prepare(ByteBuffer(string: text)).get()
        let hello = "250-fake\n250 PIPELINING"
        var (machine, _) = begun(one1, content: large, hello: hello)
        #expect(feed(&machine, "250 ok", "250 ok", "354 go") == [.setTimer(.dataBlock), .sendContentHead])
        #expect(machine.releaseFinalDot() == [])
        #expect(machine.contentHeadWritten() == [.setTimer(.finalReply), .sendFinalChunk])
        (machine, _) = begun(one1, content: large, hello: hello)
        _ = feed(&machine, "250 ok", "250 ok", "354 go")
        #expect(machine.contentHeadWritten() == [.setTimer(nil)])
        #expect(
            machine.abort(.connectionLost) == [
                .finished(.result(.unavailable(reason: SMTPUnavailability(.connectionLost)))), .close,
            ])
    }

    @Test func whatTheServerCannotTakeIsRefusedLocally() throws {
        func refused(_ envelope: SMTPEnvelope, _ content: SMTPContent, _ hello: String, _ code: EnhancedStatusCode) {
            var (machine, actions) = begun(envelope, content: content, hello: hello)
            guard case .finished(.result(.refused(.mailFrom, let reply, []))) = actions.last else {
                Issue.record("\(actions)")
                return
            }
            #expect(reply.enhanced == code)
            #expect(reply.isLocal)
            #expect(reply.classification(stage: .mailFrom) == .permanentMessage)
            #expect(machine.isIdle)
            #expect(machine.begin(one1, content: self.content, isReleased: true, isReused: true).count == 2)
        }
        let large = try SMTPContent.prepare(ByteBuffer(string: String(repeating: "x", count: 999) + "\r\n")).get()
        refused(one1, large, "250-fake\n250 SIZE 1000", EnhancedStatusCode(5, 3, 4))
        let international = SMTPEnvelope(sender: sender, recipients: [try EmailAddress(parsing: "jörg@b.example")])
        refused(international, content, "250-fake\n250 8BITMIME", EnhancedStatusCode(5, 6, 7))
        refused(
            SMTPEnvelope(sender: international.recipients[0], recipients: [one]), content, "250 fake",
            EnhancedStatusCode(5, 6, 7))
        let header = try SMTPContent.prepare(ByteBuffer(string: "Subject: ü\r\n\r\n")).get()
        refused(one1, header, "250-fake\n250 8BITMIME", EnhancedStatusCode(5, 6, 7))
        let body = try SMTPContent.prepare(ByteBuffer(string: "Subject: x\r\n\r\nü\r\n")).get()
        refused(one1, body, "250 fake", EnhancedStatusCode(5, 6, 3))

        let hello = "250-fake\n250-8BITMIME\n250-SMTPUTF8\n250-PIPELINING\n250 SIZE"
        #expect(
            begun(international, hello: hello).actions.first
                == .send([
                    .mail(sender, size: 17, eightBit: true, utf8: true), .recipient(international.recipients[0]), .data,
                ]))
        #expect(
            begun(one1, content: body, hello: hello).actions.first
                == .send([.mail(sender, size: body.size, eightBit: true, utf8: false), .recipient(one), .data]))
    }

    @Test func beginOnADeadConnection() {
        var machine = SMTPStateMachineTests.ready()
        _ = machine.abort(.connectionLost)
        let lost = SMTPUnavailability(.connectionLost)
        #expect(machine.begin(one1, content: content, isReleased: false, isReused: true) == [.finished(.stale(lost))])
        #expect(
            machine.begin(one1, content: content, isReleased: false, isReused: false)
                == [.finished(.result(.unavailable(reason: lost)))])
    }

    @Test func refusedResetIsStale() {
        var (machine, _) = begun(one1)
        _ = feed(&machine, "250 ok", "550 no", "554 no")
        _ = machine.begin(one1, content: content, isReleased: true, isReused: true)
        let reason = SMTPUnavailability(.protocolViolation, reply: words("500 what"))
        #expect(machine.receive(reply("500 what")) == [.finished(.stale(reason)), .close])
    }
}
