/// The parts of an email that are templates.
package enum EmailTemplatePart: String, Sendable, CaseIterable {
    case subject
    case preheader
    case html
    case text
}

/// The texts of an email template as its author wrote them.
package struct EmailTemplateSource: Sendable, Hashable {
    /// One line.
    package var subject: String
    /// The line that mail programs show after the subject; it is hidden in the message itself.
    package var preheader: String?
    /// The HTML part.
    package var html: String?
    /// The plain text part.
    package var text: String?

    /// Texts of the parts; nil for those that the email does not have.
    package init(subject: String, preheader: String? = nil, html: String? = nil, text: String? = nil) {
        self.subject = subject
        self.preheader = preheader
        self.html = html
        self.text = text
    }
}

/// A syntax error in one part of an email template.
package struct EmailTemplateError: Error, Equatable, Hashable, CustomStringConvertible {
    /// The part that could not be parsed.
    package let part: EmailTemplatePart
    /// What is wrong, with line and column within that part.
    package let error: TemplateSyntaxError

    /// An error in `part`.
    package init(part: EmailTemplatePart, error: TemplateSyntaxError) {
        self.part = part
        self.error = error
    }

    package var description: String { "\(part.rawValue): \(error)" }
}

/// An email with its values filled in.
package struct RenderedEmail: Sendable, Hashable {
    /// One line.
    package var subject: String
    /// Plain text; it is also in `html`, hidden.
    package var preheader: String?
    /// The HTML part; nil when the template has none.
    package var html: String?
    /// The plain text part; nil when the template has none.
    package var text: String?
    /// The variables that had neither a value nor a default, each once, in order of appearance.
    package var missing: [String]

    /// A rendered email; the subject must be one line.
    package init(
        subject: String, preheader: String? = nil, html: String? = nil, text: String? = nil, missing: [String] = []
    ) {
        self.subject = subject
        self.preheader = preheader
        self.html = html
        self.text = text
        self.missing = missing
    }
}

/// An email template whose parts are all parsed. Only the html part escapes values.
package struct CompiledEmailTemplate: Sendable {
    /// The variables of all parts in order of first appearance: subject, preheader, html, text.
    package let variables: [TemplateVariable]

    private let subject: TemplateProgram
    private let preheader: TemplateProgram?
    private let html: TemplateProgram?
    private let text: TemplateProgram?

    /// Parses all parts; throws for the first part that breaks the rules. A subject must be written on one line.
    package init(_ source: EmailTemplateSource) throws(EmailTemplateError) {
        subject = try Self.parse(source.subject, .subject)
        preheader = try source.preheader.map { text throws(EmailTemplateError) in try Self.parse(text, .preheader) }
        html = try source.html.map { text throws(EmailTemplateError) in try Self.parse(text, .html) }
        text = try source.text.map { text throws(EmailTemplateError) in try Self.parse(text, .text) }
        if let offset = subject.firstHeaderBreak {
            let error = TemplateSyntaxError(
                "A subject must not contain line breaks or NUL.", at: offset, in: subject.source)
            throw EmailTemplateError(part: .subject, error: error)
        }
        variables = TemplateVariable.union([subject, preheader, html, text].compactMap(\.self).flatMap(\.variables))
    }

    /// The names that have neither a value nor a default, over all parts, each once, in order of appearance.
    package func missing(in values: TemplateValues) -> [String] {
        var missing = TemplateNameList()
        for program in [subject, preheader, html, text].compactMap(\.self) {
            for name in program.missing(in: values) {
                missing.insert(name)
            }
        }
        return missing.names
    }

    /// The email with the values filled in; missing ones become nothing and are listed. Throws, naming the part, when a
    /// part would exceed `limit` bytes or when the subject would contain CR, LF or NUL.
    package func render(
        _ values: TemplateValues, limit: Int = TemplateProgram.defaultLimit
    ) throws(TemplateRenderError) -> RenderedEmail {
        var missing = TemplateNameList()
        let subject = try Self.render(subject, .subject, values, limit, &missing)
        if subject.utf8.contains(where: \.breaksHeader) {
            throw TemplateRenderError(.lineBreakInSubject, part: .subject)
        }
        var email = RenderedEmail(subject: subject)
        if let preheader {
            email.preheader = try Self.render(preheader, .preheader, values, limit, &missing)
        }
        if let html {
            let body = try Self.render(html, .html, values, limit, &missing)
            email.html = email.preheader.map { HiddenPreheader.insert($0, into: body) } ?? body
        }
        if let text {
            email.text = try Self.render(text, .text, values, limit, &missing)
        }
        email.missing = missing.names
        return email
    }

    private static func parse(_ text: String, _ part: EmailTemplatePart) throws(EmailTemplateError) -> TemplateProgram {
        do {
            return try TemplateProgram(parsing: text, escaping: part == .html ? .html : .none)
        } catch {
            throw EmailTemplateError(part: part, error: error)
        }
    }

    private static func render(
        _ program: TemplateProgram, _ part: EmailTemplatePart, _ values: TemplateValues, _ limit: Int,
        _ missing: inout TemplateNameList
    ) throws(TemplateRenderError) -> String {
        do {
            return try program.render(values, limit: limit, missing: &missing)
        } catch {
            throw TemplateRenderError(error.code, part: part)
        }
    }
}

extension TemplateProgram {
    /// Offset of the first byte outside of tags that must not be in a header.
    fileprivate var firstHeaderBreak: Int? {
        for case .text(let range) in nodes {
            if let offset = source[range].firstIndex(where: \.breaksHeader) { return offset }
        }
        return nil
    }
}

extension UInt8 {
    /// CR, LF and NUL end or confuse a header field (RFC 5322 §2.2).
    fileprivate var breaksHeader: Bool { self == 0x0D || self == 0x0A || self == 0 }
}
