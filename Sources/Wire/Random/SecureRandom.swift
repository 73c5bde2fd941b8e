/// Random bytes for keys, secrets and tokens.
package enum SecureRandom {
    /// `count` bytes from the system's cryptographically secure generator (`getrandom` on Linux).
    package static func bytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 7)
        while bytes.count < count {
            withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

/// Whether two byte strings are equal, in a time that depends only on their lengths.
package func constantTimeEqual(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for (left, right) in zip(left, right) {
        difference |= left ^ right
    }
    return difference == 0
}
