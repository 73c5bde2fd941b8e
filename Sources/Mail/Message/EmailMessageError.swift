/// Why a message cannot be written. Names the field at fault; never holds its value.
package struct EmailMessageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The closed list of reasons.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// CR, LF or NUL, with which a value could add headers or commands of its own.
        case injection
        /// A custom header that only the builder, the relay or the signer may write.
        case reservedHeader
        case invalidHeaderName
        /// A value that cannot be folded into lines of 998 octets.
        case unfoldableHeader
        /// Neither text nor HTML.
        case missingBody
        case invalidMessageID
        case invalidDate
        case invalidContentType
        case invalidContentID
        case invalidFileName
    }

    /// The reason.
    package let code: Code
    /// The field at fault, as a path: `subject`, `to[3].displayName`, `headers[0].name`, `attachments[1].filename`.
    package let field: String

    /// Makes an error with its reason and field.
    package init(_ code: Code, field: String) {
        self.code = code
        self.field = field
    }

    /// A sentence that can be shown to the caller: it repeats nothing of the message.
    package var description: String {
        switch code {
        case .injection: "\(field) has a line break or a NUL character."
        case .reservedHeader: "\(field) is a header that cannot be set."
        case .invalidHeaderName: "\(field) must be 1 to 76 printable ASCII characters without a space or a colon."
        case .unfoldableHeader:
            "\(field) has a piece without spaces that is longer than a header line may be (998 octets)."
        case .missingBody: "The message needs a text or an HTML body."
        case .invalidMessageID: "\(field) must be of the form left@right in ASCII, at most 250 octets."
        case .invalidDate: "\(field) is outside the years 1970 to 9999."
        case .invalidContentType: "\(field) must be a media type such as image/png, and not multipart/* or message/*."
        case .invalidContentID:
            "\(field) must be 1 to 200 printable ASCII characters without spaces and angle brackets."
        case .invalidFileName: "\(field) must be 1 to 255 octets without control characters."
        }
    }
}
