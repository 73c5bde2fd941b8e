import NIOCore
import Testing

@testable import Mail

@Suite struct SMTPPoolStateMachineTests {
    typealias Machine = SMTPPoolStateMachine<String, String>

    static func time(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000) + .milliseconds(milliseconds)
    }

    /// Actions as text, in order.
    static func texts(_ actions: [Machine.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .connect: "connect"
            case .lend(let lease, let waiter): "\(lease.connection)\(lease.isReused ? "*" : "") to \(waiter)"
            case .fail(let waiter, let reason):
                "\(waiter) fails: \(reason)" + (reason.retryAfter.map { " again in \($0 / .milliseconds(1))" } ?? "")
            case .quit(let connection): "quit \(connection)"
            case .close(let connection): "close \(connection)"
            case .wake(let pause): "wake in \(Double(pause.nanoseconds) / 1_000_000)"
            case .drained: "drained"
            }
        }
    }

    /// The numbers of connections that are to be made.
    static func connects(_ actions: [Machine.Action]) -> [Int] {
        actions.compactMap { if case .connect(let id) = $0 { id } else { nil } }
    }

    static let refused = SMTPUnavailability(.connect)

    private func waits(_ machine: inout Machine, _ waiter: String, at time: Int64 = 0) -> [Machine.Action] {
        let id = machine.makeID()
        return machine.wait(waiter, id: id, now: Self.time(time))
    }

    private func idle(_ machine: inout Machine) -> String? { machine.leaseIdle()?.connection }
    private func remove(_ machine: inout Machine, _ id: Int) -> Bool { machine.removeIdle(id) }

    private func establish(_ machine: inout Machine, _ id: Int, _ name: String, at time: Int64 = 0) -> [String] {
        #expect(Self.texts(machine.opened(id, name)) == [])
        #expect(Self.texts(machine.connected(id, name)) == [])
        return Self.texts(machine.established(id, now: Self.time(time)))
    }

    @Test func boundedAndFirstComeFirstServed() {
        var machine = Machine(maximumConnections: 2)
        #expect(idle(&machine) == nil)
        let first = Self.connects(waits(&machine, "a"))
        let second = Self.connects(waits(&machine, "b"))
        #expect(first.count == 1 && second.count == 1)
        #expect(Self.texts(waits(&machine, "c")) == [])
        #expect(Self.texts(waits(&machine, "d")) == [])
        #expect(establish(&machine, first[0], "A") == ["A to a"])
        #expect(establish(&machine, second[0], "B") == ["B to b"])
        #expect(machine.openCount == 2)
        #expect(Self.texts(machine.released(second[0], now: Self.time(1))) == ["B* to c"])
        #expect(Self.texts(machine.released(first[0], now: Self.time(1))) == ["A* to d"])
        #expect(machine.waitingCount == 0)
        #expect(Self.texts(machine.released(first[0], now: Self.time(2))) == [])
        #expect(machine.leasedCount == 1)
        #expect(idle(&machine) == "A")
        #expect(idle(&machine) == nil)
    }

    @Test func aClosedConnectionIsReplacedForThoseWhoWait() {
        var machine = Machine(maximumConnections: 1)
        let first = Self.connects(waits(&machine, "a"))
        _ = establish(&machine, first[0], "A")
        _ = waits(&machine, "b")
        let next = Self.connects(machine.closed(first[0], now: Self.time(1)))
        #expect(next.count == 1)
        #expect(establish(&machine, next[0], "B") == ["B to b"])
        // What is closed is forgotten.
        #expect(Self.texts(machine.released(first[0], now: Self.time(2))) == [])
        #expect(machine.openCount == 1)
    }

    @Test func idleConnectionsAreTakenBackOnce() {
        var machine = Machine(maximumConnections: 1)
        let first = Self.connects(waits(&machine, "a"))
        _ = establish(&machine, first[0], "A")
        #expect(!remove(&machine, first[0]))
        _ = machine.released(first[0], now: Self.time(1))
        #expect(remove(&machine, first[0]))
        #expect(!remove(&machine, first[0]))
        #expect(idle(&machine) == nil)
        #expect(machine.openCount == 0)
    }

    @Test func pausesDoubleAfterFailuresAndOneAttemptProbes() {
        var machine = Machine(maximumConnections: 3)
        var ids: [Int] = []
        for waiter in ["a", "b", "c", "d"] { ids += Self.connects(waits(&machine, waiter)) }
        #expect(ids.count == 3)
        #expect(
            Self.texts(machine.connectFailed(ids[0], Self.refused, now: Self.time(0)))
                == ["a", "b", "c", "d"].map { "\($0) fails: connect again in 500.0" })
        // Attempts that were under way together are one failure.
        #expect(Self.texts(machine.connectFailed(ids[1], Self.refused, now: Self.time(10))) == [])
        #expect(Self.texts(machine.connectFailed(ids[2], Self.refused, now: Self.time(100))) == [])
        #expect(Self.texts(waits(&machine, "e", at: 499)) == ["e fails: connect again in 1.0"])

        var pause: Int64 = 500
        var now: Int64 = 500
        for expected: Int64 in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            let probe = Self.connects(waits(&machine, "f", at: now))
            #expect(probe.count == 1)
            #expect(Self.texts(waits(&machine, "g", at: now)) == [])
            pause = expected
            let texts = Self.texts(machine.connectFailed(probe[0], Self.refused, now: Self.time(now)))
            #expect(texts == ["f", "g"].map { "\($0) fails: connect again in \(Double(pause))" })
            #expect(Self.texts(waits(&machine, "h", at: now + pause - 1)) == ["h fails: connect again in 1.0"])
            now += pause
        }
        // A success forgets it all.
        let probe = Self.connects(waits(&machine, "i", at: now))
        #expect(Self.texts(waits(&machine, "j", at: now)) == [])
        #expect(Self.texts(machine.connected(probe[0], "I")) == [])
        let actions = machine.established(probe[0], now: Self.time(now))
        #expect(Self.texts(actions) == ["I to i", "connect"])
        let failed = machine.connectFailed(Self.connects(actions)[0], Self.refused, now: Self.time(now))
        #expect(Self.texts(failed) == ["wake in 500.0"])
    }

    @Test func badCredentialsPauseForLong() {
        var machine = Machine(maximumConnections: 1)
        let id = Self.connects(waits(&machine, "a"))[0]
        let reason = SMTPUnavailability(.authentication, reply: SMTPReply(code: 535, text: "no"))
        #expect(
            Self.texts(machine.connectFailed(id, reason, now: Self.time(0))) == [
                "a fails: authentication (535) again in 30000.0"
            ])
    }

    /// A transaction may take ten minutes: the others are told at once that there is no second connection now, and when there may be.
    /// A server that takes no more connections still serves those it has: the others wait for one of them, or for the pause's end.
    @Test func whoeverWaitsBesideLiveConnectionsIsServed() {
        var machine = Machine(maximumConnections: 2)
        let first = Self.connects(waits(&machine, "a"))[0]
        _ = establish(&machine, first, "A")
        let second = Self.connects(waits(&machine, "b"))[0]
        #expect(Self.texts(waits(&machine, "c")) == [])
        let refused = SMTPUnavailability(.greeting)
        #expect(Self.texts(machine.connectFailed(second, refused, now: Self.time(0))) == ["wake in 500.0"])
        // One awakening is enough for all who wait.
        #expect(Self.texts(waits(&machine, "d", at: 1)) == [])
        #expect(Self.texts(machine.released(first, now: Self.time(2))) == ["A* to b"])
        // The pauses do not grow, and the connection that is lent out may hang for minutes: each pause ends with a probe.
        for number: Int64 in 1...3 {
            let probe = Self.connects(machine.awake(now: Self.time(number * 500)))
            #expect(probe.count == 1)
            #expect(
                Self.texts(machine.connectFailed(probe[0], refused, now: Self.time(number * 500))) == ["wake in 500.0"])
        }
        // When the last connection is gone there is nothing left to wait for.
        #expect(
            Self.texts(machine.closed(first, now: Self.time(1_501)))
                == ["c", "d"].map { "\($0) fails: greeting again in 499.0" })
        #expect(Self.texts(machine.awake(now: Self.time(2_000))) == [])
        #expect(machine.waitingCount == 0)
    }

    @Test func anAttemptThatHangsHoldsNobodyUp() {
        var machine = Machine(maximumConnections: 2)
        let first = Self.connects(waits(&machine, "a"))[0]
        let hanging = Self.connects(waits(&machine, "b"))[0]
        #expect(
            Self.texts(machine.connectFailed(first, Self.refused, now: Self.time(0)))
                == ["a", "b"].map { "\($0) fails: connect again in 500.0" })
        // After the pause there is a new attempt beside the one that hangs.
        let probe = Self.connects(waits(&machine, "c", at: 600))
        #expect(probe.count == 1)
        #expect(Self.texts(waits(&machine, "d", at: 601)) == [])
        // The end of the one that hung is old news.
        #expect(Self.texts(machine.connectFailed(hanging, Self.refused, now: Self.time(30_000))) == [])
        #expect(
            Self.texts(machine.connectFailed(probe[0], Self.refused, now: Self.time(30_600)))
                == ["c", "d"].map { "\($0) fails: connect again in 1000.0" })
    }

    /// A failure that makes no pause is followed by another attempt, since nothing else would begin one.
    @Test func aLateFailureIsFollowedByAnotherAttempt() {
        var machine = Machine(maximumConnections: 3)
        let first = Self.connects(waits(&machine, "a"))[0]
        let second = Self.connects(waits(&machine, "b"))[0]
        _ = machine.connectFailed(first, Self.refused, now: Self.time(0))
        let probe = Self.connects(waits(&machine, "c", at: 600))[0]
        #expect(Self.texts(waits(&machine, "d", at: 601)) == [])
        #expect(establish(&machine, second, "B", at: 602) == ["B to c"])
        #expect(Self.texts(machine.connectFailed(probe, Self.refused, now: Self.time(700))) == ["connect"])
        #expect(machine.waitingCount == 1)
    }

    @Test(arguments: [true, false])
    func ofSeveralAddressesTheConnectedOneIsLent(_ isFirst: Bool) {
        var machine = Machine(maximumConnections: 1)
        let id = Self.connects(waits(&machine, "a"))[0]
        #expect(Self.texts(machine.opened(id, "first")) == [])
        #expect(Self.texts(machine.opened(id, "second")) == [])
        let (winner, loser) = isFirst ? ("first", "second") : ("second", "first")
        #expect(Self.texts(machine.connected(id, winner)) == [])
        // It came too late.
        #expect(Self.texts(machine.connected(id, loser)) == ["close \(loser)"])
        #expect(Self.texts(machine.opened(id, "third")) == [])
        #expect(Self.texts(machine.established(id, now: Self.time(0))) == ["\(winner) to a"])
        #expect(machine.leasedConnections == [winner])
    }

    @Test func shutdownClosesEverySocketOfAnAttempt() {
        var machine = Machine(maximumConnections: 1)
        var id = Self.connects(waits(&machine, "a"))[0]
        _ = machine.opened(id, "first") + machine.opened(id, "second")
        #expect(Self.texts(machine.shutDown()) == ["a fails: shutDown", "close first", "close second"])
        #expect(Self.texts(machine.opened(id, "third")) == ["close third"])
        #expect(Self.texts(machine.connectFailed(id, Self.refused, now: Self.time(0))) == ["drained"])

        machine = Machine(maximumConnections: 1)
        id = Self.connects(waits(&machine, "a"))[0]
        _ = machine.opened(id, "first") + machine.opened(id, "second") + machine.connected(id, "second")
        #expect(Self.texts(machine.shutDown()) == ["a fails: shutDown", "close second"])
    }

    @Test func cancelledWaitersAreSkipped() {
        var machine = Machine(maximumConnections: 1)
        let first = Self.connects(waits(&machine, "a"))[0]
        _ = establish(&machine, first, "A")
        let b = machine.makeID()
        _ = machine.wait("b", id: b, now: Self.time(0))
        _ = waits(&machine, "c")
        #expect(Self.texts(machine.cancelWaiter(b)) == ["b fails: cancelled"])
        #expect(Self.texts(machine.cancelWaiter(b)) == [])
        #expect(Self.texts(machine.released(first, now: Self.time(1))) == ["A* to c"])
    }

    @Test func staleConnectionsAreDroppedTogether() {
        var machine = Machine(maximumConnections: 3)
        for (waiter, name) in [("a", "A"), ("b", "B")] {
            let id = Self.connects(waits(&machine, waiter))[0]
            _ = establish(&machine, id, name)
            _ = machine.released(id, now: Self.time(0))
            if waiter == "a" { _ = machine.leaseIdle() }
        }
        #expect(Self.texts(machine.dropIdle()) == ["quit B"])
        #expect(machine.leasedConnections == ["A"])
    }

    @Test func shutdownDrains() {
        var machine = Machine(maximumConnections: 3)
        let first = Self.connects(waits(&machine, "a"))[0]
        _ = establish(&machine, first, "A")
        let second = Self.connects(waits(&machine, "b"))[0]
        _ = establish(&machine, second, "B")
        _ = machine.released(second, now: Self.time(0))
        let third = Self.connects(waits(&machine, "x") + waits(&machine, "c"))[0]
        #expect(Self.texts(machine.opened(third, "C")) == [])
        #expect(Self.texts(machine.shutDown()).sorted() == ["c fails: shutDown", "close C"])
        #expect(Self.texts(waits(&machine, "d")) == ["d fails: shutDown"])
        #expect(idle(&machine) == nil)
        #expect(Self.texts(machine.connectFailed(third, SMTPUnavailability(.shutDown), now: Self.time(1))) == [])
        #expect(Self.texts(machine.released(second, now: Self.time(2))) == ["quit B"])
        #expect(Self.texts(machine.closed(first, now: Self.time(3))) == ["drained"])
    }

    @Test func shutdownOfAnIdlePool() {
        var machine = Machine(maximumConnections: 1)
        #expect(Self.texts(machine.shutDown()) == ["drained"])
        machine = Machine(maximumConnections: 1)
        let first = Self.connects(waits(&machine, "a"))[0]
        _ = establish(&machine, first, "A")
        _ = machine.released(first, now: Self.time(0))
        #expect(Self.texts(machine.shutDown()) == ["quit A", "drained"])
    }

    @Test func manyCancelledWaitersDoNotPileUp() {
        var machine = Machine(maximumConnections: 1)
        let first = Self.connects(waits(&machine, "a"))[0]
        _ = establish(&machine, first, "A")
        for number in 0..<1_000 {
            _ = waits(&machine, "w\(number)")
            #expect(Self.texts(machine.released(first, now: Self.time(0))) == ["A* to w\(number)"])
        }
        #expect(machine.waitingCount == 0)
    }
}
