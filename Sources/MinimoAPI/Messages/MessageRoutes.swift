import HTTPTypes
package import MinimoCore
import SQLDatabase
package import Wire

/// `/api/messages` and its twin `/v1/messages` (contract 10.6).
package struct MessageRoutes: Sendable {
    private let store = MessageStore()
    private let renderer: MessageRenderer
    private let ids: PublicIDCodec
    private let json: MessageJSON

    package init(ids: PublicIDCodec, renderer: MessageRenderer) {
        self.ids = ids
        self.renderer = renderer
        self.json = MessageJSON(ids: ids)
    }

    package var routes: RouteCollection {
        .mounted(under: ["/api", "/v1"]) { prefix in
            [
                Route(
                    .get, prefix + "/messages", .messagesRead, summary: "List messages", query: Page.parameters,
                    response: "MessageList", handler: list),
                Route(
                    .get, prefix + "/messages/{id}", .messagesRead, summary: "Get a message with its events",
                    response: "MessageWithEvents", handler: get),
                Route(
                    .get, prefix + "/messages/{id}/content", .messagesRead,
                    summary: "Get the rendered parts of a message", response: "MessageContent", handler: content),
            ]
        }
    }

    private func list(_ request: APIRequest) throws -> Operation {
        let page = try Page(request.query)
        return .read { db in
            let total = try store.count(db, workspaceID: request.workspaceID)
            let messages = try store.list(
                db, workspaceID: request.workspaceID, limit: page.limit, offset: page.offset)
            return page.reply(messages, total: total) { json.write($1, to: &$0) }
        }
    }

    private func get(_ request: APIRequest) throws -> Operation {
        let id = try messageID(request)
        return .read { db in
            guard let message = try store.get(db, workspaceID: request.workspaceID, id: id) else {
                throw APIError.notFound("Message")
            }
            let events = try store.events(db, workspaceID: request.workspaceID, id: id)
            let attempts = try store.attempts(db, workspaceID: request.workspaceID, id: id)
            return .json(capacity: 2048) { json.write(message, events: events, attempts: attempts, to: &$0) }
        }
    }

    private func content(_ request: APIRequest) throws -> Operation {
        let id = try messageID(request)
        return .read { db in
            guard let message = try store.get(db, workspaceID: request.workspaceID, id: id) else {
                throw APIError.notFound("Message")
            }
            let email: RenderedEmail
            do {
                email = try renderer.render(db, message).email
            } catch let error as MessageRenderError {
                throw APIError(.invalidState, error.description)
            }
            return .json(capacity: 4096) { writer in
                writer.beginObject()
                writer.member("subject", email.subject)
                writer.member("html", email.html)
                writer.member("text", email.text)
                writer.endObject()
            }
        }
    }

    private func messageID(_ request: APIRequest) throws(APIError) -> Int64 {
        guard let id = ids.decode(request.parameters[0], .message) else { throw APIError.notFound("Message") }
        return id
    }
}
