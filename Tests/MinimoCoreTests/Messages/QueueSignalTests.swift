import MinimoCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct QueueSignalTests {
    @Test func signalsBeforeTheWaitEndItOnce() async {
        let signal = QueueSignal()
        signal.signal()
        signal.signal()
        await signal.wait()
        // The second signal was the same one: this wait ends by the third.
        await withTaskGroup(of: Int.self) { group in
            group.addTask {
                await signal.wait()
                return 1
            }
            signal.signal()
            #expect(await group.next() == 1)
        }
    }

    @Test func cancellationEndsTheWait() async {
        let signal = QueueSignal()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await signal.wait() }
            group.cancelAll()
            await group.waitForAll()
        }
        signal.signal()
        await signal.wait()
    }
}
