import Wire

/// One rendering of a program.
struct TemplateRenderer {
    private let program: TemplateProgram
    private let values: TemplateValues
    private let limit: Int
    /// The items of the sections around the current node, innermost last.
    private var items: [JSONValue] = []
    private var work = TemplateWork()

    /// Whether text is produced; without it only `missing` is of interest.
    private let writesOutput: Bool
    private(set) var output: [UInt8] = []
    private(set) var missing = TemplateNameList()

    init(program: TemplateProgram, values: TemplateValues, limit: Int, writesOutput: Bool = true) {
        self.program = program
        self.values = values
        self.limit = limit
        self.writesOutput = writesOutput
        if writesOutput { output.reserveCapacity(program.source.count + 512) }
    }

    mutating func run(_ range: Range<Int>) throws(TemplateRenderError) {
        var index = range.lowerBound
        while index < range.upperBound {
            try work.countStep()
            switch program.nodes[index] {
            case .text(let range):
                if writesOutput { try append(program.source[range]) }
                index += 1
            case .variable(let tag):
                try render(tag)
                index += 1
            case .section(let name, let isInverted, let end):
                try renderSection(name, isInverted, index + 1..<end)
                index = end
            }
        }
    }

    private mutating func renderSection(
        _ name: TemplateName, _ isInverted: Bool, _ body: Range<Int>
    ) throws(TemplateRenderError) {
        let found = try value(of: name)
        let value = found?.isTemplateTrue == true ? found : nil
        switch (value, isInverted) {
        case (nil, true): try run(body)
        case (nil, false), (_?, true): break
        case (.array(let elements)?, false):
            for element in elements {
                try work.countStep()
                items.append(element)
                try run(body)
                items.removeLast()
            }
        case (let value?, false):
            items.append(value)
            try run(body)
            items.removeLast()
        }
    }

    private mutating func render(_ tag: TemplateVariableTag) throws(TemplateRenderError) {
        var value = try value(of: tag.name)
        if value == nil, tag.isRequired {
            try work.count(bytes: tag.name.text.utf8.count)
            missing.insert(tag.name.text)
        }
        guard writesOutput else { return }
        for filter in tag.filters {
            let filtered = filter.apply(to: value)
            try work.count(bytes: value.textLength + filtered.textLength)
            value = filtered
        }
        guard let value else { return }
        var text = if case .string(let text) = value { text } else { value.templateText }
        let room = limit - output.count
        let fits = text.withUTF8 { utf8 in
            guard utf8.count <= room else { return false }
            if tag.escapesHTML { output.appendEscapingHTML(utf8) } else { output.append(contentsOf: utf8) }
            return output.count <= limit
        }
        guard fits else { throw TemplateRenderError(.outputTooLarge) }
    }

    private mutating func append(_ text: ArraySlice<UInt8>) throws(TemplateRenderError) {
        guard output.count + text.count <= limit else { throw TemplateRenderError(.outputTooLarge) }
        output.append(contentsOf: text)
    }

    /// Looks a name up in the items of the sections around, innermost first, then in the layers of values. The first
    /// item that knows the first part of a dotted name decides (Mustache specification, "Context Precedence").
    private mutating func value(of name: TemplateName) throws(TemplateRenderError) -> JSONValue? {
        guard let first = name.segments.first else {
            return items.last.flatMap { $0.isNull ? nil : $0 }
        }
        for item in items.reversed() {
            guard case .object(let object) = item, let value = try first.value(in: object, &work) else { continue }
            return try name.descend(from: value, &work)
        }
        return try values.value(of: name, &work)
    }
}

extension JSONValue? {
    /// Length of a string; what is no string takes a filter no time that would count.
    fileprivate var textLength: Int {
        if case .string(let text) = self { text.utf8.count } else { 0 }
    }
}

extension [UInt8] {
    /// Appends text with `& < > " '` as character references, so that it is text in HTML content and in quoted attribute
    /// values.
    mutating func appendEscapingHTML(_ text: UnsafeBufferPointer<UInt8>) {
        var runStart = 0
        for (index, byte) in text.enumerated() {
            let reference: StaticString
            switch byte {
            case UInt8(ascii: "&"): reference = "&amp;"
            case UInt8(ascii: "<"): reference = "&lt;"
            case UInt8(ascii: ">"): reference = "&gt;"
            case UInt8(ascii: "\""): reference = "&quot;"
            case UInt8(ascii: "'"): reference = "&#39;"
            default: continue
            }
            append(contentsOf: text[runStart..<index])
            append(contentsOf: UnsafeBufferPointer(start: reference.utf8Start, count: reference.utf8CodeUnitCount))
            runStart = index + 1
        }
        append(contentsOf: text[runStart...])
    }
}
