import MinimoCore
import Testing

@testable import MinimoDelivery

@Suite(.timeLimit(.minutes(1))) struct HandOffLinesTests {
    private func untilWaiting(_ count: Int, for lines: HandOffLines) async {
        while lines.waitingCount < count { await Task.yield() }
    }

    @Test func transactionalComesFirstAndEachLaneInItsOrder() async {
        let lines = HandOffLines(count: 1)
        #expect(await lines.take(.bulk))
        let lanes: [DeliveryLane] = [.bulk, .bulk, .transactional, .transactional]
        let order = await withTaskGroup(of: Void.self) { group in
            let (served, continuation) = AsyncStream<Int>.makeStream()
            for (index, lane) in lanes.enumerated() {
                group.addTask {
                    if await lines.take(lane) { continuation.yield(index) }
                }
                await untilWaiting(index + 1, for: lines)
            }
            var order: [Int] = []
            var iterator = served.makeAsyncIterator()
            for _ in lanes {
                lines.giveBack()
                if let index = await iterator.next() { order.append(index) }
            }
            return order
        }
        #expect(order == [2, 3, 0, 1])
    }

    @Test func nothingIsTakenThatIsNotFree() async {
        let lines = HandOffLines(count: 2)
        #expect(await lines.take(.transactional))
        #expect(lines.takeIfFree())
        #expect(!lines.takeIfFree())
        lines.giveBack()
        #expect(lines.takeIfFree())
    }

    @Test func whoIsCancelledTakesNoLine() async {
        let lines = HandOffLines(count: 1)
        #expect(lines.takeIfFree())
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await lines.take(.transactional) }
            await untilWaiting(1, for: lines)
            group.cancelAll()
            for await hasTaken in group { #expect(!hasTaken) }
        }
        lines.giveBack()
        #expect(lines.takeIfFree())
    }
}
