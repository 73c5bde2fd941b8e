import Foundation
import Logging
import MinimoServer
import Synchronization

/// Runs a test with an empty data directory, which is removed afterwards.
func withDirectory<T>(_ body: (DataDirectory) async throws -> T) async throws -> T {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("minimo-test-" + UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(DataDirectory(path))
}

/// The permission bits of a file.
func mode(_ path: String) throws -> Int? {
    (try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue
}

/// Keeps what is logged at warning and above.
final class LogRecorder: Sendable {
    private let lines = Mutex<[String]>([])

    var messages: [String] { lines.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.warning

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            recorder.lines.withLock { $0.append("\(event.message)") }
        }
    }
}
