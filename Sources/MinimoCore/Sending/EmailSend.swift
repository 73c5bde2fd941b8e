package import Mail
package import Wire

/// One checked request to send an email template (contract 10.4).
package struct EmailSend: Sendable {
    package var templateID: Int64
    package var recipient: EmailAddress
    /// Values of the call; they win over the contact's.
    package var values: JSONObject
    /// The workspace's default when `nil`.
    package var from: Mailbox?
    package var replyTo: Mailbox?
    package var cc: [Mailbox] = []
    package var bcc: [Mailbox] = []
    package var headers: [MessageHeader] = []
    package var attachments: [MessageAttachment] = []
    package var tags: [String] = []
    package var metadata = JSONObject()
    package var scheduledAt: Timestamp?

    package init(templateID: Int64, recipient: EmailAddress, values: JSONObject) {
        self.templateID = templateID
        self.recipient = recipient
        self.values = values
    }
}

/// Why a message was not accepted.
package enum SendRefusal: Error {
    case templateNotFound
    case templateNotActive(EmailTemplate.Status)
    /// The names of all variables that have neither value nor default.
    case missing([String])
    /// No `From` was given and none is configured.
    case noSender
    case senderNotVerified(domain: String)
    case suppressed(SendingPolicy.Refusal)
    /// The parts do not render with these values.
    case render(TemplateRenderError)
}
