#if canImport(Glibc)
import Glibc
#endif

/// Small text files, read and written with the system's own calls: what matters here is which error occurs and when bytes are on the disk.
enum TextFile {
    /// The text of a file; `nil` when it does not exist.
    ///
    /// - Throws: ``StartupError`` for every other failure.
    static func read(_ path: String) throws -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw StartupError("cannot read \(path): \(reason())")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StartupError("cannot read \(path): \(reason())") }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= 1 << 20 else { throw StartupError("cannot read \(path): it is larger than 1 MiB") }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw StartupError("cannot read \(path): it is not text")
        }
        return text
    }

    /// Makes a file that only its owner can read. It is on the disk when the call returns.
    ///
    /// - Throws: ``StartupError`` when there is a file of that name or the disk refuses; then nothing is left behind.
    static func write(_ text: String, to path: String) throws {
        // Created with its final mode: there is no moment at which others could read it.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StartupError("cannot write \(path): \(reason())") }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { break }
            bytes = bytes.dropFirst(written)
        }
        let isComplete = bytes.isEmpty && fsync(descriptor) == 0
        let problem = reason()
        close(descriptor)
        guard isComplete else {
            unlink(path)
            throw StartupError("cannot write \(path): \(problem)")
        }
    }

    /// Makes the folder's entries durable: a new name lasts only then.
    static func synchronizeFolder(of path: String) throws {
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StartupError("cannot open \(folder): \(reason())") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw StartupError("cannot write \(folder): \(reason())") }
    }

    /// The last failed call's reason in words.
    static func reason() -> String { String(cString: strerror(errno)) }
}
