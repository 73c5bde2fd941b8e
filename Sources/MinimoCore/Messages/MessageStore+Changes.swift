package import SQLDatabase
package import Wire

/// What is written beside the status when an input is applied to a message.
package struct MessageChange: Sendable {
    package var workspaceID: Int64
    package var messageID: Int64
    package var input: MessageInput
    package var at: Timestamp
    /// The relay's or provider's id of the message.
    package var providerMessageID: String?
    package var failure: Message.Failure?
    /// The event's data, a JSON object.
    package var eventDataJSON: String
    /// The number of the attempt that the input comes from; nil when it comes from none.
    package var attempt: Int?
    /// The caller treats the queue row.
    package var keepsQueueRow: Bool

    package init(
        workspaceID: Int64, messageID: Int64, input: MessageInput, at: Timestamp, providerMessageID: String? = nil,
        failure: Message.Failure? = nil, eventDataJSON: String = "{}", attempt: Int? = nil, keepsQueueRow: Bool = false
    ) {
        self.workspaceID = workspaceID
        self.messageID = messageID
        self.input = input
        self.at = at
        self.providerMessageID = providerMessageID
        self.failure = failure
        self.eventDataJSON = eventDataJSON
        self.attempt = attempt
        self.keepsQueueRow = keepsQueueRow
    }
}

extension MessageStore {
    /// Applies one input to a message as ``MessageStateMachine`` says: status, event and queue row, in the caller's
    /// transaction. For what arrives singly: callbacks, tracking, follow-ups; workers settle theirs in batches.
    ///
    /// ``QueueAction/retry`` is left to the caller, who knows when.
    ///
    /// - Returns: what was done, or nil when there is no such message.
    @discardableResult
    package func apply(_ db: Connection, _ change: MessageChange) throws -> Transition? {
        let key: [SQLValue] = [.integer(change.workspaceID), .integer(change.messageID)]
        let found = try db.first(Self.selectForUpdate, key) { row in
            (status: try Self.known(MessageStatus(rawValue: row.text(0))), contactID: row.optionalInt(1))
        }
        guard let found else { return nil }
        let transition = MessageStateMachine.transition(from: found.status, on: change.input)
        guard transition.applies else { return transition }
        let at = SQLValue.integer(change.at.microseconds)
        let isOpen = change.input == .opened || change.input == .read
        let isClick = change.input == .clicked
        try db.execute(
            Self.updateStatus,
            key + [
                .text(transition.status.rawValue), .optional(change.providerMessageID),
                .optional(change.failure?.code), .optional(change.failure?.message),
                .optional(change.failure?.permanent), transition.status.isHandedOff ? at : .null,
                transition.status == .delivered ? at : .null, isOpen ? at : .null, isClick ? at : .null,
                .integer(isOpen ? 1 : 0), .integer(isClick ? 1 : 0), .integer(Int64(change.attempt ?? 0)),
            ])
        if let event = transition.event {
            try EventStore().append(
                db,
                [
                    NewEvent(
                        workspaceID: change.workspaceID, type: event, at: change.at, messageID: change.messageID,
                        contactID: found.contactID, dataJSON: change.eventDataJSON)
                ])
        }
        if transition.queue == .remove, !change.keepsQueueRow { try db.execute(Self.deleteQueueRow, key) }
        return transition
    }

    /// What became of a wish to withdraw a message.
    package enum Cancellation: Sendable, Hashable {
        case cancelled
        /// It is being sent, or has a status that cannot be withdrawn.
        case tooLate(MessageStatus)
        case notFound
    }

    /// Withdraws a message that has not been handed off (contract 10.6). A worker that has begun to prepare it will
    /// find its intent refused.
    package func cancel(_ db: Connection, workspaceID: Int64, id: Int64, now: Timestamp) throws -> Cancellation {
        let key: [SQLValue] = [.integer(workspaceID), .integer(id)]
        // The queue row is the lock between this and a worker's intent: whoever changes it first wins. The status counts
        // only when both rows are locked, in the order in which workers lock them: it may change until then.
        let isWaiting = try db.first(Self.selectQueueRowBeforeIntent, key) { _ in true } ?? false
        let found = try db.first(Self.selectForUpdate, key) { row in
            try Self.known(MessageStatus(rawValue: row.text(0)))
        }
        guard let status = found else { return .notFound }
        guard isWaiting, MessageStateMachine.transition(from: status, on: .cancelled).applies,
            try db.execute(Self.deleteQueueRowBeforeIntent, key) == 1
        else { return .tooLate(status) }
        try apply(db, MessageChange(workspaceID: workspaceID, messageID: id, input: .cancelled, at: now))
        return .cancelled
    }
}

extension MessageStatus {
    /// The message has left us: it has a time of sending.
    package var isHandedOff: Bool {
        switch self {
        case .sent, .delivered, .read, .bounced, .complained: true
        case .scheduled, .queued, .sending, .failed, .cancelled, .suppressed, .unconfirmed: false
        }
    }
}
