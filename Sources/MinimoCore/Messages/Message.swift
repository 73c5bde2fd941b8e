package import Wire

/// One row of the ledger: a message to or from one recipient.
package struct Message: Sendable {
    /// Why a message failed, came back, or is still waiting for another attempt.
    package struct Failure: Sendable, Hashable {
        /// An enhanced status code (`5.1.1`), a provider's number (`131026`) or a word of ours (`render_failed`).
        package let code: String
        package let message: String
        /// False while another attempt will follow.
        package let permanent: Bool

        package init(code: String, message: String, permanent: Bool) {
            self.code = code
            self.message = message
            self.permanent = permanent
        }
    }

    package let id: Int64
    package let workspaceID: Int64
    package let channel: MessageChannel
    package let direction: MessageDirection
    package let status: MessageStatus
    package let category: MessageCategory
    /// It belongs to a test workspace and never leaves the machine.
    package let isSandbox: Bool
    package let to: String
    /// The `From` mailbox as it was accepted, nil where the channel has none.
    package let from: String?
    package let replyTo: String?
    /// JSON array of mailboxes.
    package let ccJSON: String
    /// JSON array of mailboxes.
    package let bccJSON: String
    /// The subject as it was rendered at acceptance.
    package let subject: String?
    package let templateID: Int64?
    package let templateVersion: Int64?
    package let campaignID: Int64?
    package let contactID: Int64?
    /// JSON object of every value that the template is rendered with.
    package let variablesJSON: String?
    /// There is a row of content of its own.
    package let hasContent: Bool
    /// The RFC 5322 `Message-ID` without its angle brackets; made once and kept over retries.
    package let headerMessageID: String
    package let providerMessageID: String?
    /// Attempts that have an outcome.
    package let attempts: Int
    package let failure: Failure?
    /// JSON array of strings.
    package let tagsJSON: String
    /// JSON object.
    package let metadataJSON: String
    package let scheduledAt: Timestamp?
    package let createdAt: Timestamp
    package let sentAt: Timestamp?
    package let deliveredAt: Timestamp?
    package let firstOpenedAt: Timestamp?
    package let firstClickedAt: Timestamp?
    package let openCount: Int
    package let clickCount: Int
    /// The message of which this one is a repetition that a person asked for.
    package let resentFrom: Int64?

    package init(
        id: Int64, workspaceID: Int64, channel: MessageChannel, direction: MessageDirection, status: MessageStatus,
        category: MessageCategory, isSandbox: Bool, to: String, from: String?, replyTo: String?, ccJSON: String,
        bccJSON: String, subject: String?, templateID: Int64?, templateVersion: Int64?, campaignID: Int64?,
        contactID: Int64?, variablesJSON: String?, hasContent: Bool, headerMessageID: String,
        providerMessageID: String?, attempts: Int, failure: Failure?, tagsJSON: String, metadataJSON: String,
        scheduledAt: Timestamp?, createdAt: Timestamp, sentAt: Timestamp?, deliveredAt: Timestamp?,
        firstOpenedAt: Timestamp?, firstClickedAt: Timestamp?, openCount: Int, clickCount: Int, resentFrom: Int64?
    ) {
        self.id = id
        self.workspaceID = workspaceID
        self.channel = channel
        self.direction = direction
        self.status = status
        self.category = category
        self.isSandbox = isSandbox
        self.to = to
        self.from = from
        self.replyTo = replyTo
        self.ccJSON = ccJSON
        self.bccJSON = bccJSON
        self.subject = subject
        self.templateID = templateID
        self.templateVersion = templateVersion
        self.campaignID = campaignID
        self.contactID = contactID
        self.variablesJSON = variablesJSON
        self.hasContent = hasContent
        self.headerMessageID = headerMessageID
        self.providerMessageID = providerMessageID
        self.attempts = attempts
        self.failure = failure
        self.tagsJSON = tagsJSON
        self.metadataJSON = metadataJSON
        self.scheduledAt = scheduledAt
        self.createdAt = createdAt
        self.sentAt = sentAt
        self.deliveredAt = deliveredAt
        self.firstOpenedAt = firstOpenedAt
        self.firstClickedAt = firstClickedAt
        self.openCount = openCount
        self.clickCount = clickCount
        self.resentFrom = resentFrom
    }

    /// The `Cc` mailboxes.
    package var cc: [String] { Self.strings(ccJSON) }
    /// The `Bcc` mailboxes.
    package var bcc: [String] { Self.strings(bccJSON) }
    /// The tags.
    package var tags: [String] { Self.strings(tagsJSON) }
    /// The values that the template is rendered with.
    package var variables: JSONObject { Self.object(variablesJSON ?? "{}") }
    /// The caller's own data.
    package var metadata: JSONObject { Self.object(metadataJSON) }

    /// Stored arrays were written by us; anything else reads as empty.
    private static func strings(_ json: String) -> [String] {
        guard json != "[]" else { return [] }
        return (try? JSONValue(parsing: json))?.arrayValue?.compactMap(\.stringValue) ?? []
    }

    private static func object(_ json: String) -> JSONObject {
        guard json != "{}" else { return JSONObject() }
        return (try? JSONValue(parsing: json))?.objectValue ?? JSONObject()
    }
}
