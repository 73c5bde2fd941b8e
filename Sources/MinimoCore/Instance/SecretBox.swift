import Crypto
package import SQLDatabase
import Wire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Encrypts what must not lie readable in the database or a backup: relay passwords, provider tokens, signing keys.
///
/// AES-256-GCM with a random nonce; the name of the thing sealed is authenticated with it, so that a value cannot be
/// moved to another place.
package struct SecretBox: Sendable {
    private let key: SymmetricKey

    /// - Parameter key: 32 bytes.
    package init(key: [UInt8]) {
        self.key = SymmetricKey(data: key)
    }

    /// Seals a text for the place called `purpose`.
    ///
    /// - Returns: nonce, ciphertext and tag in one array.
    package func seal(_ text: String, purpose: String) throws -> [UInt8] {
        let box = try AES.GCM.seal(Data(text.utf8), using: key, authenticating: Data(purpose.utf8))
        guard let combined = box.combined else { throw SecretBoxError.wrongKey }
        return [UInt8](combined)
    }

    /// Opens what ``seal(_:purpose:)`` made for the same purpose.
    ///
    /// - Throws: ``SecretBoxError/wrongKey`` when key, purpose or bytes do not belong together.
    package func open(_ sealed: [UInt8], purpose: String) throws -> String {
        do {
            let box = try AES.GCM.SealedBox(combined: Data(sealed))
            return String(
                decoding: try AES.GCM.open(box, using: key, authenticating: Data(purpose.utf8)), as: UTF8.self)
        } catch {
            throw SecretBoxError.wrongKey
        }
    }

    /// Makes sure that every node of an installation has the same key.
    ///
    /// The first caller leaves a fingerprint of its key in the database; later ones are compared with it.
    ///
    /// - Throws: ``SecretBoxError/otherKey`` when the installation was set up with another key.
    package func check(against database: Database) async throws {
        let fingerprint = fingerprint
        let stored = try await database.write { db in
            try InstanceSecret.keyFingerprint.get(db, orSet: fingerprint)
        }
        guard constantTimeEqual(stored, fingerprint) else { throw SecretBoxError.otherKey }
    }

    /// Whether the installation was set up with this key; `nil` when it has not been set up yet. Changes nothing.
    package func matches(_ database: Database) async throws -> Bool? {
        let stored = try await database.read { try InstanceSecret.keyFingerprint.get($0) }
        return stored.map { constantTimeEqual($0, fingerprint) }
    }

    private var fingerprint: [UInt8] {
        [UInt8](HMAC<SHA256>.authenticationCode(for: Data("minimo secret key fingerprint".utf8), using: key))
    }
}

/// Why a secret could not be sealed or opened. The descriptions never hold key or secret.
package enum SecretBoxError: Error, CustomStringConvertible {
    /// The sealed bytes do not open with this key.
    case wrongKey
    /// The database was set up with another key.
    case otherKey

    package var description: String {
        switch self {
        case .wrongKey: "a stored secret does not open with this secret key"
        case .otherKey:
            "this database was set up with another secret key: set MINIMO_SECRET_KEY, or copy secret.key from the data directory of the first node"
        }
    }
}
