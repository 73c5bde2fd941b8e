import Glibc

/// A pipe that wakes a thread out of `poll`: how a cancellation reaches a connection's thread.
final class PostgresWake: Sendable {
    /// Readable while a signal is pending.
    let descriptor: CInt
    private let writeEnd: CInt

    init() throws {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw DatabaseError(.unavailable, detail: "no file descriptor is left")
        }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        descriptor = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        close(descriptor)
        close(writeEnd)
    }

    /// Wakes the thread, now or when it polls next.
    func signal() {
        var byte: UInt8 = 1
        // It can fail only when the pipe is full, and then the thread is woken anyway.
        _ = write(writeEnd, &byte, 1)
    }

    /// Takes back all signals.
    func clear() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(descriptor, &bytes, bytes.count) == bytes.count {}
    }

    /// Sleeps; a signal ends it.
    func sleep(milliseconds: CInt) {
        var descriptors = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&descriptors, 1, milliseconds)
    }
}
