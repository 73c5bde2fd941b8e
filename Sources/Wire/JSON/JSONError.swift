/// Why a JSON document was refused, and where.
package struct JSONError: Error, Equatable, Hashable, CustomStringConvertible {
    /// The kinds of refusal.
    package enum Code: String, Sendable, CaseIterable {
        /// The bytes are not one JSON document by the grammar of RFC 8259.
        case malformed
        /// An object names the same member twice (after unescaping).
        case duplicateKey
        /// Arrays and objects are nested deeper than the limit.
        case tooDeep
        /// The document has more values than the limit. The offset is that of the first one beyond it.
        case tooManyValues
        /// A string holds bytes that are not well-formed UTF-8.
        case invalidUTF8
        /// A `\u` escape names one half of a surrogate pair without the other.
        case loneSurrogate
        /// A number lies beyond the range of a double. The document is well-formed JSON.
        case numberOutOfRange
    }

    /// The kind of refusal.
    package let code: Code
    /// 0-based offset of the offending byte; the length of the document when it ends too early.
    package let offset: Int

    /// A refusal at a 0-based byte offset.
    package init(_ code: Code, at offset: Int) {
        self.code = code
        self.offset = offset
    }

    /// A sentence for the caller of the API. It never quotes the document.
    package var message: String {
        switch code {
        case .malformed: "The body is not valid JSON at byte \(offset)."
        case .duplicateKey: "The object names the same member twice at byte \(offset)."
        case .tooDeep: "The body is nested too deeply at byte \(offset)."
        case .tooManyValues: "The body has too many values at byte \(offset)."
        case .invalidUTF8: "The body is not valid UTF-8 at byte \(offset)."
        case .loneSurrogate: "The string has an unpaired surrogate escape at byte \(offset)."
        case .numberOutOfRange: "The number is out of range at byte \(offset)."
        }
    }

    package var description: String { message }
}

/// What `JSONReader` accepts at most. The size of the document is limited by whoever receives it.
package struct JSONLimits: Sendable, Equatable {
    /// The deepest nesting that is accepted; a document that is one array or object without others inside has depth 1.
    /// Within 1…512, so that the reader's recursion is bounded.
    package let depth: Int
    /// The most values that are accepted: every element, every member's value, and the arrays and objects themselves.
    /// At least 1. It bounds memory, because a value of two bytes (`0,`) takes many times that once it is read.
    package let values: Int

    /// The depth of the contract (§2.2), and more values than a document of 1 MiB has unless most of them are only a few
    /// bytes long.
    package static let standard = JSONLimits()

    /// Limits with the given depth, moved into 1…512, and the given number of values, at least 1.
    package init(depth: Int = 32, values: Int = 200_000) {
        self.depth = min(max(depth, 1), 512)
        self.values = max(values, 1)
    }
}
