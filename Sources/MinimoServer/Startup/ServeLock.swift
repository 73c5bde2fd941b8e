#if canImport(Glibc)
import Glibc
#endif

/// Makes sure that one data directory is served by one process.
///
/// The lock is the kernel's: it ends with the process, however that ends.
package struct ServeLock: ~Copyable, Sendable {
    private let descriptor: Int32

    /// - Throws: ``StartupError`` when another process serves the directory.
    package init(_ directory: DataDirectory) throws {
        let path = directory.file("serve.lock")
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StartupError("cannot open \(path): \(String(cString: strerror(errno)))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw StartupError(
                "another minimo serves \(directory.path): stop it first, or use another --data-dir")
        }
    }

    deinit {
        close(descriptor)
    }
}
