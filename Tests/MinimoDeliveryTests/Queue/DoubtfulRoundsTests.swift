import Testing

@testable import MinimoDelivery

@Suite struct DoubtfulRoundsTests {
    /// A commit that was given up may still happen after the first release, so one release is not enough.
    @Test func stayInDoubtForTheirLifetime() {
        var doubts = DoubtfulRounds()
        let start = ContinuousClock.now
        doubts.add(7, at: start)
        doubts.add(9, at: start + .seconds(60))
        #expect(doubts.tokens(at: start + .seconds(60)) == [7, 9])
        #expect(doubts.tokens(at: start + .seconds(299)) == [7, 9])
        #expect(doubts.tokens(at: start + .seconds(301)) == [9])
        #expect(doubts.tokens(at: start + .seconds(361)) == [])
    }
}
