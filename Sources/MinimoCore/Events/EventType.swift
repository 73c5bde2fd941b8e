/// What happened: the closed list of event types (contract 10.8).
///
/// The raw values are what webhooks and the feed show, and what is stored: a case may be added, never renamed.
package enum EventType: String, Sendable, Hashable, CaseIterable {
    case messageQueued = "message.queued"
    case messageSent = "message.sent"
    case messageDelivered = "message.delivered"
    case messageFailed = "message.failed"
    case messageBounced = "message.bounced"
    case messageComplained = "message.complained"
    case messageOpened = "message.opened"
    case messageClicked = "message.clicked"
    case messageUnconfirmed = "message.unconfirmed"
    case messageReceived = "message.received"
    case contactCreated = "contact.created"
    case contactUpdated = "contact.updated"
    case contactDeleted = "contact.deleted"
    case contactUnsubscribed = "contact.unsubscribed"
    case contactResubscribed = "contact.resubscribed"
    case templateApproved = "template.approved"
    case templateRejected = "template.rejected"
    case templatePaused = "template.paused"
    case campaignStarted = "campaign.started"
    case campaignCompleted = "campaign.completed"
    case campaignPaused = "campaign.paused"
    case importCompleted = "import.completed"
}
