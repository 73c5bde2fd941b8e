package import SQLDatabase
import Wire

/// A message with everything filled in that its author wrote.
package struct RenderedMessage: Sendable {
    package var email: RenderedEmail
    /// The header fields that the caller added.
    package var headers: [MessageHeader]
    package var attachments: [MessageAttachment]

    package init(email: RenderedEmail, headers: [MessageHeader] = [], attachments: [MessageAttachment] = []) {
        self.email = email
        self.headers = headers
        self.attachments = attachments
    }
}

/// Why a message cannot be rendered. Trying again does not help.
package enum MessageRenderError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The pinned version of the template is not there.
    case templateMissing
    /// The version does not parse any more.
    case templateInvalid
    /// The values make a part that cannot be sent.
    case values(TemplateRenderError)
    /// Neither a template nor content of its own.
    case contentMissing

    /// A sentence without any of the values.
    package var description: String {
        switch self {
        case .templateMissing: "The version of the template that the message was accepted with is missing."
        case .templateInvalid: "The template cannot be read."
        case .values(let error): error.description
        case .contentMissing: "The message has no content."
        }
    }
}

/// Renders messages from the ledger, in the same way for the channels and for whoever looks at one.
package final class MessageRenderer: Sendable {
    private let cache: CompiledTemplateCache
    private let messages = MessageStore()
    private let templates = EmailTemplateStore()

    /// - Parameter capacity: how many compiled templates are kept.
    package init(capacity: Int = 256) {
        cache = CompiledTemplateCache(capacity: capacity)
    }

    /// Renders a message; asks the database only for what the message brings itself and for templates that are new.
    ///
    /// - Throws: ``MessageRenderError`` when it cannot be rendered, `DatabaseError` when the parts cannot be read.
    package func render(_ message: Message, from database: Database) async throws -> RenderedMessage {
        let key = Self.key(message)
        let cached = key.flatMap { cache.find($0) }
        guard message.hasContent || (key != nil && cached == nil) else {
            return try Self.fill(cached, nil, message)
        }
        let (content, template) = try await database.read { [self] db in try parts(db, message, cached) }
        return try Self.fill(template, content, message)
    }

    /// The same inside a transaction of the caller.
    ///
    /// - Throws: as ``render(_:from:)``.
    package func render(_ db: Connection, _ message: Message) throws -> RenderedMessage {
        let (content, template) = try parts(db, message, Self.key(message).flatMap { cache.find($0) })
        return try Self.fill(template, content, message)
    }

    /// The compiled form of a template's current version, from the cache that sending uses.
    ///
    /// - Throws: ``EmailTemplateError`` when a part does not parse.
    func compiled(_ template: EmailTemplate, workspaceID: Int64) throws(EmailTemplateError) -> CompiledEmailTemplate {
        let key = CompiledTemplateCache.Key(
            workspaceID: workspaceID, templateID: template.id, version: template.version)
        if let cached = cache.find(key) { return cached }
        let compiled = try CompiledEmailTemplate(template.source)
        cache.keep(compiled, for: key)
        return compiled
    }

    private func parts(
        _ db: Connection, _ message: Message, _ cached: CompiledEmailTemplate?
    ) throws -> (MessageContent?, CompiledEmailTemplate?) {
        let content =
            message.hasContent
            ? try messages.content(db, workspaceID: message.workspaceID, id: message.id) : nil
        guard let key = Self.key(message), cached == nil else { return (content, cached) }
        let source = try templates.source(
            db, workspaceID: key.workspaceID, templateID: key.templateID, version: key.version)
        guard let source else { throw MessageRenderError.templateMissing }
        guard let template = try? CompiledEmailTemplate(source) else { throw MessageRenderError.templateInvalid }
        cache.keep(template, for: key)
        return (content, template)
    }

    private static func fill(
        _ template: CompiledEmailTemplate?, _ content: MessageContent?, _ message: Message
    ) throws(MessageRenderError) -> RenderedMessage {
        let headers = content?.headers ?? []
        let attachments = content?.attachments ?? []
        if let template {
            do throws(TemplateRenderError) {
                let email = try template.render(TemplateValues(message.variables))
                return RenderedMessage(email: email, headers: headers, attachments: attachments)
            } catch {
                throw .values(error)
            }
        }
        guard let content, content.html != nil || content.text != nil else { throw .contentMissing }
        let email = RenderedEmail(
            subject: content.subject ?? message.subject ?? "", html: content.html, text: content.text)
        return RenderedMessage(email: email, headers: headers, attachments: attachments)
    }

    private static func key(_ message: Message) -> CompiledTemplateCache.Key? {
        guard let id = message.templateID, let version = message.templateVersion else { return nil }
        return CompiledTemplateCache.Key(workspaceID: message.workspaceID, templateID: id, version: version)
    }
}
