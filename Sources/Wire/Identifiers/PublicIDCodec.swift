import Crypto

/// Turns database ids into public ids and back, so that ids are opaque and tell nothing about how many there are
/// (contract §3.3).
///
/// A public id is the prefix of its kind, an underscore, and 13 characters of lower-case Crockford base32 that hold a
/// keyed permutation of the 64-bit id: a balanced Feistel network of eight rounds of SipHash-2-4, tweaked by the kind.
/// The encoding must never change: clients keep ids.
package struct PublicIDCodec: Sendable {
    private static let rounds: UInt64 = 8
    private static let digits = 13

    private let function: SipHash

    /// A codec for a secret key of 16 random bytes. A key of another length works too, but only its entropy counts.
    package init(key: [UInt8]) {
        let digest = SHA256.hash(data: Array("minimo public id 1".utf8) + key)
        let words = digest.withUnsafeBytes { bytes in
            (
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        function = SipHash(key0: words.0, key1: words.1)
    }

    /// The public id, such as `cnt_7zk3v9q4m1x0a`. Different ids of a kind have different public ids.
    package func encode(_ id: Int64, _ kind: PublicIDKind) -> String {
        let prefix = kind.rawValue.utf8
        return String(unsafeUninitializedCapacity: prefix.count + 1 + Self.digits) { memory in
            var cursor = ByteCursor(UnsafeMutableRawBufferPointer(memory))
            put(id, kind, to: &cursor)
            return cursor.written
        }
    }

    /// The id behind a public id of that kind; nil for everything that `encode` does not write, such as another prefix,
    /// another length or upper case. An answer does not mean that the resource exists.
    package func decode(_ text: String, _ kind: PublicIDKind) -> Int64? {
        let prefix = kind.rawValue.utf8
        let text = text.utf8
        guard text.count == prefix.count + 1 + Self.digits, text.starts(with: prefix) else { return nil }
        let rest = text.dropFirst(prefix.count)
        guard rest.first == UInt8(ascii: "_") else { return nil }
        var bits: UInt64 = 0
        for character in rest.dropFirst() {
            guard let digit = Base32.packing.value(of: character) else { return nil }
            // 13 characters hold 65 bits; the topmost must be zero.
            guard bits >> 59 == 0 else { return nil }
            bits = bits << 5 | UInt64(digit)
        }
        return Int64(bitPattern: unpermute(bits, kind.tweak))
    }

    /// Puts prefix, underscore and digits, at most 18 bytes.
    func put(_ id: Int64, _ kind: PublicIDKind, to cursor: inout ByteCursor) {
        for byte in kind.rawValue.utf8 {
            cursor.put(byte)
        }
        cursor.put(UInt8(ascii: "_"))
        let bits = permute(UInt64(bitPattern: id), kind.tweak)
        for index in (0..<UInt64(Self.digits)).reversed() {
            cursor.put(Base32.packing.alphabet[Int(bits >> (5 * index) & 31)])
        }
    }

    private func permute(_ bits: UInt64, _ tweak: UInt64) -> UInt64 {
        var left = UInt32(truncatingIfNeeded: bits >> 32)
        var right = UInt32(truncatingIfNeeded: bits)
        for round in 0..<Self.rounds {
            (left, right) = (right, left ^ mix(right, round, tweak))
        }
        return UInt64(left) << 32 | UInt64(right)
    }

    private func unpermute(_ bits: UInt64, _ tweak: UInt64) -> UInt64 {
        var left = UInt32(truncatingIfNeeded: bits >> 32)
        var right = UInt32(truncatingIfNeeded: bits)
        for round in (0..<Self.rounds).reversed() {
            (left, right) = (right ^ mix(left, round, tweak), left)
        }
        return UInt64(left) << 32 | UInt64(right)
    }

    /// The round function: 32 bits of the hash of half, round and tweak, which together fill one word.
    @inline(__always)
    private func mix(_ half: UInt32, _ round: UInt64, _ tweak: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: function.hash(UInt64(half) | round << 32 | tweak << 35))
    }
}

extension PublicIDKind {
    /// The prefix read as a number in base 27, below 2^20: different for each kind and independent of their order.
    fileprivate var tweak: UInt64 {
        rawValue.utf8.reduce(0) { $0 * 27 + UInt64($1 - UInt8(ascii: "a") + 1) }
    }
}

extension JSONWriter {
    /// A public id as a string value, without an intermediate `String`.
    package mutating func value(_ id: Int64, _ kind: PublicIDKind, _ codec: PublicIDCodec) {
        appendQuoted(atMost: 18) { cursor in codec.put(id, kind, to: &cursor) }
    }

    /// A member that holds a public id; nil is written as `null`.
    package mutating func member(_ name: StaticString, _ id: Int64?, _ kind: PublicIDKind, _ codec: PublicIDCodec) {
        key(name)
        if let id { value(id, kind, codec) } else { null() }
    }
}
