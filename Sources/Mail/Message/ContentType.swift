/// A media type with its parameters, RFC 2045 §5.1, that an attachment may have.
struct ContentType {
    /// `type/subtype`.
    let mediaType: String
    /// In the order given, values without their quotes. `name` is left out: the builder writes it.
    let parameters: [(name: String, value: String)]

    /// `nil` when it is not one, is longer than 255 octets, or is `multipart/…` or `message/…`.
    init?(parsing text: String) {
        guard text.utf8.count <= 255, !EncodedWord.isMimicked(in: text.utf8) else { return nil }
        var rest = text.utf8[...]
        guard let type = Self.token(&rest), rest.popFirst() == UInt8(ascii: "/"), let subtype = Self.token(&rest) else {
            return nil
        }
        guard !ASCII.equal(type, ignoringCase: "multipart"), !ASCII.equal(type, ignoringCase: "message") else {
            return nil
        }
        var parameters: [(name: String, value: String)] = []
        Self.skipBlanks(&rest)
        while !rest.isEmpty {
            guard rest.popFirst() == UInt8(ascii: ";") else { return nil }
            Self.skipBlanks(&rest)
            if rest.isEmpty { break }
            guard let name = Self.token(&rest), !name.contains(UInt8(ascii: "*")), !name.contains(UInt8(ascii: "%")),
                rest.popFirst() == UInt8(ascii: "="), let value = Self.value(&rest)
            else { return nil }
            Self.skipBlanks(&rest)
            if ASCII.equal(name, ignoringCase: "name") { continue }
            parameters.append((String(Substring(name)), value))
        }
        self.mediaType = "\(Substring(type))/\(Substring(subtype))"
        self.parameters = parameters
    }

    private static func token(_ rest: inout Substring.UTF8View) -> Substring.UTF8View? {
        let token = rest.prefix(while: ASCII.isToken)
        guard !token.isEmpty else { return nil }
        rest = rest[token.endIndex...]
        return token
    }

    private static func value(_ rest: inout Substring.UTF8View) -> String? {
        guard rest.first == UInt8(ascii: "\"") else { return token(&rest).map { String(Substring($0)) } }
        rest.removeFirst()
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst(), escaped >= 0x20, escaped < 0x7F else { return nil }
                bytes.append(escaped)
            case 0x20..<0x7F: bytes.append(byte)
            default: return nil
            }
        }
        return nil
    }

    private static func skipBlanks(_ rest: inout Substring.UTF8View) {
        while let byte = rest.first, byte == 0x20 || byte == 0x09 { rest.removeFirst() }
    }
}
