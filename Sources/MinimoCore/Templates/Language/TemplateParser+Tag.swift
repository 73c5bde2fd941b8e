/// What stands between the braces of a tag: names, filters and their arguments.
extension TemplateParser {
    mutating func skipWhitespace() {
        while offset < source.count, Self.isWhitespace(source[offset]) { offset += 1 }
    }

    private static func isWhitespace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (0x09...0x0D).contains(byte)
    }

    /// Consumes the closing braces of the tag that began at `tagOffset`.
    mutating func expectEnd(_ braces: StaticString, of tagOffset: Int) throws(TemplateSyntaxError) {
        skipWhitespace()
        guard offset < source.count else { throw error("The tag is never closed.", at: tagOffset) }
        let end = offset + braces.utf8CodeUnitCount
        guard end <= source.count, source[offset..<end].elementsEqual(braces.withUTF8Buffer { Array($0) }) else {
            throw error("Expected “\(braces)” here.", at: offset)
        }
        offset = end
    }

    /// A dotted name or `.`, after optional white space.
    mutating func parseName() throws(TemplateSyntaxError) -> TemplateName {
        skipWhitespace()
        let start = offset
        while offset < source.count, Self.isNameByte(source[offset]) { offset += 1 }
        let name = source[start..<offset]
        guard !name.isEmpty else { throw error("Expected the name of a variable here.", at: start) }
        if name.elementsEqual(CollectionOfOne(UInt8(ascii: "."))) { return .currentItem }
        var previous = UInt8(ascii: ".")
        for (index, byte) in zip(name.indices, name) {
            if byte == UInt8(ascii: "."), previous == UInt8(ascii: ".") {
                throw error("A name must not begin with a dot or contain two in a row.", at: index)
            }
            previous = byte
        }
        guard previous != UInt8(ascii: ".") else {
            throw error("A name must not end with a dot.", at: offset - 1)
        }
        return TemplateName(String(decoding: name, as: UTF8.self))
    }

    /// Names are free, because custom fields are, but for what separates them from the rest of a tag and for what would
    /// only come from a mistake such as markup inside of a tag.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...0x20, 0x7F, UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "|"), UInt8(ascii: "\""),
            UInt8(ascii: "'"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"), UInt8(ascii: "="),
            UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ","), UInt8(ascii: ";"):
            false
        default: true
        }
    }

    /// Any number of `| filter` or `| filter: argument`.
    mutating func parseFilters() throws(TemplateSyntaxError) -> [TemplateFilter] {
        var filters: [TemplateFilter] = []
        skipWhitespace()
        while offset < source.count, source[offset] == UInt8(ascii: "|") {
            offset += 1
            skipWhitespace()
            filters.append(try parseFilter())
            skipWhitespace()
        }
        return filters
    }

    private mutating func parseFilter() throws(TemplateSyntaxError) -> TemplateFilter {
        let start = offset
        while offset < source.count, UInt8(ascii: "a")...UInt8(ascii: "z") ~= source[offset] | 0x20 { offset += 1 }
        let name = String(decoding: source[start..<offset], as: UTF8.self)
        guard !name.isEmpty else { throw error("Expected the name of a filter here.", at: start) }
        skipWhitespace()
        var argument: String?
        var argumentOffset = start
        if offset < source.count, source[offset] == UInt8(ascii: ":") {
            offset += 1
            skipWhitespace()
            argumentOffset = offset
            argument = try parseArgument()
        }
        do {
            return try TemplateFilter(name: name, argument: argument)
        } catch {
            throw self.error(error.message, at: error.concernsArgument ? argumentOffset : start)
        }
    }

    /// A text in double or single quotes, in which a backslash stands before a quote or backslash, or a number.
    private mutating func parseArgument() throws(TemplateSyntaxError) -> String {
        let start = offset
        guard offset < source.count else { throw error("Expected an argument here.", at: start) }
        let quote = source[offset]
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            while offset < source.count, Self.isNumberByte(source[offset]) { offset += 1 }
            guard offset > start else { throw error("Expected a quoted text or a number here.", at: start) }
            return String(decoding: source[start..<offset], as: UTF8.self)
        }
        offset += 1
        var bytes: [UInt8] = []
        while offset < source.count, source[offset] != quote {
            if source[offset] == UInt8(ascii: "\\") {
                offset += 1
                let isEscapable = offset < source.count && [quote, UInt8(ascii: "\\")].contains(source[offset])
                guard isEscapable else {
                    throw error("A backslash must stand before a quote or a backslash.", at: offset - 1)
                }
            }
            bytes.append(source[offset])
            offset += 1
        }
        guard offset < source.count else { throw error("The text is never closed.", at: start) }
        offset += 1
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isNumberByte(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }
}
