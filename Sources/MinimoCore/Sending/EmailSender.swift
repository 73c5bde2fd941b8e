import Mail
package import SQLDatabase
package import Wire

/// Accepts messages: checks template, recipient, sender and values, and writes the ledger – all in the caller's transaction, so that what is
/// answered with 2xx is durable (contract 10.4).
package struct EmailSender: Sendable {
    private let channels: EmailChannelStore
    private let renderer: MessageRenderer

    /// What the sandbox writes as when a test workspace has no sender of its own.
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
        let checked = try sends.map { try message(db, workspace, $0) }
        let accepted = checked.compactMap { try? $0.get() }
        var ids = try MessageStore().insert(db, workspace: workspace, messages: accepted, now: now)[...]
        return checked.map { result in result.map { _ in ids.removeFirst() } }
    }

    private func message(
        _ db: Connection, _ workspace: Workspace, _ send: EmailSend
    ) throws -> Result<NewMessage, SendRefusal> {
        guard let template = try EmailTemplateStore().get(db, workspaceID: workspace.id, id: send.templateID) else {
            return .failure(.templateNotFound)
        }
        guard template.status == .active else { return .failure(.templateNotActive(template.status)) }
        let contact = try ContactStore().get(db, workspaceID: workspace.id, email: send.recipient)
        if let refusal = SendingPolicy.refusal(of: template.category, to: contact) {
            return .failure(.suppressed(refusal))
        }
        let from: String
        switch try sender(db, workspace, given: send.from) {
        case .success(let header): from = header
        case .failure(let refusal): return .failure(refusal)
        }
        let compiled = try renderer.compiled(template, workspaceID: workspace.id)
        let values = EmailValues.merged(call: send.values, contact: contact, recipient: send.recipient)
        let layers = TemplateValues(values)
        let missing = compiled.missing(in: layers)
        guard missing.isEmpty else { return .failure(.missing(missing)) }
        let subject: String
        do {
            subject = try compiled.render(layers).subject
        } catch {
            return .failure(.render(error))
        }
        return .success(
            NewMessage(
                channel: .email, category: template.category, to: send.recipient.description, from: from,
                replyTo: send.replyTo?.description, cc: send.cc.map(\.description), subject: subject,
                content: .template(id: template.id, version: template.version, values: values),
                contactID: contact?.id, tags: send.tags, metadata: send.metadata, headers: send.headers,
                attachments: send.attachments, scheduledAt: send.scheduledAt))
    }

    /// The `From` of a message: the given one or the workspace's default. A live workspace writes only as domains that are verified;
    /// in test mode nothing leaves the machine and any sender can be tried.
    private func sender(
        _ db: Connection, _ workspace: Workspace, given: Mailbox?
    ) throws -> Result<String, SendRefusal> {
        guard workspace.mode == .live else {
            let live = try CompanyStore().workspace(db, companyID: workspace.companyID, mode: .live)
            let own = try channels.defaultFrom(db, workspaceID: live.id)
            return .success(given?.description ?? own ?? Self.sandboxFrom)
        }
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
