import Synchronization
import Wire

/// Makes the ids that go into `X-Request-Id`: a random part per process and a counter, which costs no random bytes per
/// request.
final class RequestIDs: Sendable {
    private let prefix = "req_" + Base32.encode(SecureRandom.bytes(6))
    private let counter = Atomic<UInt64>(0)

    /// The caller's id when it sends a sane one – 1 to 128 letters, digits, `.`, `_`, `-` – else a new one (contract
    /// 1.6).
    func id(_ given: String?) -> String {
        if let given, Self.isSane(given) { return given }
        return prefix + String(counter.wrappingAdd(1, ordering: .relaxed).newValue, radix: 36)
    }

    private static func isSane(_ text: String) -> Bool {
        let utf8 = text.utf8
        guard (1...128).contains(utf8.count) else { return false }
        return utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        }
    }
}
