import HTTPTypes
import Mail
package import MinimoCore
import SQLDatabase
package import Wire

/// `/api/templates/email/send` and its twin under `/v1` (contract 10.4).
package struct EmailSendRoutes: Sendable {
    private let sender: EmailSender
    private let ids: PublicIDCodec
    private let queue: QueueSignal

    /// The most elements of one array.
    private static let batchLimit = 500

    /// - Parameter queue: is signalled after each commit, so that delivery begins at once.
    package init(sender: EmailSender, ids: PublicIDCodec, queue: QueueSignal) {
        self.sender = sender
        self.ids = ids
        self.queue = queue
    }

    package var routes: RouteCollection {
        .mounted(under: ["/api", "/v1"]) { prefix in
            [
                Route(
                    .post, prefix + "/templates/email/send", .transactional, summary: "Send an email template",
                    body: .sending, request: "EmailSend", response: "EmailSendResult", handler: send)
            ]
        }
    }

    private func send(_ request: APIRequest) throws -> Operation {
        if case .array(let elements) = request.body { return try sendBatch(request, elements) }
        let parsed = try EmailSendInput.parse(request.body, at: "")
        guard let send = resolved(parsed) else { throw Self.error(.templateNotFound, at: "", parsed) }
        return .write(
            { db in
                let result = try sender.send(db, workspace: request.key.workspace, [send], now: request.now)[0]
                guard case .success(let id) = result else {
                    throw Self.error(result.refusal ?? .templateNotFound, at: "", parsed)
                }
                return .json { writer in
                    writer.beginObject()
                    writer.member("status", 200)
                    writer.member("id", id, .message, ids)
                    writer.endObject()
                }
            }, committed: queue.signal)
    }

    /// One bad element fails alone; the others are sent.
    private func sendBatch(_ request: APIRequest, _ elements: [JSONValue]) throws -> Operation {
        guard (1...Self.batchLimit).contains(elements.count) else {
            throw APIError(
                .validationError, "An array of 1 to \(Self.batchLimit) sends is expected",
                details: ["field": "", "value": .integer(Int64(elements.count))])
        }
        let parsed = elements.enumerated().map { index, element -> Result<EmailSendInput.Parsed, APIError> in
            Result { () throws(APIError) in try EmailSendInput.parse(element, at: "[\(index)]") }
        }
        let sends = parsed.map { try? $0.get() }.map { $0.flatMap(resolved) }
        return .write(
            { db in
                var results = try sender.send(
                    db, workspace: request.key.workspace, sends.compactMap(\.self), now: request.now)[...]
                return .json(capacity: 64 + elements.count * 64) { writer in
                    writer.beginObject()
                    writer.member("status", 200)
                    writer.key("data")
                    writer.beginArray()
                    for (index, element) in parsed.enumerated() {
                        let outcome = sends[index] == nil ? nil : results.popFirst()
                        write(element, outcome, at: index, to: &writer)
                    }
                    writer.endArray()
                    writer.endObject()
                }
            }, committed: queue.signal)
    }

    private func write(
        _ element: Result<EmailSendInput.Parsed, APIError>, _ outcome: Result<Int64, SendRefusal>?, at index: Int,
        to writer: inout JSONWriter
    ) {
        writer.beginObject()
        switch (element, outcome) {
        case (_, .success(let id)?):
            writer.member("id", id, .message, ids)
        case (.failure(let error), _):
            writer.key("error")
            error.write(to: &writer)
        case (.success(let parsed), let outcome):
            writer.key("error")
            Self.error(outcome?.refusal ?? .templateNotFound, at: "[\(index)]", parsed).write(to: &writer)
        }
        writer.endObject()
    }

    /// The send with its template's row id; `nil` when the text is no template id of ours.
    private func resolved(_ parsed: EmailSendInput.Parsed) -> EmailSend? {
        guard let id = ids.decode(parsed.templateID, .emailTemplate) else { return nil }
        var send = parsed.send
        send.templateID = id
        return send
    }

    /// The answer for a refused send.
    private static func error(_ refusal: SendRefusal, at path: String, _ parsed: EmailSendInput.Parsed) -> APIError {
        func field(_ name: String) -> JSONValue { .string(path.isEmpty ? name : "\(path).\(name)") }
        let recipient = JSONValue.string(String(parsed.send.recipient.description.prefix(256)))
        return switch refusal {
        case .templateNotFound:
            APIError(
                .templateNotFound, "There is no email template with this id",
                details: [
                    "field": field(parsed.templateField), "value": .string(String(parsed.templateID.prefix(256))),
                ])
        case .templateNotActive(let status):
            APIError(
                .invalidState, "The template is \(status.rawValue): only active templates can be sent",
                details: ["field": field(parsed.templateField)])
        case .missing(let names):
            APIError(
                .missingCustomField, "No value for \(names.prefix(10).joined(separator: ", "))",
                details: [
                    "field": field("customFields.\(names.first ?? "")"),
                    "missing": .array(names.map { .string($0) }),
                ])
        case .noSender:
            APIError(
                .senderNotVerified, "No sender is configured: give from, or set the channel's default",
                details: ["field": field("from")])
        case .senderNotVerified(let domain):
            APIError(
                .senderNotVerified, "The sender domain \(domain) is not verified",
                details: ["field": field("from"), "value": .string(domain)])
        case .suppressed(let reason):
            APIError(
                .recipientSuppressed, "The recipient cannot be written to",
                details: ["field": field("recipient"), "value": recipient, "reason": .string(reason.rawValue)])
        case .render(let error):
            APIError(
                .validationError, "The template does not render with these values: \(error.description)",
                details: ["field": field("customFields"), "part": .string(error.part?.rawValue ?? "template")])
        }
    }
}

extension Result where Failure == SendRefusal {
    fileprivate var refusal: SendRefusal? {
        if case .failure(let refusal) = self { refusal } else { nil }
    }
}
