import Foundation

/// Runs `python3`, whose standard library has parsers that we did not write.
enum Python {
    struct Failure: Error {
        let status: Int32
        let errors: String
    }

    /// Runs a script with a path to `input` as its first argument and the path of a file for its output as the second.
    static func run(_ script: String, input: Data) async throws -> Data {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mail-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["script.py", "input", "output", "errors"].map { folder.appendingPathComponent($0) }
        try Data(script.utf8).write(to: files[0])
        try input.write(to: files[1])
        try Data().write(to: files[3])
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", files[0].path, files[1].path, files[2].path]
        process.standardError = try FileHandle(forWritingTo: files[3])
        let status = try await withCheckedThrowingContinuation {
            (continuation: CheckedContinuation<Int32, any Error>) in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do {
                try process.run()
            } catch {
                continuation.resume(throwing: error)
            }
        }
        guard status == 0 else {
            throw Failure(status: status, errors: try String(contentsOf: files[3], encoding: .utf8))
        }
        return try Data(contentsOf: files[2])
    }
}
