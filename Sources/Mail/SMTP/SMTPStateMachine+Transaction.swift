extension SMTPStateMachine {
    /// Begins a transaction. Ends it at once, without a word to the server, when the server's extensions rule it out.
    /// - Parameter isReleased: whether the final dot may be sent already.
    /// - Parameter isReused: whether the connection lay in the pool before.
    mutating func begin(_ envelope: SMTPEnvelope, content: SMTPContent, isReleased: Bool, isReused: Bool) -> [Action] {
        guard isIdle else {
            let lost = SMTPUnavailability(.connectionLost)
            return [.finished(isReused ? .stale(lost) : .result(.unavailable(reason: lost)))]
        }
        if let refusal = localRefusal(envelope, content: content) {
            let refused = Action.finished(.result(.refused(stage: .mailFrom, reply: refusal, perRecipient: [])))
            guard isFallback else { return [.setTimer(.idle), refused] }
            // The next session may learn what the server can do.
            state = .closed
            return [refused, .close]
        }
        let needsUTF8 = needsUTF8(envelope, content: content)
        var commands: [SMTPCommand] = []
        commands.reserveCapacity(envelope.recipients.count + 3)
        if needsReset { commands.append(.reset) }
        commands.append(
            .mail(
                envelope.sender, size: extensions.size == nil ? nil : content.size,
                eightBit: extensions.eightBitMIME && (content.isEightBit || needsUTF8), utf8: needsUTF8))
        for recipient in envelope.recipients { commands.append(.recipient(recipient)) }
        commands.append(.data)
        needsReset = true
        let transaction = SMTPTransaction(
            commands: commands, isPipelined: extensions.pipelining, hasHead: !content.head.isEmpty,
            stopsAtTemporaryRefusal: envelope.stopsAtTemporaryRefusal, isReleased: isReleased, isReused: isReused)
        let first = extensions.pipelining ? commands : [commands[0]]
        let timer = transaction.timer
        state = .transaction(transaction)
        return [.send(first), .setTimer(timer)]
    }

    /// The final dot may be sent: the caller's intent is durable.
    mutating func releaseFinalDot() -> [Action] {
        guard case .transaction(var transaction) = state else { return [] }
        transaction.isReleased = true
        let step = transaction.contentStep()
        guard case .wait = step else { return apply(step, transaction) }
        // Whatever is being waited for, its timer goes on.
        state = .transaction(transaction)
        return []
    }

    /// Every chunk before the one with the final dot was taken by the socket.
    mutating func contentHeadWritten() -> [Action] {
        guard case .transaction(var transaction) = state else { return [] }
        transaction.isHeadWritten = true
        return apply(transaction.contentStep(), transaction)
    }

    /// The chunk with the final dot was taken by the socket: from now on the message may be delivered.
    mutating func finalChunkWritten() {
        guard case .transaction(var transaction) = state else { return }
        transaction.finalChunkWritten()
        state = .transaction(transaction)
    }

    /// Whether the chunk with the final dot is on its way to the socket.
    var isWritingFinalChunk: Bool {
        if case .transaction(let transaction) = state { transaction.phase == .finalWrite } else { false }
    }

    /// The caller gives the message up. After the final dot it is too late: the reply is waited for.
    mutating func cancel(_ code: SMTPUnavailability.Code) -> [Action] {
        guard case .transaction(let transaction) = state else { return [] }
        switch transaction.phase {
        case .finalWrite, .finalReply: return []
        case .envelope, .content, .emptyContent: return abort(code)
        }
    }

    mutating func apply(_ step: SMTPTransaction.Step, _ transaction: SMTPTransaction) -> [Action] {
        switch step {
        case .wait:
            state = .transaction(transaction)
            return [.setTimer(transaction.timer)]
        case .send(let command):
            state = .transaction(transaction)
            return [.send([command]), .setTimer(transaction.timer)]
        case .sendHead:
            state = .transaction(transaction)
            return [.setTimer(.dataBlock), .sendContentHead]
        case .sendFinalChunk:
            state = .transaction(transaction)
            return [.setTimer(.finalReply), .sendFinalChunk]
        case .finish(let result, let needsReset):
            self.needsReset = needsReset
            state = .idle
            return [.setTimer(.idle), .finished(.result(result))]
        case .finishAndClose(let outcome):
            state = .closed
            return [.finished(outcome), .close]
        }
    }

    /// Whether an address or the header has text that only SMTPUTF8 servers take (RFC 6531 §3.4). Domains are sent as A-labels.
    private func needsUTF8(_ envelope: SMTPEnvelope, content: SMTPContent) -> Bool {
        content.hasEightBitHeader || envelope.sender?.needsSMTPUTF8 == true
            || envelope.recipients.contains { $0.needsSMTPUTF8 }
    }

    private func localRefusal(_ envelope: SMTPEnvelope, content: SMTPContent) -> SMTPReply? {
        if let limit = extensions.size, limit > 0, content.size > limit {
            return SMTPReply(
                code: 552, enhanced: EnhancedStatusCode(5, 3, 4),
                text: "The message has \(content.size) octets; the relay takes \(limit).", isLocal: true)
        }
        if needsUTF8(envelope, content: content), !extensions.utf8 {
            return missing(553, 6, 7, "An address is not ASCII, and the relay has no SMTPUTF8.")
        }
        if content.isEightBit, !extensions.eightBitMIME, !extensions.utf8 {
            return missing(554, 6, 3, "The content is 8-bit, and the relay has no 8BITMIME.")
        }
        return nil
    }

    /// The refusal for want of an extension. A server that refused EHLO has not said that it lacks any, so that is temporary.
    private func missing(_ code: Int, _ subject: Int, _ detail: Int, _ text: String) -> SMTPReply {
        SMTPReply(
            code: isFallback ? 451 : code, enhanced: EnhancedStatusCode(isFallback ? 4 : 5, subject, detail),
            text: text,
            isLocal: true)
    }
}
