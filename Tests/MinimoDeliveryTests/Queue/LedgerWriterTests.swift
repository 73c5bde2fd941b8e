import Logging
import MinimoCore
import MinimoDelivery
import MinimoTesting
import SQLDatabase
import Synchronization
import Testing
import Wire

@Suite(.timeLimit(.minutes(1))) struct LedgerWriterTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A database that does what the test says, and remembers the batches that it was given.
    private final class FakeLedger: Sendable {
        struct Batch: Sendable, Equatable {
            var intents: [Int64]
            var completions: [Int64]
            /// Ids that relays gave.
            var providerIDs: [String] = []
        }

        private let seen = Mutex<[Batch]>([])
        private let answer: @Sendable (Int, Batch) async throws -> Void

        /// - Parameter answer: is given the number of the batch, from 1, and the batch; throws instead of committing.
        init(_ answer: @escaping @Sendable (Int, Batch) async throws -> Void = { _, _ in }) {
            self.answer = answer
        }

        var batches: [Batch] { seen.withLock { $0 } }

        func commit(_ batch: LedgerWriter.Batch) async throws -> [Bool] {
            let batch = Batch(
                intents: batch.intents.map(\.lease.messageID), completions: batch.completions.map(\.lease.messageID),
                providerIDs: batch.completions.compactMap(\.providerMessageID))
            let count = seen.withLock { seen in
                seen.append(batch)
                return seen.count
            }
            try await answer(count, batch)
            // Odd messages have lost their lease.
            return batch.intents.map { $0.isMultiple(of: 2) }
        }
    }

    private static func lease(_ id: Int64) -> Lease {
        Lease(
            stream: DeliveryStream(workspaceID: 1, channel: .email), messageID: id, lane: .bulk, nodeID: 1, token: 1,
            attempts: 0, acceptedAt: Timestamp(seconds: 0))
    }

    private static func completion(_ id: Int64) -> Completion {
        Settlement(retry: RetryPolicy(), unconfirmed: UnconfirmedPolicy()).givenBack(
            Settlement.Situation(
                lease: lease(id), status: .queued, category: .marketing, contactID: nil, intentAt: nil,
                now: Timestamp(seconds: 0), jitter: 0), until: Timestamp(seconds: 0))
    }

    private func with(
        _ ledger: FakeLedger, clock: HurryingClock = HurryingClock(),
        _ body: @escaping @Sendable (LedgerWriter) async throws -> Void
    ) async throws {
        let writer = LedgerWriter(commit: { try await ledger.commit($0) }, clock: clock, logger: Self.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await writer.run() }
            try await body(writer)
            writer.finish()
            try await group.waitForAll()
        }
    }

    /// Submits a completion and waits until it is written.
    @discardableResult
    private static func complete(_ writer: LedgerWriter, _ id: Int64) async -> Bool {
        await withCheckedContinuation { continuation in
            writer.complete(completion(id)) { continuation.resume(returning: $0) }
        }
    }

    /// The same for a message that was taken.
    private static func completeAccepted(_ writer: LedgerWriter, _ id: Int64, providerID: String) async -> Bool {
        let accepted = Settlement(retry: RetryPolicy(), unconfirmed: UnconfirmedPolicy()).settle(
            .accepted(providerID: providerID, ChannelReply(code: 250, text: "ok")),
            Settlement.Situation(
                lease: lease(id), status: .queued, category: .marketing, contactID: nil,
                intentAt: Timestamp(seconds: 0), now: Timestamp(seconds: 0), jitter: 0))
        return await withCheckedContinuation { continuation in
            writer.complete(accepted) { continuation.resume(returning: $0) }
        }
    }

    private static let away = DatabaseErrorSample.unavailable

    @Test func whatGathersDuringACommitSharesTheNextOne() async throws {
        let (entered, release) = (Gate(), Gate())
        let ledger = FakeLedger { count, _ in
            guard count == 1 else { return }
            entered.open()
            await release.wait()
        }
        try await with(ledger) { writer in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await Self.complete(writer, 1) }
                await entered.wait()
                for id in 2...40 as ClosedRange<Int64> {
                    group.addTask { await Self.complete(writer, id) }
                }
                for id in 41...50 as ClosedRange<Int64> {
                    group.addTask { _ = try? await writer.announce(Self.lease(id), at: Timestamp(seconds: 0)) }
                }
                while writer.waiting < 49 { await Task.yield() }
                release.open()
            }
        }
        #expect(ledger.batches.count == 2)
        #expect(ledger.batches[0] == .init(intents: [], completions: [1]))
        #expect(ledger.batches[1].completions.sorted() == Array(2...40))
        #expect(ledger.batches[1].intents.sorted() == Array(41...50))
    }

    @Test func intentsHearWhetherTheirLeaseHeld() async throws {
        let ledger = FakeLedger()
        try await with(ledger) { writer in
            let even = try await writer.announce(Self.lease(2), at: Timestamp(seconds: 0))
            let odd = try await writer.announce(Self.lease(3), at: Timestamp(seconds: 0))
            #expect(even && !odd)
        }
    }

    /// The database is away: intents fail, so nothing is sent; completions wait and are written when it is back.
    @Test func completionsOutliveAnAbsentDatabase() async throws {
        let ledger = FakeLedger { count, _ in
            if count <= 12 { throw Self.away }
        }
        let clock = HurryingClock()
        try await with(ledger, clock: clock) { writer in
            async let first = Self.complete(writer, 1)
            await #expect(throws: (any Error).self) {
                try await writer.announce(Self.lease(2), at: Timestamp(seconds: 0))
            }
            #expect(await first)
        }
        #expect(ledger.batches.count == 13)
        #expect(ledger.batches.last == .init(intents: [], completions: [1]))
        #expect(clock.slept.first == .milliseconds(100))
        #expect(clock.slept.max() == .milliseconds(6400))
    }

    /// A database that refuses everything for a while is no completion's fault: none is dropped, none loses its details.
    @Test func refusalsOfTheWholeDatabaseDropNothing() async throws {
        let ledger = FakeLedger { count, _ in
            if count <= 40 { throw DatabaseErrorSample.refused }
        }
        let clock = HurryingClock()
        try await with(ledger, clock: clock) { writer in
            async let first = Self.completeAccepted(writer, 1, providerID: "one")
            async let second = Self.completeAccepted(writer, 2, providerID: "two")
            let written = await [first, second]
            #expect(written == [true, true])
        }
        #expect(Set(ledger.batches.dropFirst(40).flatMap(\.providerIDs)) == ["one", "two"])
        #expect(clock.slept.max() == .milliseconds(6400))
    }

    /// One completion that the database refuses for its own sake does not stop the others.
    @Test func culpritIsIsolated() async throws {
        let (entered, release) = (Gate(), Gate())
        let ledger = FakeLedger { count, batch in
            if count == 1 {
                entered.open()
                await release.wait()
            }
            if batch.providerIDs.contains("bad") { throw DatabaseErrorSample.refused }
        }
        try await with(ledger) { writer in
            let refused = await withTaskGroup(of: Int64?.self) { group in
                group.addTask { await Self.complete(writer, 1) ? nil : 1 }
                await entered.wait()
                group.addTask { await Self.completeAccepted(writer, 13, providerID: "bad") ? nil : 13 }
                while writer.waiting < 1 { await Task.yield() }
                for id in 2...30 as ClosedRange<Int64> where id != 13 {
                    group.addTask { await Self.complete(writer, id) ? nil : id }
                }
                while writer.waiting < 29 { await Task.yield() }
                release.open()
                return await group.reduce(into: []) { $0 += [$1].compactMap(\.self) }
            }
            #expect(refused == [])
            // Others were written meanwhile, and the culprit in the end without its details.
            #expect(ledger.batches.last == .init(intents: [], completions: [13]))
        }
    }

    @Test func batchesAreBounded() async throws {
        let (entered, release) = (Gate(), Gate())
        let ledger = FakeLedger { count, _ in
            guard count == 1 else { return }
            entered.open()
            await release.wait()
        }
        try await with(ledger) { writer in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await Self.complete(writer, 0) }
                await entered.wait()
                for id in 1...700 as ClosedRange<Int64> {
                    group.addTask { await Self.complete(writer, id) }
                }
                while writer.waiting < 700 { await Task.yield() }
                release.open()
            }
        }
        #expect(ledger.batches.map(\.completions.count) == [1, 512, 188])
    }

    /// A line's next intent must never be durable before its last outcome, however full the batches are.
    @Test func intentsNeverOvertakeCompletions() async throws {
        let (entered, release) = (Gate(), Gate())
        let ledger = FakeLedger { count, _ in
            guard count == 1 else { return }
            entered.open()
            await release.wait()
        }
        try await with(ledger) { writer in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await Self.complete(writer, 0) }
                await entered.wait()
                for id in 1...600 as ClosedRange<Int64> { writer.complete(Self.completion(id)) { _ in } }
                group.addTask { _ = try? await writer.announce(Self.lease(1000), at: Timestamp(seconds: 0)) }
                while writer.waiting < 601 { await Task.yield() }
                release.open()
            }
        }
        #expect(ledger.batches.map(\.intents) == [[], [], [1000]])
        #expect(ledger.batches[2].completions.last == 600)
    }

    /// Cancelling is like a crash: whoever waits is told that nothing was written.
    @Test func cancellationAnswersEverybody() async throws {
        let ledger = FakeLedger { _, _ in throw Self.away }
        let writer = LedgerWriter(
            commit: { try await ledger.commit($0) }, clock: HurryingClock(), logger: Self.logger)
        await withTaskGroup(of: Bool?.self) { group in
            group.addTask {
                await writer.run()
                return nil
            }
            group.addTask { await Self.complete(writer, 1) }
            while ledger.batches.isEmpty { await Task.yield() }
            group.cancelAll()
            var answers: [Bool] = []
            for await answer in group { if let answer { answers.append(answer) } }
            #expect(answers == [false])
        }
        #expect(await Self.complete(writer, 2) == false)
        await #expect(throws: CancellationError.self) {
            try await writer.announce(Self.lease(2), at: Timestamp(seconds: 0))
        }
    }
}

/// Errors as the database throws them.
enum DatabaseErrorSample {
    /// The server is gone.
    static let unavailable: any Error = CancellationError()

    struct Refusal: Error {}
    /// A row is refused.
    static let refused: any Error = Refusal()
}
