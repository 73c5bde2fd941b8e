/// One MAIL–RCPT–DATA–content exchange: which commands are sent and answered, and what the answers add up to.
struct SMTPTransaction {
    enum Phase: Hashable {
        /// Commands are being answered.
        case envelope
        /// DATA was answered 354; the chunk with the final dot is not handed over yet.
        case content
        /// Every recipient was refused and DATA accepted all the same: a lone dot was sent.
        case emptyContent
        /// The chunk with the final dot was handed to the connection, which has not taken all of it yet.
        case finalWrite
        /// The connection took the chunk with the final dot.
        case finalReply
    }

    /// What to do next.
    enum Step {
        case wait
        case send(SMTPCommand)
        case sendHead
        case sendFinalChunk
        case finish(SMTPResult, needsReset: Bool)
        case finishAndClose(SMTPStateMachine.Outcome)
    }

    private let commands: [SMTPCommand]
    private let isPipelined: Bool
    private let isReused: Bool
    private let hasHead: Bool
    private let stopsAtTemporaryRefusal: Bool
    private var answered = 0
    private var isMailAccepted = false
    private var acceptedRecipients = 0
    private var refusedRecipients: [SMTPRecipientRefusal] = []
    /// The refusal of MAIL or DATA.
    private var refusal: (stage: SMTPStage, reply: SMTPReply)?
    private(set) var phase = Phase.envelope
    var isReleased: Bool
    var isHeadWritten: Bool

    init(
        commands: [SMTPCommand], isPipelined: Bool, hasHead: Bool, stopsAtTemporaryRefusal: Bool, isReleased: Bool,
        isReused: Bool
    ) {
        self.stopsAtTemporaryRefusal = stopsAtTemporaryRefusal
        self.commands = commands
        self.isPipelined = isPipelined
        self.hasHead = hasHead
        self.isReleased = isReleased
        self.isReused = isReused
        isHeadWritten = !hasHead
    }

    /// What is being waited for now; `nil` while the server waits for us.
    var timer: SMTPStateMachine.Timer? {
        switch phase {
        case .envelope:
            switch commands[answered] {
            case .mail: .mail
            case .recipient: .recipient
            case .data: .data
            default: .command
            }
        case .content: isHeadWritten ? nil : .dataBlock
        case .emptyContent, .finalWrite, .finalReply: .finalReply
        }
    }

    mutating func receive(_ reply: SMTPServerReply) -> Step {
        switch phase {
        case .envelope: return receiveEnvelope(reply)
        case .content:
            // The server gives up before it has everything.
            guard reply.category >= 4 else { return violation() }
            return .finishAndClose(.result(.refused(stage: .content, reply: SMTPReply(reply), perRecipient: [])))
        case .emptyContent:
            guard reply.code != 421 else { return .finishAndClose(.result(refusedResult)) }
            return .finish(refusedResult, needsReset: reply.category != 2)
        case .finalWrite, .finalReply: return receiveFinal(reply)
        }
    }

    /// What may be done about the content now.
    mutating func contentStep() -> Step {
        guard phase == .content, isHeadWritten, isReleased else { return .wait }
        phase = .finalWrite
        return .sendFinalChunk
    }

    /// The connection took the chunk with the final dot.
    mutating func finalChunkWritten() {
        if phase == .finalWrite { phase = .finalReply }
    }

    /// How the transaction ends when the connection does.
    func aborted(_ reason: SMTPUnavailability) -> SMTPStateMachine.Outcome {
        switch phase {
        case .envelope:
            if refusal != nil || isEveryRecipientRefused { return .result(refusedResult) }
            let isStale = isReused && !isMailAccepted && reason.code == .connectionLost
            return isStale ? .stale(reason) : .result(.unavailable(reason: reason))
        case .content: return .result(.unavailable(reason: reason))
        case .emptyContent: return .result(refusedResult)
        case .finalWrite where reason.code == .connectionLost: return .result(.unavailable(reason: reason))
        // Closing an open connection may still send what it holds.
        case .finalWrite, .finalReply: return .result(.unconfirmed(reason: reason))
        }
    }

    /// Whether nobody shall get the message because somebody could not get it yet.
    private var isStopped: Bool {
        stopsAtTemporaryRefusal && refusedRecipients.contains { $0.reply.isTransient }
    }

