package import Wire

/// A message to be accepted: checked by the caller, and complete, so that nothing has to be looked up when it is sent
/// but the pinned version of its template.
package struct NewMessage: Sendable {
    /// Where the parts come from.
    package enum Content: Sendable {
        /// A version of a template, rendered with these values when the message is sent.
        case template(id: Int64, version: Int64, values: JSONObject)
        /// Parts that the caller brings.
        case inline(subject: String, html: String?, text: String?)
    }

    package var channel: MessageChannel
    package var category: MessageCategory
    /// The recipient's address or number, without a name.
    package var to: String
    /// The `From` mailbox, `Acme <hello@acme.example>`.
    package var from: String?
    package var replyTo: String?
    package var cc: [String]
    package var bcc: [String]
    /// The rendered subject, for lists.
    package var subject: String?
    package var content: Content
    package var contactID: Int64?
    package var campaignID: Int64?
    package var tags: [String]
    package var metadata: JSONObject
    package var headers: [MessageHeader]
    package var attachments: [MessageAttachment]
    /// nil or a time that is past means at once.
    package var scheduledAt: Timestamp?
    /// The message that this one repeats.
    package var resentFrom: Int64?

    package init(
        channel: MessageChannel, category: MessageCategory, to: String, from: String?, replyTo: String? = nil,
        cc: [String] = [], bcc: [String] = [], subject: String?, content: Content, contactID: Int64? = nil,
        campaignID: Int64? = nil, tags: [String] = [], metadata: JSONObject = JSONObject(),
        headers: [MessageHeader] = [], attachments: [MessageAttachment] = [], scheduledAt: Timestamp? = nil,
        resentFrom: Int64? = nil
    ) {
        self.channel = channel
        self.category = category
        self.to = to
        self.from = from
        self.replyTo = replyTo
        self.cc = cc
        self.bcc = bcc
        self.subject = subject
        self.content = content
        self.contactID = contactID
        self.campaignID = campaignID
        self.tags = tags
        self.metadata = metadata
        self.headers = headers
        self.attachments = attachments
        self.scheduledAt = scheduledAt
        self.resentFrom = resentFrom
    }

    /// The content row, or nil when the template says everything.
    var ownContent: MessageContent? {
        switch content {
        case .inline(let subject, let html, let text):
            MessageContent(subject: subject, html: html, text: text, headers: headers, attachments: attachments)
        case .template:
            headers.isEmpty && attachments.isEmpty
                ? nil : MessageContent(headers: headers, attachments: attachments)
        }
    }
}
