/// An enhanced status code, RFC 3463 §2: `class.subject.detail`.
package struct EnhancedStatusCode: Sendable, Hashable, CustomStringConvertible {
    /// 2 success, 4 transient, 5 permanent.
    package let statusClass: Int
    /// What it is about: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 policy; 0 other.
    package let subject: Int
    /// 0 to 999; its meaning depends on the subject.
    package let detail: Int

    /// Makes a code from its parts.
    package init(_ statusClass: Int, _ subject: Int, _ detail: Int) {
        self.statusClass = statusClass
        self.subject = subject
        self.detail = detail
    }

    /// `5.1.1`
    package var description: String { "\(statusClass).\(subject).\(detail)" }

    /// Reads a code at the start of a reply's text, followed by a space or nothing. Returns the code and the octets that it takes.
    static func parse(_ text: some Collection<UInt8>) -> (code: EnhancedStatusCode, length: Int)? {
        var numbers: [Int] = []
        var number = 0
        var digits = 0
        var length = 0
        for byte in text {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9") where digits < 3:
                number = number * 10 + Int(byte) - 0x30
                digits += 1
            case UInt8(ascii: ".") where digits > 0 && numbers.count < 2:
                numbers.append(number)
                number = 0
                digits = 0
            case 0x20, 0x09:
                return finish(numbers, number, digits, length)
            default: return nil
            }
            length += 1
        }
        return finish(numbers, number, digits, length)
    }

    private static func finish(_ numbers: [Int], _ last: Int, _ digits: Int, _ length: Int) -> (
        code: EnhancedStatusCode, length: Int
    )? {
        guard numbers.count == 2, digits > 0, [2, 4, 5].contains(numbers[0]) else { return nil }
        return (EnhancedStatusCode(numbers[0], numbers[1], last), length)
    }
}
