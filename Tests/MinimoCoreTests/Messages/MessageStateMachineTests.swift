import MinimoCore
import Testing

@Suite struct MessageStateMachineTests {
    /// `>` moves and `=` stays; then the status, the event, and the queue action. A dot means that the input is
    /// ignored.
    private static let table: [(input: MessageInput, cells: [String])] = [
        // scheduled, queued, sending, unconfirmed, sent, delivered, read, complained
        (.handOffBegan, ["sending - keep", "sending - keep", ".", ".", ".", ".", ".", "."]),
        (
            .accepted,
            [
                "sent message.sent remove", "sent message.sent remove", "sent message.sent remove",
                "sent message.sent remove", ".", ".", ".", ".",
            ]
        ),
        (
            .delivered,
            [
                "delivered message.delivered remove", "delivered message.delivered remove",
                "delivered message.delivered remove", "delivered message.delivered remove",
                "delivered message.delivered keep", ".", ".", ".",
            ]
        ),
        (
            .read,
            [
                "read message.opened remove", "read message.opened remove", "read message.opened remove",
                "read message.opened remove", "read message.opened keep", "read message.opened keep", ".", ".",
            ]
        ),
        (
            .deferred,
            ["queued - retry", "queued - retry", "sending - retry", "unconfirmed - retry", ".", ".", ".", "."]
        ),
        (
            .refused,
            [
                "failed message.failed remove", "failed message.failed remove", "failed message.failed remove",
                "unconfirmed - remove", ".", ".", ".", ".",
            ]
        ),
        (
            .expired,
            [
                "failed message.failed remove", "failed message.failed remove", "failed message.failed remove",
                "unconfirmed - remove", ".", ".", ".", ".",
            ]
        ),
        (
            .lost(.sendOnceMore),
            [
                "unconfirmed message.unconfirmed retry", "unconfirmed message.unconfirmed retry",
                "unconfirmed message.unconfirmed retry", "unconfirmed message.unconfirmed remove", ".", ".", ".", ".",
            ]
        ),
        (
            .lost(.hold),
            [
                "unconfirmed message.unconfirmed remove", "unconfirmed message.unconfirmed remove",
                "unconfirmed message.unconfirmed remove", "unconfirmed message.unconfirmed remove", ".", ".", ".", ".",
            ]
        ),
        (
            .bounced,
            [
                "bounced message.bounced remove", "bounced message.bounced remove", "bounced message.bounced remove",
                "bounced message.bounced remove", "bounced message.bounced keep", "bounced message.bounced keep", ".",
                ".",
            ]
        ),
        (
            .complained,
            [
                "complained message.complained remove", "complained message.complained remove",
                "complained message.complained remove", "complained message.complained remove",
                "complained message.complained keep", "complained message.complained keep",
                "complained message.complained keep", ".",
            ]
        ),
        (
            .opened,
            [
                "sent message.opened remove", "sent message.opened remove", "sent message.opened remove",
                "sent message.opened remove", "sent message.opened keep", "delivered message.opened keep",
                "read message.opened keep", "complained message.opened keep",
            ]
        ),
        (
            .clicked,
            [
                "sent message.clicked remove", "sent message.clicked remove", "sent message.clicked remove",
                "sent message.clicked remove", "sent message.clicked keep", "delivered message.clicked keep",
                "read message.clicked keep", "complained message.clicked keep",
            ]
        ),
        (.cancelled, ["cancelled - remove", "cancelled - remove", ".", ".", ".", ".", ".", "."]),
        (
            .suppressed,
            [
                "suppressed message.failed remove", "suppressed message.failed remove", ".", "unconfirmed - remove",
                ".",
                ".", ".", ".",
            ]
        ),
    ]
    private static let columns: [MessageStatus] = [
        .scheduled, .queued, .sending, .unconfirmed, .sent, .delivered, .read, .complained,
    ]
    private static let final: [MessageStatus] = [.failed, .bounced, .cancelled, .suppressed]

    private static func text(_ transition: Transition) -> String {
        guard transition.applies else { return "." }
        return "\(transition.status.rawValue) \(transition.event?.rawValue ?? "-") \(transition.queue)"
    }

    @Test func tableIsWhole() {
        #expect(Set(Self.columns + Self.final) == Set(MessageStatus.allCases))
        #expect(Self.table.allSatisfy { $0.cells.count == Self.columns.count })
        #expect(Set(Self.table.map(\.input)).count == 15)
    }

    @Test func everyStatusAndInput() {
        for (input, cells) in Self.table {
            for (status, expected) in zip(Self.columns, cells) {
                let transition = MessageStateMachine.transition(from: status, on: input)
                #expect(Self.text(transition) == expected, "\(status) on \(input)")
            }
            for status in Self.final {
                let transition = MessageStateMachine.transition(from: status, on: input)
                #expect(transition == .ignored(status), "\(status) on \(input)")
            }
        }
    }

    /// Ranks of the contract's statuses; nothing may lead to a lower one.
    @Test func neverBackwards() {
        func rank(_ status: MessageStatus) -> Int {
            switch status {
            case .scheduled: 0
            case .queued: 1
            case .sending: 2
            case .unconfirmed: 3
            case .sent: 4
            case .delivered: 5
            case .read: 6
            case .failed, .bounced, .complained, .cancelled, .suppressed: 7
            }
        }
        for (input, _) in Self.table {
            for status in MessageStatus.allCases {
                let after = MessageStateMachine.transition(from: status, on: input).status
                #expect(rank(after) >= rank(status), "\(status) on \(input)")
            }
        }
    }
}
