/// Where and why a template's text breaks the rules of the template language.
package struct TemplateSyntaxError: Error, Equatable, Hashable, CustomStringConvertible {
    /// 1-based.
    package let line: Int
    /// 1-based, in Unicode scalars.
    package let column: Int
    /// A sentence for the author of the template. It quotes at most a name from the template.
    package let message: String

    /// An error at a known place.
    package init(line: Int, column: Int, message: String) {
        self.line = line
        self.column = column
        self.message = message
    }

    /// Finds line and column of a byte of the source.
    init(_ message: String, at offset: Int, in source: [UInt8]) {
        let before = source[..<offset]
        let lineStart = (before.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
        // A scalar has one byte that is not a continuation byte.
        let column = before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1
        self.init(line: before.count { $0 == UInt8(ascii: "\n") } + 1, column: column, message: message)
    }

    package var description: String { "\(message) (line \(line), column \(column))" }
}

/// Why a template could not be rendered with the given values.
package struct TemplateRenderError: Error, Equatable, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: String, Sendable, CaseIterable {
        /// The result would be longer than the limit.
        case outputTooLarge
        /// Nested sections over long arrays, or names that are missing in huge objects, would take too many steps; see
        /// `TemplateWork`.
        case tooManySteps
        /// The subject would contain CR, LF or NUL, which could add headers to the message.
        case lineBreakInSubject
    }

    /// The kind of failure.
    package let code: Code
    /// The part of the email that failed; nil when the template is not part of an email.
    package let part: EmailTemplatePart?

    /// A failure of a template, or of one part of an email.
    package init(_ code: Code, part: EmailTemplatePart? = nil) {
        self.code = code
        self.part = part
    }

    package var description: String {
        let subject = part.map { "The \($0.rawValue)" } ?? "The template"
        return switch code {
        case .outputTooLarge: "\(subject) becomes too long with these values."
        case .tooManySteps: "\(subject) takes too many steps with these values."
        case .lineBreakInSubject: "\(subject) would contain a line break or NUL with these values."
        }
    }
}
