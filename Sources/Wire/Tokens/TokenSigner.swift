import Crypto

/// Signs short payloads for links and cursors, so that only what this installation issued is accepted back.
///
/// The payload is readable by anyone who holds the token: it must carry no secret and no address. A token is the
/// base64url text of: version byte 1, payload, the first 16 bytes of an HMAC-SHA-256 over purpose and payload. A token
/// signed for one purpose is never valid for another.
package struct TokenSigner: Sendable {
    private static let version: UInt8 = 1
    private static let tagLength = 16

    private let key: SymmetricKey

    /// A signer with a secret key; use at least 32 random bytes.
    package init(key: [UInt8]) {
        self.key = SymmetricKey(data: key)
    }

    /// A token for `payload`; the same arguments always give the same token.
    package func sign(purpose: String, payload: [UInt8]) -> String {
        var token = [Self.version]
        token.reserveCapacity(1 + payload.count + Self.tagLength)
        token.append(contentsOf: payload)
        token.append(contentsOf: tag(purpose: purpose, signed: token[...]))
        return Base64URL.encode(token)
    }

    /// The payload of a token that `sign` made with the same key and purpose; nil for everything else. The tag is
    /// compared in constant time.
    package func verify(_ token: String, purpose: String) -> [UInt8]? {
        guard let bytes = Base64URL.decode(token), bytes.count > Self.tagLength, bytes[0] == Self.version else {
            return nil
        }
        let signed = bytes.dropLast(Self.tagLength)
        guard constantTimeEqual(bytes.suffix(Self.tagLength), tag(purpose: purpose, signed: signed)) else { return nil }
        return Array(signed.dropFirst())
    }

    private func tag(purpose: String, signed: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        // The length before the purpose keeps ("ab", "c") and ("a", "bc") apart.
        var message = withUnsafeBytes(of: UInt64(purpose.utf8.count).bigEndian) { Array($0) }
        message.reserveCapacity(8 + purpose.utf8.count + signed.count)
        message.append(contentsOf: purpose.utf8)
        message.append(contentsOf: signed)
        return Array(HMAC<SHA256>.authenticationCode(for: message, using: key)).prefix(Self.tagLength)
    }
}
