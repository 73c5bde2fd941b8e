import Mail
import MinimoCore
import Wire

/// Reads one send of an email template from a request body (contract 10.4).
enum EmailSendInput {
    /// What an element of the body asks for.
    struct Parsed {
        /// As the caller wrote it: whether it names a template is the store's to say.
        let templateID: String
        /// `templateId` or `uid`, whichever the caller used.
        let templateField: String
        let send: EmailSend
    }

    /// - Parameter path: where the element stands, `[2]` in an array, empty for a single object.
    /// - Throws: ``APIError`` naming every member that is wrong.
    static func parse(_ value: JSONValue, at path: String) throws(APIError) -> Parsed {
        var reader = try FieldReader(value, at: path)
        let templateID = templateID(&reader)
        let recipient = recipient(&reader)
        let values = bounded(&reader, "customFields", limit: 1 << 20)
        let from = mailbox(&reader, "from")
        let replyTo = mailbox(&reader, "replyTo")
        let cc = mailboxes(&reader, "cc")
        let bcc = mailboxes(&reader, "bcc")
        let headers = headers(&reader)
        let attachments = attachments(&reader)
        let tags = reader.texts("tags", count: 50) ?? []
        let metadata = bounded(&reader, "metadata", limit: 16 << 10)
        let scheduledAt = time(&reader, "scheduledAt")
        if reader.problems.isEmpty { check(&reader, headers, attachments) }
        try reader.finish()
        guard let templateID, let recipient else { throw FieldReader.error(reader.problems) }
        var send = EmailSend(templateID: 0, recipient: recipient, values: values)
        send.from = from
        send.replyTo = replyTo
        send.cc = cc
        send.bcc = bcc
        send.headers = headers
        send.attachments = attachments
        send.tags = tags
        send.metadata = metadata
        send.scheduledAt = scheduledAt
        return Parsed(
            templateID: templateID, templateField: reader.has("uid") ? "uid" : "templateId", send: send)
    }

    /// `templateId`, or its old name `uid`.
    private static func templateID(_ reader: inout FieldReader) -> String? {
        guard reader.has("uid") else { return reader.requiredText("templateId") }
        if reader.has("templateId") { reader.fail("uid", "Give templateId or uid, not both") }
        _ = reader.value("templateId")
        return reader.requiredText("uid")
    }

    private static func recipient(_ reader: inout FieldReader) -> EmailAddress? {
        guard let text = reader.requiredText("recipient", limit: 1024) else { return nil }
        if let address = try? EmailAddress(parsing: text) { return address }
        reader.fail(
            "recipient", "The recipient is not an email address", code: .invalidRecipient, value: .string(text))
        return nil
    }

    private static func mailbox(_ reader: inout FieldReader, _ name: String) -> Mailbox? {
        guard let text = reader.text(name, limit: 1024).value else { return nil }
        if let mailbox = try? Mailbox(parsing: text) { return mailbox }
        reader.fail(name, "\(name) must be an address or a name with an address", value: .string(text))
        return nil
    }

    private static func mailboxes(_ reader: inout FieldReader, _ name: String) -> [Mailbox] {
        let texts = reader.texts(name, limit: 1024, count: 50) ?? []
        return texts.enumerated().compactMap { index, text in
            if let mailbox = try? Mailbox(parsing: text) { return mailbox }
            reader.fail("\(name)[\(index)]", "An email address is expected", value: .string(text))
            return nil
        }
    }

    /// An object that is kept with the message and must not outgrow it.
    private static func bounded(_ reader: inout FieldReader, _ name: String, limit: Int) -> JSONObject {
        guard let object = reader.object(name) else { return JSONObject() }
        guard JSONValue.object(object).serialized().utf8.count <= limit else {
            reader.fail(name, "\(name) has at most \(limit) bytes of JSON")
            return JSONObject()
        }
        return object
    }

    private static func headers(_ reader: inout FieldReader) -> [MessageHeader] {
        guard let object = reader.object("headers") else { return [] }
        if object.count > 50 { reader.fail("headers", "At most 50 headers are allowed") }
        return object.compactMap { name, value in
            guard case .string(let text) = value else {
                reader.fail("headers.\(name.prefix(64))", "A string is expected", value: value)
                return nil
            }
            guard isHeaderName(name), !EmailMessage.isReservedHeader(name) else {
                reader.fail("headers.\(name.prefix(64))", "This header cannot be set", value: value)
                return nil
            }
            guard text.utf8.count <= 998, !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                reader.fail(
                    "headers.\(name)", "A header has at most 998 bytes and no control characters", value: value)
                return nil
            }
            return MessageHeader(name: name, value: text)
        }
    }

    /// RFC 5322 section 3.6.8: visible ASCII without the colon.
    private static func isHeaderName(_ name: String) -> Bool {
        (1...76).contains(name.utf8.count) && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
    }

    private static func attachments(_ reader: inout FieldReader) -> [MessageAttachment] {
        guard let given = reader.value("attachments"), given != .null else { return [] }
        guard case .array(let values) = given, values.count <= 20 else {
            reader.fail("attachments", "An array of at most 20 attachments is expected")
            return []
        }
        return values.enumerated().compactMap { index, value in
            let path = "attachments[\(index)]"
            guard var own = try? FieldReader(value, at: path) else {
                reader.fail(path, "A JSON object is expected", value: value)
                return nil
            }
            let filename = own.requiredText("filename")
            let type = own.requiredText("contentType")
            let content = own.requiredText("content", limit: 25 << 20, multiline: true)
            let contentID = own.text("contentId").value
            let bytes = content.flatMap { Base64.decode($0) }
            if content != nil, bytes == nil { own.fail("content", "content must be base64") }
            own.noteUnknownMembers()
            reader.adopt(own.problems)
            guard let filename, let type, let bytes else { return nil }
            return MessageAttachment(filename: filename, contentType: type, contentID: contentID, content: bytes)
        }
    }

    /// What the message builder would refuse when it is too late to say so: the same code decides, on a message without
    /// content.
    private static func check(
        _ reader: inout FieldReader, _ headers: [MessageHeader], _ attachments: [MessageAttachment]
    ) {
        guard !headers.isEmpty || !attachments.isEmpty, let probe = try? Mailbox(parsing: "probe@minimo.example") else {
            return
        }
        let message = EmailMessage(
            from: probe, to: [probe], subject: "", messageID: "probe@minimo.example", date: 0, text: "",
            headers: headers.map { ($0.name, $0.value) },
            attachments: attachments.map {
                EmailMessage.Attachment(
                    filename: $0.filename, contentType: $0.contentType, content: [], contentID: $0.contentID)
            })
        do {
            _ = try message.serialized(boundarySeed: 0)
        } catch {
            reader.fail(attachments.isEmpty ? "headers" : "attachments", error.description)
        }
    }

    private static func time(_ reader: inout FieldReader, _ name: String) -> Timestamp? {
        guard let text = reader.text(name).value else { return nil }
        if let time = try? Timestamp(parsing: text) { return time }
        reader.fail(name, "\(name) must be an RFC 3339 time, such as 2025-11-13T10:30:00Z", value: .string(text))
        return nil
    }
}
