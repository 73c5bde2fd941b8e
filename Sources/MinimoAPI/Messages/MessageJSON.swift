import MinimoCore
import Wire

/// The JSON form of a message (contract 10.6): one shape for all channels.
struct MessageJSON: Sendable {
    let ids: PublicIDCodec

    func write(_ message: Message, to writer: inout JSONWriter) {
        writer.beginObject()
        members(message, to: &writer)
        writer.endObject()
    }

    /// A message with its events and the history of its attempts.
    func write(_ message: Message, events: [Event], attempts: [DeliveryAttempt], to writer: inout JSONWriter) {
        writer.beginObject()
        members(message, to: &writer)
        writer.key("events")
        writer.beginArray()
        for event in events { write(event, to: &writer) }
        writer.endArray()
        writer.key("attemptHistory")
        writer.beginArray()
        for attempt in attempts { write(attempt, to: &writer) }
        writer.endArray()
        writer.endObject()
    }

    private func members(_ message: Message, to writer: inout JSONWriter) {
        writer.member("id", message.id, .message, ids)
        writer.member("channel", message.channel.rawValue)
        writer.member("direction", message.direction.rawValue)
        writer.member("status", message.status.rawValue)
        writer.member("to", message.to)
        writer.member("from", message.from)
        writer.member("subject", message.subject)
        writer.member("templateId", message.templateID, .emailTemplate, ids)
        writer.member("campaignId", message.campaignID, .campaign, ids)
        writer.member("contactId", message.contactID, .contact, ids)
        writer.member("category", message.category.rawValue)
        writer.member("providerMessageId", message.providerMessageID)
        writer.member("attempts", message.attempts)
        writer.key("failure")
        if let failure = message.failure {
            writer.beginObject()
            writer.member("code", failure.code)
            writer.member("message", failure.message)
            writer.member("permanent", failure.permanent)
            writer.endObject()
        } else {
            writer.null()
        }
        writer.rawMember("tags", message.tagsJSON)
        writer.rawMember("metadata", message.metadataJSON)
        writer.member("resentFrom", message.resentFrom, .message, ids)
        writer.member("scheduledAt", message.scheduledAt)
        writer.member("createdAt", message.createdAt)
        writer.member("sentAt", message.sentAt)
        writer.member("deliveredAt", message.deliveredAt)
        writer.member("firstOpenedAt", message.firstOpenedAt)
        writer.member("firstClickedAt", message.firstClickedAt)
        writer.member("openCount", message.openCount)
        writer.member("clickCount", message.clickCount)
    }

    private func write(_ event: Event, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", event.id, .event, ids)
        writer.member("type", event.type.rawValue)
        writer.member("at", event.at)
        writer.rawMember("data", event.dataJSON)
        writer.endObject()
    }

    private func write(_ attempt: DeliveryAttempt, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("number", attempt.number)
        writer.member("at", attempt.intentAt ?? attempt.finishedAt)
        writer.member("finishedAt", attempt.finishedAt)
        writer.member("outcome", attempt.outcome.rawValue)
        writer.member("code", attempt.code)
        writer.member("enhancedCode", attempt.enhancedCode)
        writer.member("reply", attempt.reply)
        writer.endObject()
    }
}
