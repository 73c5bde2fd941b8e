/// Turns the text of a template into nodes.
struct TemplateParser {
    /// Sections nested deeper than this are refused, which bounds the recursion of the renderer.
    static let maximumDepth = 32

    let source: [UInt8]
    private let escaping: TemplateProgram.Escaping
    /// Offset of the next byte to read.
    var offset = 0

    private(set) var nodes: [TemplateNode] = []
    /// Every use of a variable, in order.
    private(set) var occurrences: [TemplateVariable] = []
    private var openSections: [OpenSection] = []

    private struct OpenSection {
        let name: TemplateName
        let isInverted: Bool
        /// Index of its node, which gets its end when the section is closed.
        let node: Int
        let tagOffset: Int
    }

    init(source: [UInt8], escaping: TemplateProgram.Escaping) {
        self.source = source
        self.escaping = escaping
    }

    func error(_ message: String, at offset: Int) -> TemplateSyntaxError {
        TemplateSyntaxError(message, at: offset, in: source)
    }

    mutating func parse() throws(TemplateSyntaxError) {
        var textStart = 0
        while let tagOffset = nextTag() {
            offset = tagOffset + 2
            let standsAlone = try parseTag(at: tagOffset, precededBy: textStart..<tagOffset)
            textStart = standsAlone ?? offset
            offset = textStart
        }
        appendText(textStart..<source.count)
        if let section = openSections.last {
            throw error("The section “\(section.name.text)” is never closed.", at: section.tagOffset)
        }
    }

    /// Offset of the next `{{`.
    private func nextTag() -> Int? {
        var index = offset
        while index + 1 < source.count {
            if source[index] == UInt8(ascii: "{"), source[index + 1] == UInt8(ascii: "{") { return index }
            index += 1
        }
        return nil
    }

    /// Parses the tag whose braces have been consumed, and adds the text before it and its own node. When the tag stands
    /// alone on its line, answers the offset of the next line, else nil.
    private mutating func parseTag(
        at tagOffset: Int, precededBy text: Range<Int>
    ) throws(TemplateSyntaxError) -> Int? {
        guard offset < source.count else { throw error("The tag is never closed.", at: tagOffset) }
        let kind = source[offset]
        switch kind {
        case UInt8(ascii: "!"):
            try skipComment(from: tagOffset)
            return finishStandalone(tagOffset, text)
        case UInt8(ascii: "#"), UInt8(ascii: "^"), UInt8(ascii: "/"):
            offset += 1
            let nameOffset = offset
            let name = try parseName()
            try expectEnd("}}", of: tagOffset)
            let nextLine = finishStandalone(tagOffset, text)
            if kind == UInt8(ascii: "/") {
                try closeSection(name, at: tagOffset)
            } else {
                try openSection(name, isInverted: kind == UInt8(ascii: "^"), at: tagOffset, nameOffset)
            }
            return nextLine
        case UInt8(ascii: ">"), UInt8(ascii: "<"):
            throw error("Templates cannot include other templates.", at: tagOffset)
        case UInt8(ascii: "="):
            throw error("The delimiters cannot be changed.", at: tagOffset)
        case UInt8(ascii: "{"):
            offset += 1
            appendText(text)
            try parseVariable(tagOffset, end: "}}}", escapes: false)
        case UInt8(ascii: "&"):
            offset += 1
            appendText(text)
            try parseVariable(tagOffset, end: "}}", escapes: false)
        default:
            appendText(text)
            try parseVariable(tagOffset, end: "}}", escapes: escaping == .html)
        }
        return nil
    }

    private mutating func parseVariable(
        _ tagOffset: Int, end: StaticString, escapes: Bool
    ) throws(TemplateSyntaxError) {
        skipWhitespace()
        let nameOffset = offset
        let name = try parseName()
        let filters = try parseFilters()
        try expectEnd(end, of: tagOffset)
        let isCurrentItem = name.segments.isEmpty
        if isCurrentItem, openSections.isEmpty {
            throw error("“.” means the item of a section and is used outside of one.", at: nameOffset)
        }
        let isBuiltIn = TemplateProgram.builtInNames.contains(name.text.uppercased())
        let hasDefault = filters.contains(where: \.suppliesValue)
        if !isCurrentItem, !isBuiltIn {
            occurrences.append(
                TemplateVariable(name: name.text, hasDefault: hasDefault, isOnlyInSections: !openSections.isEmpty))
        }
        nodes.append(
            .variable(
                TemplateVariableTag(
                    name: name, filters: filters, escapesHTML: escapes,
                    isRequired: !hasDefault && !isBuiltIn && !isCurrentItem)))
    }

    private mutating func openSection(
        _ name: TemplateName, isInverted: Bool, at tagOffset: Int, _ nameOffset: Int
    ) throws(TemplateSyntaxError) {
        if name.segments.isEmpty, openSections.isEmpty {
            throw error("“.” means the item of a section and is used outside of one.", at: nameOffset)
        }
        guard openSections.count < Self.maximumDepth else {
            throw error("Sections are nested more than \(Self.maximumDepth) deep.", at: tagOffset)
        }
        openSections.append(
            OpenSection(name: name, isInverted: isInverted, node: nodes.count, tagOffset: tagOffset))
        nodes.append(.section(name, isInverted: isInverted, end: nodes.count))
    }

    private mutating func closeSection(_ name: TemplateName, at tagOffset: Int) throws(TemplateSyntaxError) {
        guard let section = openSections.popLast() else {
            throw error("The section “\(name.text)” is closed but was not opened.", at: tagOffset)
        }
        guard section.name.text == name.text else {
            throw error("The section “\(section.name.text)” must be closed before “\(name.text)”.", at: tagOffset)
        }
        nodes[section.node] = .section(section.name, isInverted: section.isInverted, end: nodes.count)
    }

    private mutating func skipComment(from tagOffset: Int) throws(TemplateSyntaxError) {
        while offset + 1 < source.count {
            if source[offset] == UInt8(ascii: "}"), source[offset + 1] == UInt8(ascii: "}") {
                offset += 2
                return
            }
            offset += 1
        }
        throw error("The comment is never closed.", at: tagOffset)
    }

    private mutating func appendText(_ range: Range<Int>) {
        if !range.isEmpty { nodes.append(.text(range)) }
    }

    /// Adds the text before a tag that ends at `offset`. If nothing but spaces and tabs shares the tag's line (Mustache
    /// specification, "standalone"), the text ends with the line before and the answer is the start of the next line.
    private mutating func finishStandalone(_ tagOffset: Int, _ text: Range<Int>) -> Int? {
        var lineStart = tagOffset
        while lineStart > 0, Self.isBlank(source[lineStart - 1]) { lineStart -= 1 }
        var lineEnd = offset
        while lineEnd < source.count, Self.isBlank(source[lineEnd]) { lineEnd += 1 }
        if lineEnd + 1 < source.count, source[lineEnd] == UInt8(ascii: "\r"), source[lineEnd + 1] == UInt8(ascii: "\n")
        {
            lineEnd += 1
        }
        let beginsLine = lineStart == 0 || source[lineStart - 1] == UInt8(ascii: "\n")
        guard beginsLine, lineEnd == source.count || source[lineEnd] == UInt8(ascii: "\n") else {
            appendText(text)
            return nil
        }
        appendText(text.lowerBound..<max(lineStart, text.lowerBound))
        return min(lineEnd + 1, source.count)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }
}
