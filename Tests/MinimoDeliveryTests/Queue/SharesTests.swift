import MinimoCore
import MinimoDelivery
import Testing
import Wire

@Suite struct LeasePlanTests {
    private func demand(_ workspace: Int64, occupied: Int = 0, limit: Int = 100) -> LeasePlan.Demand {
        LeasePlan.Demand(
            stream: DeliveryStream(workspaceID: workspace, channel: .email), occupied: occupied, limit: limit)
    }

    @Test func sharesAreEqual() {
        #expect(LeasePlan.shares(free: 10, among: [demand(1), demand(2), demand(3)]) == [4, 3, 3])
        #expect(LeasePlan.shares(free: 2, among: [demand(1), demand(2), demand(3)]) == [1, 1, 0])
    }

    @Test func whoOccupiesLessGetsMore() {
        #expect(LeasePlan.shares(free: 10, among: [demand(1, occupied: 20), demand(2)]) == [0, 10])
        #expect(LeasePlan.shares(free: 10, among: [demand(1, occupied: 4), demand(2)]) == [3, 7])
    }

    /// With fewer slots than streams everybody has a turn.
    @Test func roundsBeginWithAnotherStream() {
        let demands = (1...5).map { demand($0) }
        var served: Set<Int64> = []
        for round in 0..<5 as Range<Int64> {
            let rotated = LeasePlan.rotated(demands, round: round)
            #expect(Set(rotated) == Set(demands))
            let shares = LeasePlan.shares(free: 1, among: rotated)
            served.formUnion(zip(rotated, shares).filter { $0.1 > 0 }.map(\.0.stream.workspaceID))
        }
        #expect(served == [1, 2, 3, 4, 5])
        #expect(LeasePlan.rotated([], round: 3) == [])
    }

    @Test func limitsHold() {
        #expect(LeasePlan.shares(free: 10, among: [demand(1, occupied: 2, limit: 3), demand(2, limit: 4)]) == [1, 4])
        #expect(LeasePlan.shares(free: 0, among: [demand(1)]) == [0])
        #expect(LeasePlan.shares(free: 5, among: []) == [])
    }
}

@Suite struct SlotBoardTests {
    private let stream = DeliveryStream(workspaceID: 1, channel: .email)

    @Test func bulkNeverTakesTheLastFifth() {
        let board = SlotBoard(count: 10)
        #expect(board.free(.transactional) == 10)
        #expect(board.free(.bulk) == 8)
        for _ in 0..<8 { board.occupy(stream, .bulk) }
        #expect(board.free(.bulk) == 0)
        #expect(board.free(.transactional) == 2)
        board.occupy(stream, .transactional)
        board.occupy(stream, .transactional)
        #expect(board.free(.transactional) == 0)
        _ = board.handedOff(stream, .bulk)
        #expect(board.free(.bulk) == 1)
        #expect(board.occupancy == (9, 1))
        #expect(board.occupied(stream) == 9)
    }

    /// Even two slots keep one for what is urgent.
    @Test func smallestBoard() {
        let board = SlotBoard(count: 1)
        #expect(board.count == 2)
        #expect(board.bulkCount == 1)
    }

    @Test func settlingIsBounded() {
        let board = SlotBoard(count: 4)
        for _ in 0..<1024 {
            board.occupy(stream, .bulk)
            _ = board.handedOff(stream, .bulk)
        }
        #expect(board.free(.transactional) == 0)
        #expect(!board.settled())
        board.setAwaited(true)
        #expect(board.free(.transactional) == 4)
    }
}

@Suite struct HoldBoardTests {
    private let stream = DeliveryStream(workspaceID: 1, channel: .email)
    private let other = DeliveryStream(workspaceID: 2, channel: .email)
    private let start = Timestamp(seconds: 1000)

    @Test func holdsThenProbesThenOpens() {
        let board = HoldBoard()
        #expect(board.admission(stream, now: start) == .open)
        let until = board.unavailable(stream, retryAfter: .seconds(2), now: start)
        #expect(until == start + .seconds(2))
        #expect(board.admission(stream, now: start) == .held(until: until))
        #expect(board.admission(other, now: start) == .open)
        #expect(board.admission(stream, now: until) == .probe)
        board.beganProbe(stream)
        // One probe at a time.
        #expect(board.admission(stream, now: until) == .held(until: until + .milliseconds(250)))
        board.answered(stream)
        #expect(board.admission(stream, now: until) == .open)
    }

    @Test func handOffsUnderWayDoNotProlongTheHold() {
        let board = HoldBoard()
        let until = board.unavailable(stream, retryAfter: .seconds(2), now: start)
        #expect(board.unavailable(stream, retryAfter: .seconds(5), now: start + .seconds(1)) == until)
    }

    @Test func failedProbesWaitLongerUpToFiveSeconds() {
        let board = HoldBoard()
        var now = start
        var waits: [Duration] = []
        for _ in 0..<6 {
            let until = board.unavailable(stream, retryAfter: nil, now: now)
            waits.append(until - now)
            now = until
            board.beganProbe(stream)
        }
        #expect(waits == [.milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(5), .seconds(5)])
        #expect(board.unavailable(other, retryAfter: .seconds(600), now: now) == now + .seconds(5))
    }

    @Test func aProbeThatProvesNothingIsRepeated() {
        let board = HoldBoard()
        let until = board.unavailable(stream, retryAfter: .seconds(1), now: start)
        board.beganProbe(stream)
        board.unproved(stream)
        #expect(board.admission(stream, now: until) == .probe)
    }

    @Test func holdsFromAClockThatWasAheadAreOver() {
        let board = HoldBoard()
        _ = board.unavailable(stream, retryAfter: .seconds(5), now: start + .seconds(3600))
        #expect(board.admission(stream, now: start) == .probe)
    }

    @Test func throttlingHoldsOnlyInARow() {
        let board = HoldBoard()
        board.throttled(stream, now: start)
        board.throttled(stream, now: start)
        board.answered(stream)
        board.throttled(stream, now: start)
        board.throttled(stream, now: start)
        #expect(board.admission(stream, now: start) == .open)
        board.throttled(stream, now: start)
        #expect(board.admission(stream, now: start) == .held(until: start + .milliseconds(500)))
    }
}
