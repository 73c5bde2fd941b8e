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
    ///
    /// - Throws: ``StartupError`` when it exists and cannot be read: a file that is only out of reach must not be taken for one that was never made.
    package func read(_ name: String) throws -> String? {
        try TextFile.read(file(name))
    }

    /// Writes a file that only its owner can read, whole or not at all; a file of that name is replaced.
    ///
    /// - Throws: ``StartupError`` when the disk refuses.
    package func write(_ text: String, to name: String) throws {
        let temporary = try prepare(text, for: name)
        guard rename(temporary, file(name)) == 0 else {
            let reason = TextFile.reason()
            unlink(temporary)
            throw StartupError("cannot write \(file(name)): \(reason)")
        }
        try TextFile.synchronizeFolder(of: file(name))
    }

    /// Writes a file that only its owner can read, unless there is one: of several processes that do so at once, one wins.
    ///
    /// - Returns: what the file holds now: the text, or what was there before.
    /// - Throws: ``StartupError`` when the disk refuses.
    package func create(_ name: String, _ text: String) throws -> String {
        let temporary = try prepare(text, for: name)
        defer { unlink(temporary) }
        // A link, unlike a rename, never replaces what is there.
        guard link(temporary, file(name)) == 0 else {
            guard errno == EEXIST, let existing = try read(name) else {
                throw StartupError("cannot write \(file(name)): \(TextFile.reason())")
            }
            return existing
        }
        try TextFile.synchronizeFolder(of: file(name))
        return text
    }

    /// Writes the text to a file that no other process writes to, beside its target.
    private func prepare(_ text: String, for name: String) throws -> String {
        let folder = URL(fileURLWithPath: file(name)).deletingLastPathComponent()
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw StartupError("cannot write \(file(name)): \(error.localizedDescription)")
        }
        let temporary = file(name) + "." + Base32.encode(SecureRandom.bytes(10)) + ".new"
        try TextFile.write(text, to: temporary)
        return temporary
    }

    /// The key that stored secrets are sealed with: `MINIMO_SECRET_KEY` (base64 of 32 bytes), else the file `secret.key`, which is made at first use.
    ///
    /// - Throws: ``StartupError`` when the value is not 32 bytes, or the file cannot be read or written.
    package func secretKey(environment: [String: String]) throws -> [UInt8] {
        if let given = environment["MINIMO_SECRET_KEY"] {
            guard let key = Base64.decode(given), key.count == 32 else {
                throw StartupError("MINIMO_SECRET_KEY must be the base64 form of 32 bytes: openssl rand -base64 32")
            }
            return key
        }
        let name = "secret.key"
        let stored = try read(name) ?? create(name, Base64.encode(SecureRandom.bytes(32)) + "\n")
        guard let key = Base64.decode(stored.trimmingCharacters(in: .whitespacesAndNewlines)), key.count == 32 else {
            throw StartupError("\(file(name)) is damaged: it must be the base64 form of 32 bytes")
        }
        return key
    }
}
