package import Wire

/// A message that the sandbox kept instead of sending it.
package struct SandboxMessage: Sendable, Hashable {
    package let id: Int64
    package let channel: MessageChannel
    package let messageID: Int64
    package let to: String
    package let from: String?
    package let subject: String?
    /// The whole message as it would have gone over the wire: MIME text for email.
    package let content: String
    /// The outcome that the recipient asked for.
    package let outcome: SandboxScenario
    package let createdAt: Timestamp

    package init(
        id: Int64, channel: MessageChannel, messageID: Int64, to: String, from: String?, subject: String?,
        content: String, outcome: SandboxScenario, createdAt: Timestamp
    ) {
        self.id = id
        self.channel = channel
        self.messageID = messageID
        self.to = to
        self.from = from
        self.subject = subject
        self.content = content
        self.outcome = outcome
        self.createdAt = createdAt
    }
}
