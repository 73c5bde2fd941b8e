package import NIOCore

/// A message to be written as RFC 5322 and MIME. Values are taken as they are; `serialized(boundarySeed:)` checks and encodes them.
package struct EmailMessage: Sendable {
    /// A file that goes with the message.
    package struct Attachment: Sendable {
        /// The name that readers save it under, any Unicode, 1 to 255 octets.
        package var filename: String
        /// A media type with optional parameters, `image/png`; not `multipart/*` or `message/*`, which cannot carry base64 (RFC 2046 §5.2.1).
        package var contentType: String
        /// The octets of the file.
        package var content: [UInt8]
        /// Without angle brackets. An attachment that has one is shown inside the HTML, which names it `cid:…`.
        package var contentID: String?

        /// Makes an attachment.
        package init(filename: String, contentType: String, content: [UInt8], contentID: String? = nil) {
            self.filename = filename
            self.contentType = contentType
            self.content = content
            self.contentID = contentID
        }
    }

    /// Who wrote it.
    package var from: Mailbox
    /// Who sent it on behalf of `from`, when that is someone else.
    package var sender: Mailbox?
    /// The `To` field. With `cc` empty too, `undisclosed-recipients:;` is written.
    package var to: [Mailbox]
    /// The `Cc` field. Blind copies live in the envelope only.
    package var cc: [Mailbox]
    /// The `Reply-To` field.
    package var replyTo: [Mailbox]
    /// Any text.
    package var subject: String
    /// `left@right` without angle brackets; stays the same when the message is sent again.
    package var messageID: String
    /// Seconds since 1970, UTC.
    package var date: Int64
    /// The plain-text body. Line ends of any kind become CRLF, and a last line without one gets it.
    package var text: String?
    /// The HTML body; the same rule for line ends.
    package var html: String?
    /// Further header fields, in this order, after the standard ones. Names that `isReservedHeader` knows are refused.
    package var headers: [(name: String, value: String)]
    /// Files.
    package var attachments: [Attachment]

    /// Makes a message.
    package init(
        from: Mailbox, sender: Mailbox? = nil, to: [Mailbox], cc: [Mailbox] = [], replyTo: [Mailbox] = [],
        subject: String,
        messageID: String, date: Int64, text: String? = nil, html: String? = nil,
        headers: [(name: String, value: String)] = [],
        attachments: [Attachment] = []
    ) {
        self.from = from
        self.sender = sender
        self.to = to
        self.cc = cc
        self.replyTo = replyTo
        self.subject = subject
        self.messageID = messageID
        self.date = date
        self.text = text
        self.html = html
        self.headers = headers
        self.attachments = attachments
    }

    /// Whether an address in the header has a non-ASCII local part, so that the message can only travel by SMTPUTF8 (RFC 6531, 6532).
    package var needsSMTPUTF8: Bool {
        from.address.needsSMTPUTF8 || (sender?.address.needsSMTPUTF8 ?? false)
            || to.contains { $0.address.needsSMTPUTF8 } || cc.contains { $0.address.needsSMTPUTF8 }
            || replyTo.contains { $0.address.needsSMTPUTF8 }
    }

    /// Whether a custom header of this name is refused, whatever its case: fields that this builder writes, trace and resent fields,
    /// signatures and results of authentication, and every `Content-…`.
    package static func isReservedHeader(_ name: String) -> Bool {
        let lowered = name.lowercased()
        return reservedHeaders.contains(lowered) || reservedHeaderPrefixes.contains { lowered.hasPrefix($0) }
    }

    private static let reservedHeaders: Set<String> = [
        "from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version", "return-path",
        "received",
        "received-spf", "dkim-signature", "domainkey-signature", "authentication-results",
    ]
    private static let reservedHeaderPrefixes = ["content-", "resent-", "arc-"]

    /// Writes the message: CRLF line ends, no line over 998 octets, before dot-stuffing and without signature.
    ///
    /// The result is 7-bit clean – each body is quoted-printable or base64, whichever is shorter – except that an address with a non-ASCII
    /// local part stands in the header as UTF-8 (RFC 6532), which is what `needsSMTPUTF8` tells. Equal messages and seeds give equal bytes.
    ///
    /// Structure: `mixed(alternative(text, related(html, inline…)), files…)`, each level only where it is needed; only the bodies that are
    /// given are written.
    /// - Parameter boundarySeed: chooses the multipart boundaries; take a random one for each message.
    /// - Throws: `EmailMessageError` naming the first field that cannot be written.
    package func serialized(boundarySeed: UInt64) throws(EmailMessageError) -> ByteBuffer {
        let root = try structure()
        var writer = MessageWriter(capacity: sizeEstimate, boundarySeed: boundarySeed)
        try writeHeader(to: &writer)
        writer.writePart(root, isNested: false)
        return writer.buffer
    }

    private var sizeEstimate: Int {
        let bodies = (text?.utf8.count ?? 0) + (html?.utf8.count ?? 0)
        let files = attachments.reduce(0) { $0 + $1.content.count }
        return 1_024 + bodies + bodies / 4 + files / 3 * 4 + files / 28 + attachments.count * 512
    }

    private func writeHeader(to writer: inout MessageWriter) throws(EmailMessageError) {
        guard let date = MessageDate(unixSeconds: date) else { throw EmailMessageError(.invalidDate, field: "date") }
        guard Self.isMessageID(messageID) else { throw EmailMessageError(.invalidMessageID, field: "messageID") }
        writer.write("Date: ")
        date.write(to: &writer.buffer)
        writer.write("\r\n")
        try writer.writeMailboxes("From", [from], field: "from")
        if let sender { try writer.writeMailboxes("Sender", [sender], field: "sender") }
        if to.isEmpty && cc.isEmpty {
            writer.write("To: undisclosed-recipients:;\r\n")
        }
        if !to.isEmpty { try writer.writeMailboxes("To", to, field: "to") }
        if !cc.isEmpty { try writer.writeMailboxes("Cc", cc, field: "cc") }
        if !replyTo.isEmpty { try writer.writeMailboxes("Reply-To", replyTo, field: "replyTo") }
        guard !subject.utf8.contains(where: ASCII.isInjection) else {
            throw EmailMessageError(.injection, field: "subject")
        }
        writer.writeText(name: "Subject", value: subject)
        writer.write("Message-ID: <")
        writer.write(messageID)
        writer.write(">\r\n")
        for (index, header) in headers.enumerated() {
            try writer.writeCustomHeader(name: header.name, value: header.value, field: "headers[\(index)]")
        }
        writer.write("MIME-Version: 1.0\r\n")
    }

    /// `dot-atom-text "@" dot-atom-text`, which is what every reader takes.
    static func isMessageID(_ text: String) -> Bool {
        guard text.utf8.count <= 250 else { return false }
        let sides = text.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        return sides.count == 2
            && sides.allSatisfy { side in
                side.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { atom in
                    !atom.isEmpty && atom.allSatisfy(ASCII.isAtomText)
                }
            }
    }
}
