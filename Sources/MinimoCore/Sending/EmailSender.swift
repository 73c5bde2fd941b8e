import Mail
package import SQLDatabase
package import Wire

/// Accepts messages: checks template, recipient, sender and values, and writes the ledger – all in the caller's
/// transaction, so that what is
/// answered with 2xx is durable (contract 10.4).
package struct EmailSender: Sendable {
    private let channels: EmailChannelStore
    private let renderer: MessageRenderer

    /// What a test workspace writes as when the call names no sender: it sees nothing of the live workspace, its
    /// settings included.
    private static let sandboxFrom = "Minimo Sandbox <sandbox@minimo.example>"

    package init(channels: EmailChannelStore, renderer: MessageRenderer) {
        self.channels = channels
        self.renderer = renderer
    }

    /// Accepts each of the sends that can be accepted.
    ///
    /// - Returns: for each send, in order, the id of its message or why it was refused.
    package func send(
        _ db: Connection, workspace: Workspace, _ sends: [EmailSend], now: Timestamp
    ) throws -> [Result<Int64, SendRefusal>] {
        var lookup = Lookup()
        let checked = try sends.map { try message(db, workspace, $0, &lookup) }
        let accepted = checked.compactMap { try? $0.get() }
        var ids = try MessageStore().insert(db, workspace: workspace, messages: accepted, now: now)[...]
        return checked.map { result in result.map { _ in ids.removeFirst() } }
    }

    /// What the sends of one batch have in common is read once.
    private struct Lookup {
        var templates: [Int64: EmailTemplate?] = [:]
        var senders: [Mailbox?: Result<String, SendRefusal>] = [:]
    }

    private func message(
        _ db: Connection, _ workspace: Workspace, _ send: EmailSend, _ lookup: inout Lookup
    ) throws -> Result<NewMessage, SendRefusal> {
        guard let template = try template(db, workspace, send.templateID, &lookup) else {
            return .failure(.templateNotFound)
        }
        guard template.status == .active else { return .failure(.templateNotActive(template.status)) }
        let contact = try ContactStore().get(db, workspaceID: workspace.id, email: send.recipient)
        if let refusal = SendingPolicy.refusal(of: template.category, to: contact) {
            return .failure(.suppressed(refusal))
        }
        let from: String
        switch try lookup.senders[send.from] ?? sender(db, workspace, given: send.from) {
        case .success(let header): from = header
        case .failure(let refusal): return .failure(refusal)
        }
        lookup.senders[send.from] = .success(from)
        let values = EmailValues.merged(call: send.values, contact: contact, recipient: send.recipient)
        let rendered: RenderedEmail
        do {
            rendered = try renderer.compiled(template, workspaceID: workspace.id).render(TemplateValues(values))
        } catch let error as TemplateRenderError {
            return .failure(.render(error))
        }
        guard rendered.missing.isEmpty else { return .failure(.missing(rendered.missing)) }
        return .success(
            NewMessage(
                channel: .email, category: template.category, to: send.recipient.description, from: from,
                replyTo: send.replyTo?.description, cc: send.cc.map(\.description), bcc: send.bcc.map(\.description),
                subject: rendered.subject,
                content: .template(id: template.id, version: template.version, values: values),
                contactID: contact?.id, tags: send.tags, metadata: send.metadata, headers: send.headers,
                attachments: send.attachments, scheduledAt: send.scheduledAt))
    }

    private func template(
        _ db: Connection, _ workspace: Workspace, _ id: Int64, _ lookup: inout Lookup
    ) throws -> EmailTemplate? {
        if let known = lookup.templates[id] { return known }
        let template = try EmailTemplateStore().get(db, workspaceID: workspace.id, id: id)
        lookup.templates[id] = .some(template)
        return template
    }

    /// The `From` of a message: the given one or the workspace's default. A live workspace writes only as domains that
    /// are verified;
    /// in test mode nothing leaves the machine and any sender can be tried.
    private func sender(
        _ db: Connection, _ workspace: Workspace, given: Mailbox?
    ) throws -> Result<String, SendRefusal> {
        guard workspace.mode == .live else { return .success(given?.description ?? Self.sandboxFrom) }
        let chosen: Mailbox
        if let given {
            chosen = given
        } else if let stored = try channels.defaultFrom(db, workspaceID: workspace.id),
            let mailbox = try? Mailbox(parsing: stored)
        {
            chosen = mailbox
        } else {
            return .failure(.noSender)
        }
        let domain = chosen.address.asciiDomain
        guard let known = try SenderDomainStore().find(db, workspaceID: workspace.id, domain: domain), known.isUsable
        else { return .failure(.senderNotVerified(domain: domain)) }
        return .success(chosen.description)
    }
}
