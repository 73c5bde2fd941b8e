package import Wire

/// Something that happened, as stored.
package struct Event: Sendable, Hashable {
    package let id: Int64
    package let type: EventType
    package let at: Timestamp
    package let messageID: Int64?
    package let contactID: Int64?
    /// A JSON object with what the type has to tell beyond the ids.
    package let dataJSON: String

    package init(
        id: Int64, type: EventType, at: Timestamp, messageID: Int64?, contactID: Int64?, dataJSON: String
    ) {
        self.id = id
        self.type = type
        self.at = at
        self.messageID = messageID
        self.contactID = contactID
        self.dataJSON = dataJSON
    }
}

/// An event to be written in the transaction of what it tells of.
package struct NewEvent: Sendable, Hashable {
    package var workspaceID: Int64
    package var type: EventType
    package var at: Timestamp
    package var messageID: Int64?
    package var contactID: Int64?
    /// A JSON object.
    package var dataJSON: String

    package init(
        workspaceID: Int64, type: EventType, at: Timestamp, messageID: Int64? = nil, contactID: Int64? = nil,
        dataJSON: String = "{}"
    ) {
        self.workspaceID = workspaceID
        self.type = type
        self.at = at
        self.messageID = messageID
        self.contactID = contactID
        self.dataJSON = dataJSON
    }
}
