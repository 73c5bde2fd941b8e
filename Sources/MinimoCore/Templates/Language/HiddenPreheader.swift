/// Puts the preheader into an HTML body, where mail programs find it and readers do not see it.
enum HiddenPreheader {
    private static let prefix =
        #"<div style="display:none;max-height:0;overflow:hidden;mso-hide:all;opacity:0;font-size:0;line-height:0">"#
    private static let suffix = "</div>"

    /// The document with the text right behind its body tag, or at its start when it has none. An empty text changes
    /// nothing.
    static func insert(_ text: String, into html: String) -> String {
        guard !text.isEmpty else { return html }
        let document = Array(html.utf8)
        let position = endOfBodyTag(document) ?? 0
        var result: [UInt8] = []
        result.reserveCapacity(document.count + text.utf8.count + 160)
        result.append(contentsOf: document[..<position])
        result.append(contentsOf: prefix.utf8)
        var text = text
        text.withUTF8 { result.appendEscapingHTML($0) }
        result.append(contentsOf: suffix.utf8)
        result.append(contentsOf: document[position...])
        return String(decoding: result, as: UTF8.self)
    }

    /// Offset behind the `>` of the first body tag that is not in a comment: conditional comments often hold another.
    private static func endOfBodyTag(_ document: [UInt8]) -> Int? {
        var index = 0
        while let start = document[index...].firstIndex(of: UInt8(ascii: "<")) {
            if document[start...].starts(with: "<!--".utf8) {
                guard let end = endOfComment(document, from: start) else { return nil }
                index = end
            } else if isBodyTag(document[start...]) {
                return endOfTag(document, from: start)
            } else {
                index = start + 1
            }
        }
        return nil
    }

    /// Offset behind `-->`. The dashes of the opening may be those of the end (`<!-->`, HTML §13.2.5.43).
    private static func endOfComment(_ document: [UInt8], from start: Int) -> Int? {
        var index = start + 4
        while index < document.count {
            if document[index] == UInt8(ascii: ">"), document[index - 1] == UInt8(ascii: "-"),
                document[index - 2] == UInt8(ascii: "-")
            {
                return index + 1
            }
            index += 1
        }
        return nil
    }

    private static func isBodyTag(_ document: ArraySlice<UInt8>) -> Bool {
        let name = document.prefix(5).map { $0 | 0x20 }
        guard name.elementsEqual("<body".utf8.map { $0 | 0x20 }), document.count > 5 else { return false }
        switch document[document.startIndex + 5] {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), 0x0C, UInt8(ascii: ">"),
            UInt8(ascii: "/"):
            return true
        default: return false
        }
    }

    /// Offset behind the `>` that ends the tag; one in a quoted attribute value does not.
    private static func endOfTag(_ document: [UInt8], from start: Int) -> Int? {
        var quote: UInt8?
        for index in start..<document.count {
            let byte = document[index]
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: ">") {
                return index + 1
            }
        }
        return nil
    }
}
