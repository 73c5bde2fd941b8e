package import Mail
package import MinimoCore
package import NIOCore
package import SQLDatabase
import Wire

/// An email as it goes over the wire.
package struct ComposedEmail: Sendable {
    package let envelope: SMTPEnvelope
    package let content: ByteBuffer
}

/// Why an email cannot be built. Trying again does not help.
package struct ComposeError: Error, Sendable, Hashable {
    /// `render_failed`, or `sender_missing`.
    package let code: String
    /// A sentence without values.
    package let message: String
}

/// Builds the email of a ledger row: rendered parts, header, MIME, envelope. The same for relays and for the sandbox.
package struct EmailComposer: Sendable {
    private let database: Database
    private let renderer: MessageRenderer

    package init(database: Database, renderer: MessageRenderer) {
        self.database = database
        self.renderer = renderer
    }

    /// Builds the email of a message.
    ///
    /// `To` and `Cc` stand in the header; they and `Bcc` make the envelope.
    ///
    /// - Parameter defaultFrom: the `From` of messages that name none.
    /// - Throws: ``ComposeError`` when that cannot succeed, `DatabaseError` when the parts cannot be read.
    package func compose(_ message: Message, defaultFrom: String? = nil) async throws -> ComposedEmail {
        let rendered: RenderedMessage
        do {
            rendered = try await renderer.render(message, from: database)
        } catch let error as MessageRenderError {
            throw ComposeError(code: Self.renderFailed, message: error.description)
        }
        guard let sender = message.from ?? defaultFrom else {
            throw ComposeError(
                code: "sender_missing", message: "The message has no From, and the channel has no default.")
        }
        do {
            let from = try Mailbox(parsing: sender)
            let to = try Mailbox(parsing: message.to)
            let cc = try message.cc.map { try Mailbox(parsing: $0) }
            let bcc = try message.bcc.map { try Mailbox(parsing: $0) }
            let email = EmailMessage(
                from: from, to: [to], cc: cc, replyTo: try message.replyTo.map { [try Mailbox(parsing: $0)] } ?? [],
                subject: rendered.email.subject, messageID: message.headerMessageID,
                // The time of acceptance: a message that is sent again is the same message.
                date: (message.scheduledAt.map { max($0, message.createdAt) } ?? message.createdAt).seconds,
                text: rendered.email.text, html: rendered.email.html,
                headers: rendered.headers.map { ($0.name, $0.value) },
                attachments: rendered.attachments.map {
                    EmailMessage.Attachment(
                        filename: $0.filename, contentType: $0.contentType, content: $0.content,
                        contentID: $0.contentID)
                })
            return ComposedEmail(
                envelope: SMTPEnvelope(sender: from.address, recipients: Self.recipients([to] + cc + bcc)),
                content: try email.serialized(boundarySeed: UInt64.random(in: .min ... .max)))
        } catch let error as EmailAddressError {
            throw ComposeError(code: Self.renderFailed, message: error.description)
        } catch let error as EmailMessageError {
            throw ComposeError(code: Self.renderFailed, message: error.description)
        }
    }

    private static let renderFailed = "render_failed"

    /// Each address once, in order.
    private static func recipients(_ mailboxes: [Mailbox]) -> [EmailAddress] {
        var seen = Set<String>()
        return mailboxes.map(\.address).filter { seen.insert($0.comparisonKey).inserted }
    }
}

extension DeliveryOutcome {
    /// The outcome of an attempt that ended before anybody was asked.
    static func composing(_ error: any Error) -> DeliveryOutcome {
        guard let error = error as? ComposeError else { return .unavailable(.databaseUnavailable) }
        return .permanent(code: error.code, ChannelReply(text: error.message))
    }
}
