/// A node of the MIME tree.
enum MessagePart {
    /// A text body of the subtype `plain` or `html`.
    case text(subtype: StaticString, body: String)
    /// A checked attachment; `isInline` when the HTML beside it shows it.
    case file(CheckedAttachment, isInline: Bool)
    indirect case multipart(subtype: StaticString, [MessagePart])
}

/// An attachment whose header values may be written.
struct CheckedAttachment {
    let filename: String
    let contentType: ContentType
    let content: [UInt8]
    let contentID: String?

    init(_ attachment: EmailMessage.Attachment, index: Int) throws(EmailMessageError) {
        let field = "attachments[\(index)]"
        guard !attachment.filename.utf8.contains(where: ASCII.isInjection) else {
            throw EmailMessageError(.injection, field: "\(field).filename")
        }
        guard (1...255).contains(attachment.filename.utf8.count),
            !attachment.filename.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
        else { throw EmailMessageError(.invalidFileName, field: "\(field).filename") }
        guard !attachment.contentType.utf8.contains(where: ASCII.isInjection) else {
            throw EmailMessageError(.injection, field: "\(field).contentType")
        }
        guard let contentType = ContentType(parsing: attachment.contentType) else {
            throw EmailMessageError(.invalidContentType, field: "\(field).contentType")
        }
        if let contentID = attachment.contentID {
            guard !contentID.utf8.contains(where: ASCII.isInjection) else {
                throw EmailMessageError(.injection, field: "\(field).contentID")
            }
            guard (1...200).contains(contentID.utf8.count),
                contentID.utf8.allSatisfy({
                    $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">")
                })
            else { throw EmailMessageError(.invalidContentID, field: "\(field).contentID") }
        }
        self.filename = attachment.filename
        self.contentType = contentType
        self.content = attachment.content
        self.contentID = attachment.contentID
    }
}

extension EmailMessage {
    /// The MIME tree of the message: `mixed(alternative(text, related(html, inline…)), files…)` without the levels that have one member.
    func structure() throws(EmailMessageError) -> MessagePart {
        var inline: [MessagePart] = []
        var files: [MessagePart] = []
        for (index, attachment) in attachments.enumerated() {
            let checked = try CheckedAttachment(attachment, index: index)
            if html != nil, checked.contentID != nil {
                inline.append(.file(checked, isInline: true))
            } else {
                files.append(.file(checked, isInline: false))
            }
        }
        var alternatives: [MessagePart] = []
        if let text { alternatives.append(.text(subtype: "plain", body: text)) }
        if let html {
            let body = MessagePart.text(subtype: "html", body: html)
            alternatives.append(inline.isEmpty ? body : .multipart(subtype: "related", [body] + inline))
        }
        guard let first = alternatives.first else { throw EmailMessageError(.missingBody, field: "text") }
        let body = alternatives.count == 1 ? first : .multipart(subtype: "alternative", alternatives)
        return files.isEmpty ? body : .multipart(subtype: "mixed", [body] + files)
    }
}
