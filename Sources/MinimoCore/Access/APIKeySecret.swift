import Crypto
import Wire

/// The text of an API key: `mn-<clientId>-<secret>` or `mn-test-<clientId>-<secret>` (contract 5.1).
///
/// The secret is 160 random bits in base32 (32 characters) and a checksum of 6 characters over everything before it, so
/// that a
/// mistyped or cut key is refused without asking the database. Only ``hash`` is ever stored.
package struct APIKeySecret: Sendable {
    package let clientID: String
    package let mode: Workspace.Mode
    /// The whole key as its owner sends it. Shown once, never stored, never logged.
    package let text: String

    /// Makes a new key.
    package init(clientID: String, mode: Workspace.Mode) {
        let head = Self.head(clientID: clientID, mode: mode) + Base32.encode(SecureRandom.bytes(20))
        self.clientID = clientID
        self.mode = mode
        self.text = head + Self.checksum(head)
    }

    /// Reads a key as a client sent it.
    ///
    /// - Returns: `nil` when the form or the checksum is wrong.
    package init?(parsing text: String) {
        let utf8 = text.utf8
        guard utf8.count <= 128, utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        var parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts.removeFirst() == "mn" else { return nil }
        var mode = Workspace.Mode.live
        if parts.count == 3, parts[0] == "test" {
            mode = .test
            parts.removeFirst()
        }
        guard parts.count == 2, !parts[0].isEmpty, parts[1].utf8.count == Self.secretLength else { return nil }
        let head = String(text.dropLast(Self.checksumLength))
        guard constantTimeEqual([UInt8](Self.checksum(head).utf8), [UInt8](text.utf8.suffix(Self.checksumLength)))
        else { return nil }
        self.clientID = String(parts[0])
        self.mode = mode
        self.text = text
    }

    /// SHA-256 of the key: what the database keeps. A plain hash is enough for 160 random bits.
    package var hash: [UInt8] { Self.hash(text) }

    /// The hash of a text that may be a key.
    static func hash(_ text: String) -> [UInt8] { [UInt8](SHA256.hash(data: [UInt8](text.utf8))) }

    private static let checksumLength = 6
    private static let secretLength = 38

    private static func head(clientID: String, mode: Workspace.Mode) -> String {
        mode == .test ? "mn-test-\(clientID)-" : "mn-\(clientID)-"
    }

    private static func checksum(_ head: String) -> String {
        let digest = SHA256.hash(data: [UInt8]("minimo key checksum:\(head)".utf8))
        return String(Base32.encode([UInt8](digest.prefix(4))).prefix(checksumLength))
    }
}
