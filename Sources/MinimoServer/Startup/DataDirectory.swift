import Foundation
import Wire
#if canImport(Glibc)
import Glibc
#endif

/// The folder that an installation keeps on disk: the embedded database, the local CA, the secret key.
///
/// The folder and everything in it is for its owner's eyes only.
package struct DataDirectory: Sendable {
    /// The absolute path.
    package let path: String

    /// Opens a data directory and creates it when it does not exist.
    ///
    /// - Throws: ``StartupError`` when it cannot be created.
    package init(_ path: String) throws {
        // Files that others make in the folder, such as the database's, are for the owner alone from their first moment.
        umask(0o077)
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        self.path = URL(fileURLWithPath: absolute).standardizedFileURL.path
        do {
            try FileManager.default.createDirectory(
                atPath: self.path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw StartupError("cannot create the data directory \(self.path): \(error.localizedDescription)")
        }
    }

    /// The embedded database.
    package var databasePath: String { path + "/minimo.sqlite" }
    /// The certificate that clients are told to trust.
    package var caPath: String { path + "/tls/ca.pem" }

    /// The absolute path of a file in the directory.
    package func file(_ name: String) -> String { path + "/" + name }

    /// Reads a file as text; `nil` when it does not exist.
    package func read(_ name: String) -> String? {
        try? String(contentsOfFile: file(name), encoding: .utf8)
    }

    /// Writes a file that only its owner can read, whole or not at all.
    ///
    /// - Throws: ``StartupError`` when the disk refuses.
    package func write(_ text: String, to name: String) throws {
        let target = URL(fileURLWithPath: file(name))
        do {
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw StartupError("cannot write \(file(name)): \(error.localizedDescription)")
        }
        // Created with its final mode: there is no moment at which others could read it.
        let temporary = file(name) + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw StartupError("cannot write \(temporary): \(String(cString: strerror(errno)))") }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else {
                close(descriptor)
                throw StartupError("cannot write \(temporary): \(String(cString: strerror(errno)))")
            }
            bytes = bytes.dropFirst(written)
        }
        fsync(descriptor)
        close(descriptor)
        guard rename(temporary, file(name)) == 0 else {
            throw StartupError("cannot write \(file(name)): \(String(cString: strerror(errno)))")
        }
    }

    /// The key that stored secrets are sealed with: `MINIMO_SECRET_KEY` (base64 of 32 bytes), else the file `secret.key`, which is made at first use.
    ///
    /// - Throws: ``StartupError`` when the value is not 32 bytes.
    package func secretKey(environment: [String: String]) throws -> [UInt8] {
        if let given = environment["MINIMO_SECRET_KEY"] {
            guard let key = Base64.decode(given), key.count == 32 else {
                throw StartupError("MINIMO_SECRET_KEY must be the base64 form of 32 bytes: openssl rand -base64 32")
            }
            return key
        }
        if let stored = read("secret.key") {
            let text = stored.trimmingCharacters(in: .whitespacesAndNewlines)
            guard let key = Base64.decode(text), key.count == 32 else {
                throw StartupError("\(file("secret.key")) is damaged: it must be the base64 form of 32 bytes")
            }
            return key
        }
        let key = SecureRandom.bytes(32)
        try write(Base64.encode(key) + "\n", to: "secret.key")
        return key
    }
}

/// Why the program cannot start, in words for the operator.
package struct StartupError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

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