    private var isEveryRecipientRefused: Bool {
        guard acceptedRecipients == 0, !refusedRecipients.isEmpty else { return false }
        guard answered < commands.count else { return true }
        return commands[answered] == .data
    }

    /// The result when MAIL, DATA or every recipient was refused.
    private var refusedResult: SMTPResult {
        if let refusal {
            return .refused(
                stage: refusal.stage, reply: refusal.reply,
                perRecipient: refusal.stage == .recipient ? refusedRecipients : [])
        }
        // With no refusal of MAIL or DATA there is one of a recipient; the last word stands for all of them, or what stops the message.
        let decisive = isStopped ? refusedRecipients.last { $0.reply.isTransient } : refusedRecipients.last
        let reply =
            decisive?.reply ?? SMTPReply(code: 554, text: "No recipient was accepted.", isLocal: true)
        return .refused(stage: .recipient, reply: reply, perRecipient: refusedRecipients)
    }

    private func violation() -> Step {
        .finishAndClose(aborted(SMTPUnavailability(.protocolViolation)))
    }

    private mutating func receiveEnvelope(_ reply: SMTPServerReply) -> Step {
        let command = commands[answered]
        answered += 1
        if reply.code == 421 { return receiveClosing(reply, to: command) }
        switch (command, reply.category) {
        case (.reset, 2): break
        case (.reset, _):
            let reason = SMTPUnavailability(.protocolViolation, reply: SMTPReply(reply))
            return .finishAndClose(isReused ? .stale(reason) : .result(.unavailable(reason: reason)))
        case (.mail, 2): isMailAccepted = true
        case (.mail, 4), (.mail, 5): refusal = (.mailFrom, SMTPReply(reply))
        case (.recipient, 2): acceptedRecipients += 1
        case (.recipient(let recipient), 4), (.recipient(let recipient), 5):
            // After a refused MAIL these are echoes of it.
            if refusal == nil {
                refusedRecipients.append(SMTPRecipientRefusal(recipient: recipient, reply: SMTPReply(reply)))
            }
        case (.data, 3):
            guard refusal == nil, acceptedRecipients > 0 else {
                phase = .emptyContent
                return .send(.emptyContent)
            }
            // Whatever was sent now would be delivered to those who were accepted.
            if isStopped { return .finishAndClose(.result(refusedResult)) }
            phase = .content
            return hasHead ? .sendHead : contentStep()
        case (.data, 4), (.data, 5):
            if refusal == nil, acceptedRecipients > 0 { refusal = (.data, SMTPReply(reply)) }
            return .finish(refusedResult, needsReset: isMailAccepted)
        default:
            answered -= 1
            return violation()
        }
        if isPipelined { return .wait }
        if refusal != nil || isEveryRecipientRefused { return .finish(refusedResult, needsReset: isMailAccepted) }
        if isStopped, commands[answered] == .data { return .finish(refusedResult, needsReset: true) }
        return .send(commands[answered])
    }

    /// 421: the server closes the connection after it.
    private mutating func receiveClosing(_ reply: SMTPServerReply, to command: SMTPCommand) -> Step {
        let reply = SMTPReply(reply)
        switch command {
        case .recipient(let recipient):
            if refusal == nil {
                refusedRecipients.append(SMTPRecipientRefusal(recipient: recipient, reply: reply))
                refusal = (.recipient, reply)
            }
        case .data: if refusal == nil, acceptedRecipients > 0 { refusal = (.data, reply) }
        default:
            // An old connection that the server had given up meanwhile says so here.
            if isReused { return .finishAndClose(.stale(SMTPUnavailability(.connectionLost, reply: reply))) }
            refusal = (.mailFrom, reply)
        }
        return .finishAndClose(.result(refusedResult))
    }

    private func receiveFinal(_ reply: SMTPServerReply) -> Step {
        let words = SMTPReply(reply)
        switch reply.category {
        case 2:
            let result: SMTPResult =
                refusedRecipients.isEmpty ? .accepted(words) : .partiallyAccepted(words, refused: refusedRecipients)
            return .finish(result, needsReset: false)
        case 4, 5:
            let result = SMTPResult.refused(stage: .content, reply: words, perRecipient: [])
            // In the middle of the last chunk the rest of it would be read as commands.
            let isOver = reply.code == 421 || phase == .finalWrite
            return isOver ? .finishAndClose(.result(result)) : .finish(result, needsReset: false)
        default: return violation()
        }
    }
}
