import Synchronization

/// The figures of a driver.
final class Counters: Sendable {
    private let statistics = Mutex(Statistics())

    var current: Statistics { statistics.withLock { $0 } }

    func update(_ body: (inout Statistics) -> Void) { statistics.withLock { body(&$0) } }
}

/// The connection of a thread, for those who want to interrupt it.
final class Connections<Connection: AnyObject & Sendable>: Sendable {
    private let connection = Mutex<Connection?>(nil)

    var current: Connection? {
        get { connection.withLock { $0 } }
        set { connection.withLock { $0 = newValue } }
    }
}
