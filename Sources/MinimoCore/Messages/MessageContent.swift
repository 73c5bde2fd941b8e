/// What a message brings itself instead of, or beside, a template.
package struct MessageContent: Sendable {
    package var subject: String?
    package var html: String?
    package var text: String?
    /// Additional header fields in order.
    package var headers: [MessageHeader]
    package var attachments: [MessageAttachment]

    package init(
        subject: String? = nil, html: String? = nil, text: String? = nil, headers: [MessageHeader] = [],
        attachments: [MessageAttachment] = []
    ) {
        self.subject = subject
        self.html = html
        self.text = text
        self.headers = headers
        self.attachments = attachments
    }
}

/// A header field that the caller adds. Names and values were checked when the message was accepted.
package struct MessageHeader: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// A file that travels with a message.
package struct MessageAttachment: Sendable, Hashable {
    package let filename: String
    /// A MIME type, `application/pdf`.
    package let contentType: String
    /// The `Content-ID` without angle brackets, for files that the HTML shows.
    package let contentID: String?
    package let content: [UInt8]

    package init(filename: String, contentType: String, contentID: String? = nil, content: [UInt8]) {
        self.filename = filename
        self.contentType = contentType
        self.contentID = contentID
        self.content = content
    }
}
