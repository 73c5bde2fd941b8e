import MinimoCore
package import SQLDatabase
package import Wire

/// Intents and completions in the database, many at a time: four or five statements for a whole batch.
package struct Ledger: Sendable {
    /// A worker's wish to pass the point of no return.
    package struct Intent: Sendable {
        package let lease: Lease
        package let at: Timestamp

        package init(lease: Lease, at: Timestamp) {
            self.lease = lease
            self.at = at
        }
    }

    package init() {}

    /// Writes intents.
    ///
    /// - Returns: for each, whether the lease still held. False means that somebody else has the row, and nothing may be sent.
    package func announce(_ db: Connection, _ intents: [Intent]) throws -> [Bool] {
        guard !intents.isEmpty else { return [] }
        let rows: [[SQLValue]] = intents.map { Self.fence($0.lease) + [.integer($0.at.microseconds)] }
        return try db.executeEach(Self.updateIntent, rows).map { $0 == 1 }
    }

    /// Writes completions: queue rows, ledger rows, attempts and events.
    ///
    /// Whoever lost the lease meanwhile records the attempt; if the message was taken, it moves forward from `unconfirmed`.
    /// Writing a completion for a second time changes nothing.
    package func settle(_ db: Connection, _ completions: [Completion]) throws {
        guard !completions.isEmpty else { return }
        let holds = try releaseRows(db, completions)
        var held: [Completion] = []
        held.reserveCapacity(completions.count)
        var fenced: [Completion] = []
        for (completion, isHeld) in zip(completions, holds) {
            if isHeld { held.append(completion) } else { fenced.append(completion) }
        }
        try recordAttempts(db, held)
        try moveMessages(db, held)
        for completion in fenced where completion.attempt?.intentAt != nil {
            try settleLate(db, completion)
        }
    }

    /// Deletes the queue rows or lets them wait; says for each completion whether its lease still held.
    private func releaseRows(_ db: Connection, _ completions: [Completion]) throws -> [Bool] {
        var removed: [[SQLValue]] = []
        var waiting: [[SQLValue]] = []
        for completion in completions {
            let fence = Self.fence(completion.lease)
            switch completion.queue {
            case .remove: removed.append(fence)
            case .wait(let until, let attempts, let reason, let followUp):
                waiting.append(
                    fence + [
                        .integer(until.microseconds), .integer(Int64(attempts)), .optional(reason?.rawValue),
                        .optional(followUp?.rawValue),
                    ])
            }
        }
        var removals = try removed.isEmpty ? [] : db.executeEach(Self.deleteRow, removed)[...]
        var waits = try waiting.isEmpty ? [] : db.executeEach(Self.updateRow, waiting)[...]
        return completions.map { completion in
            let count =
                switch completion.queue {
                case .remove: removals.popFirst()
                case .wait: waits.popFirst()
                }
            return count == 1
        }
    }

    private func recordAttempts(_ db: Connection, _ completions: [Completion]) throws {
        let rows = completions.compactMap(Self.attemptRow)
        guard !rows.isEmpty else { return }
        _ = try db.executeEach(Self.upsertAttempt, rows)
    }

    /// Moves the ledger's rows from the status that the workers saw; those that have another one by now go singly.
    private func moveMessages(_ db: Connection, _ completions: [Completion]) throws {
        var rows: [[SQLValue]] = []
        var moving: [(completion: Completion, events: [NewEvent])] = []
        var events: [NewEvent] = []
        for completion in completions {
            let plan = completion.plan
            guard completion.attempt != nil || plan.status != completion.observed || !plan.events.isEmpty else {
                events += completion.noticeEvents
                continue
            }
            // Opens and clicks count, which the batch statement does not do.
            guard completion.lease.followUp == nil else {
                try apply(db, completion, keepsQueueRow: true)
                continue
            }
            rows.append(Self.messageRow(completion, plan.status))
            moving.append((completion, plan.events + completion.noticeEvents))
        }
        if !rows.isEmpty {
            let changes = try db.executeEach(Self.updateMessage, rows)
            for (count, (completion, planned)) in zip(changes, moving) {
                if count == 1 { events += planned } else { try apply(db, completion, keepsQueueRow: true) }
            }
        }
        try EventStore().append(db, events)
    }

    private func settleLate(_ db: Connection, _ completion: Completion) throws {
        guard let row = Self.attemptRow(completion) else { return }
        // Another node's attempt of the same number stays as it is.
        guard try db.execute(Self.upsertAttempt, row) == 1 else { return }
        guard completion.attempt?.outcome == .accepted || completion.attempt?.outcome == .delivered else { return }
        try apply(db, completion, keepsQueueRow: false)
    }

    /// - Parameter keepsQueueRow: the row is as the completion wants it already.
    private func apply(_ db: Connection, _ completion: Completion, keepsQueueRow: Bool) throws {
        for step in completion.steps {
            _ = try MessageStore().apply(
                db,
                MessageChange(
                    workspaceID: completion.lease.workspaceID, messageID: completion.lease.messageID,
                    input: step.input, at: completion.finishedAt, providerMessageID: completion.providerMessageID,
                    failure: completion.failure, eventDataJSON: step.eventDataJSON, attempt: completion.attemptCount,
                    keepsQueueRow: keepsQueueRow))
        }
    }
}
