import Foundation
import MinimoTesting
import SQLDatabase

/// A running `database-probe`, which lies beside the test program.
final class Probe {
    private let process = Process()
    private let output = Pipe()
    private let input = Pipe()

    init(_ command: String, _ location: Database.Location, _ count: Int) throws {
        let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        process.executableURL = folder.appendingPathComponent("database-probe")
        switch location {
        case .sqlite(let path): process.arguments = [command, "sqlite", path, String(count)]
        case .postgres(let url): process.arguments = [command, "postgres", url, String(count)]
        }
        process.standardOutput = output
        process.standardInput = input
        try process.run()
    }

    /// The next lines of its output, until there are so many or it has ended.
    func lines(_ count: Int) async -> [String] {
        await Self.onThread { [handle = output.fileHandleForReading] in
            var bytes = Data()
            while bytes.count(where: { $0 == 0x0A }) < count {
                let more = handle.availableData
                if more.isEmpty { break }
                bytes.append(more)
            }
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true).map(
                String.init)
        }
    }

    /// Lets it go on.
    func send(_ line: String) { input.fileHandleForWriting.write(Data((line + "\n").utf8)) }

    /// Stops it as a power cut would.
    func kill() { Foundation.kill(process.processIdentifier, SIGKILL) }

    /// Its exit status.
    func wait() async -> Int32 {
        await Self.onThread { [process] in
            process.waitUntilExit()
            return process.terminationStatus
        }
    }

    private static func onThread<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }
}
