/// A server's reply, RFC 5321 §4.2, or a refusal that the client made itself because it knew the server's answer.
package struct SMTPReply: Sendable, Hashable, CustomStringConvertible {
    /// The most characters of `text`.
    package static let maximumTextLength = 500

    /// 200 to 599.
    package let code: Int
    /// The enhanced status code, when the server gave one (RFC 2034).
    package let enhanced: EnhancedStatusCode?
    /// The text of all lines, joined by spaces, without enhanced codes and control characters, cut at 500 characters. It is the server's:
    /// it may hold addresses, so it belongs into the record of the attempt and not into logs.
    package let text: String
    /// Whether the client refused before asking the server: too large, not possible without an extension, malformed content.
    package let isLocal: Bool

    /// Makes a reply.
    package init(code: Int, enhanced: EnhancedStatusCode? = nil, text: String, isLocal: Bool = false) {
        self.code = code
        self.enhanced = enhanced
        self.text = Self.printable(text)
        self.isLocal = isLocal
    }

    init(_ reply: SMTPServerReply) {
        var enhanced: EnhancedStatusCode?
        var text = ""
        for line in reply.lines {
            var rest = line[...]
            if let parsed = EnhancedStatusCode.parse(line.utf8) {
                enhanced = enhanced ?? parsed.code
                rest = line[line.utf8.index(line.startIndex, offsetBy: parsed.length)...].drop {
                    $0 == " " || $0 == "\t"
                }
            }
            if !text.isEmpty && !rest.isEmpty { text += " " }
            text += rest
            if text.utf8.count > Self.maximumTextLength * 4 { break }
        }
        self.init(code: reply.code, enhanced: enhanced, text: text)
    }

    /// 4yz: the same command may succeed later.
    package var isTransient: Bool { code / 100 == 4 }
    /// 5yz: the same command will fail again.
    package var isPermanent: Bool { code / 100 == 5 }
    /// 2yz.
    package var isPositive: Bool { code / 100 == 2 }

    /// The codes without the text, so that it can be logged: `550 5.1.1`.
    package var description: String { enhanced.map { "\(code) \($0)" } ?? "\(code)" }

    private static func printable(_ text: String) -> String {
        var result = ""
        for character in text.prefix(maximumTextLength) {
            let isControl = character.unicodeScalars.contains { $0.properties.generalCategory == .control }
            result.append(isControl ? " " : character)
        }
        return result
    }
}
