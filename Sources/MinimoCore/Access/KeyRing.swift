package import SQLDatabase
import Synchronization
package import Wire

/// The keys that this node has seen lately: authentication without a database round trip.
///
/// A remembered key is asked for again once it is older than ``maximumAge``, so that a revocation, an expiry or a
/// rotation made by any
/// process takes effect on every node within two seconds (contract 5.2). Unknown keys are not remembered: a new key
/// works at once.
package final class KeyRing: Sendable {
    private struct Entry {
        var key: APIKey
        var readAt: Timestamp
        var usedAt: Timestamp?
    }

    private let database: Database
    private let store = APIKeyStore()
    private let entries = Mutex<[[UInt8]: Entry]>([:])

    /// How long a key is believed without asking again: one second.
    private static let maximumAge: Int64 = 1_000_000
    /// How many keys are remembered; beyond it the ring starts anew.
    private static let capacity = 10_000

    package init(database: Database) {
        self.database = database
    }

    /// The usable key with this text, or `nil` when it is malformed, unknown, revoked or expired.
    ///
    /// - Throws: ``DatabaseError`` when the key is not remembered and the database cannot be asked.
    package func authenticate(_ text: String, now: Timestamp) async throws -> APIKey? {
        // The hash first: a key that is remembered was well-formed when it was read.
        let hash = APIKeySecret.hash(text)
        if let known = remembered(hash, now: now) { return known.isUsable(at: now) ? known : nil }
        guard APIKeySecret(parsing: text) != nil else { return nil }
        let store = store
        guard let key = try await database.read({ try store.find($0, hash: hash, now: now) }) else {
            entries.withLock { _ = $0.removeValue(forKey: hash) }
            return nil
        }
        entries.withLock { entries in
            if entries.count >= Self.capacity { entries.removeAll(keepingCapacity: true) }
            let used = key.isUsable(at: now) ? now : entries[hash]?.usedAt
            entries[hash] = Entry(key: key, readAt: now, usedAt: used)
        }
        return key.isUsable(at: now) ? key : nil
    }

    /// Writes the last-used times that were noted since the last call. Losing them in a crash costs nothing but their
    /// precision.
    package func saveUses() async throws {
        let uses = entries.withLock { entries in
            var uses: [(key: APIKey, at: Timestamp)] = []
            for (hash, entry) in entries {
                guard let usedAt = entry.usedAt else { continue }
                uses.append((entry.key, usedAt))
                entries[hash]?.usedAt = nil
            }
            return uses
        }
        guard !uses.isEmpty else { return }
        let store = store
        try await database.write { try store.touch($0, uses) }
    }

    private func remembered(_ hash: [UInt8], now: Timestamp) -> APIKey? {
        entries.withLock { entries in
            // A clock that was set back must not keep a key alive.
            guard let entry = entries[hash],
                (0..<Self.maximumAge).contains(now.microseconds - entry.readAt.microseconds)
            else { return nil }
            entries[hash]?.usedAt = now
            return entry.key
        }
    }
}
