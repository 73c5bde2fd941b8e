/// A parsed template: parse once, render many times.
///
/// The language is Mustache without partials, lambdas and delimiter changes, and with filters (contract §10.3):
///
/// - `{{name}}` inserts a value, escaped when the template is HTML; `{{{name}}}` and `{{&name}}` insert it as it is.
/// - `{{#name}}…{{/name}}` repeats its contents for each element of an array, renders them once for any other value
///   that is not false, and not at all for `false`, an empty string, an empty array and no value. `{{^name}}` is the
///   opposite. Inside, names are looked up in the element first; `{{.}}` is the element itself.
/// - `{{! … }}` is a comment. A line with nothing but a section tag or a comment leaves no line behind.
/// - `{{name | filter | filter: argument}}`: see `TemplateFilter`.
///
/// Strings are inserted as they are, whole numbers without a fraction, booleans as `true` and `false`, arrays of such
/// values separated by `, `, and other arrays and objects as JSON.
package struct TemplateProgram: Sendable {
    /// How `{{name}}` inserts values.
    package enum Escaping: Sendable {
        /// `& < > " '` become character references.
        case html
        /// As they are.
        case none
    }

    /// Names that are filled by us; they are neither listed nor ever missing (contract appendix A 10.3).
    package static let builtInNames: Set<String> = ["UNSUBSCRIBE_URL", "PREFERENCES_URL", "FAKE_IMAGE_URL"]

    /// The most bytes that a rendering may have unless said otherwise, 1 MiB.
    package static let defaultLimit = 1 << 20

    /// The variables in order of first appearance, without the built-in ones and without `{{.}}`.
    package let variables: [TemplateVariable]

    let source: [UInt8]
    let nodes: [TemplateNode]

    /// Parses a template; throws for the first offence against the grammar.
    package init(parsing text: String, escaping: Escaping) throws(TemplateSyntaxError) {
        var parser = TemplateParser(source: Array(text.utf8), escaping: escaping)
        try parser.parse()
        source = parser.source
        nodes = parser.nodes
        variables = TemplateVariable.union(parser.occurrences)
    }

    /// The names that a rendering with these values would need and finds neither a value nor a default for, each once,
    /// in order of appearance. Variables in sections that are not rendered do not count.
    package func missing(in values: TemplateValues) -> [String] {
        var renderer = TemplateRenderer(program: self, values: values, limit: .max, writesOutput: false)
        // Only exceeding the number of steps can throw here; what was found until then is the answer.
        try? renderer.run(nodes.indices)
        return renderer.missing.names
    }

    /// The template with the values filled in; missing ones become nothing. Throws when the result would exceed `limit`
    /// bytes or need an unreasonable number of steps.
    package func render(
        _ values: TemplateValues, limit: Int = TemplateProgram.defaultLimit
    ) throws(TemplateRenderError) -> String {
        var missing = TemplateNameList()
        return try render(values, limit: limit, missing: &missing)
    }

    /// The same, and adds to `missing` what `missing(in:)` would answer, in one pass.
    func render(
        _ values: TemplateValues, limit: Int, missing: inout TemplateNameList
    ) throws(TemplateRenderError) -> String {
        var renderer = TemplateRenderer(program: self, values: values, limit: limit)
        try renderer.run(nodes.indices)
        for name in renderer.missing.names {
            missing.insert(name)
        }
        return String(decoding: renderer.output, as: UTF8.self)
    }
}

/// One step of a program. The contents of a section are the nodes from its own index + 1 up to `end`.
enum TemplateNode: Sendable {
    /// Bytes of the source that stand for themselves.
    case text(Range<Int>)
    case variable(TemplateVariableTag)
    case section(TemplateName, isInverted: Bool, end: Int)
}

/// A variable tag, ready to be rendered.
struct TemplateVariableTag: Sendable {
    let name: TemplateName
    let filters: [TemplateFilter]
    let escapesHTML: Bool
    /// Whether a missing value must be reported: no default, not built in, not `{{.}}`.
    let isRequired: Bool
}
