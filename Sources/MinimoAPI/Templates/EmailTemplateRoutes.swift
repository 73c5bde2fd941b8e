import HTTPTypes
import MinimoCore
import SQLDatabase
package import Wire

/// `/api/templates/email` and its twin `/v1/templates/email` (contract 10.3).
package struct EmailTemplateRoutes: Sendable {
    private let store = EmailTemplateStore()
    private let ids: PublicIDCodec

    package init(ids: PublicIDCodec) {
        self.ids = ids
    }

    package var routes: RouteCollection {
        .mounted(under: ["/api", "/v1"]) { prefix in
            let path = prefix + "/templates/email"
            return [
                Route(
                    .post, path, .templatesWrite, summary: "Create an email template", body: .standard,
                    request: "EmailTemplateWrite", response: "EmailTemplate"
                ) { try create($0, path: path) },
                Route(
                    .get, path, .templatesRead, summary: "List email templates", query: Page.parameters,
                    response: "EmailTemplateList", handler: list),
                Route(
                    .get, path + "/{id}", .templatesRead, summary: "Get an email template",
                    response: "EmailTemplate", handler: get),
                Route(
                    .put, path + "/{id}", .templatesWrite, summary: "Update an email template",
                    body: .standard, request: "EmailTemplateWrite", response: "EmailTemplate",
                    handler: update),
                Route(
                    .patch, path + "/{id}", .templatesWrite, summary: "Update an email template",
                    body: .standard, request: "EmailTemplateWrite", response: "EmailTemplate",
                    handler: update),
                Route(
                    .delete, path + "/{id}", .templatesWrite, summary: "Delete an email template",
                    response: "Deleted", handler: delete),
                Route(
                    .post, path + "/{id}/render", .templatesRead, summary: "Render an email template",
                    body: .standard, request: "RenderRequest", response: "RenderedEmail", handler: render),
            ]
        }
    }

    private func create(_ request: APIRequest, path: String) throws -> Operation {
        let changes = try EmailTemplateInput.changes(request.body, creates: true)
        return .write { db in
            let template = try translating {
                try store.create(db, workspaceID: request.workspaceID, changes, now: request.now)
            }
            let location = "\(path)/\(ids.encode(template.id, .emailTemplate))"
            return .json(.created, location: location) {
                EmailTemplateJSON.write(template, ids, bodies: true, to: &$0)
            }
        }
    }

    private func update(_ request: APIRequest) throws -> Operation {
        let id = try templateID(request)
        let changes = try EmailTemplateInput.changes(request.body, creates: false)
        return .write { db in
            let template = try translating {
                try store.update(db, workspaceID: request.workspaceID, id: id, changes, now: request.now)
            }
            guard let template else { throw APIError.notFound("Email template") }
            return .json { EmailTemplateJSON.write(template, ids, bodies: true, to: &$0) }
        }
    }

    private func delete(_ request: APIRequest) throws -> Operation {
        let id = try templateID(request)
        return .write { db in
            guard try store.delete(db, workspaceID: request.workspaceID, id: id, now: request.now) else {
                throw APIError.notFound("Email template")
            }
            return .deleted(id, .emailTemplate, ids)
        }
    }

    private func get(_ request: APIRequest) throws -> Operation {
        let id = try templateID(request)
        return .read { db in
            guard let template = try store.get(db, workspaceID: request.workspaceID, id: id) else {
                throw APIError.notFound("Email template")
            }
            return .json(capacity: 4096) { EmailTemplateJSON.write(template, ids, bodies: true, to: &$0) }
        }
    }

    private func list(_ request: APIRequest) throws -> Operation {
        let page = try Page(request.query)
        return .read { db in
            let total = try store.count(db, workspaceID: request.workspaceID)
            let templates = try store.list(
                db, workspaceID: request.workspaceID, limit: page.limit, offset: page.offset)
            return page.reply(templates, total: total) {
                EmailTemplateJSON.write($1, ids, bodies: false, to: &$0)
            }
        }
    }

    /// Renders by the very code that sends (contract 10.3). Variables without a value come out empty and are listed in
    /// `missing`.
    private func render(_ request: APIRequest) throws -> Operation {
        let id = try templateID(request)
        var reader = try FieldReader(request.body)
        let values = reader.object("customFields") ?? JSONObject()
        let contactText = reader.text("contactId").value
        try reader.finish()
        return .read { db in
            guard let template = try store.get(db, workspaceID: request.workspaceID, id: id) else {
                throw APIError.notFound("Email template")
            }
            let contact = try contactText.map { text in
                guard let id = ids.decode(text, .contact),
                    let contact = try ContactStore().get(db, workspaceID: request.workspaceID, id: id)
                else { throw APIError.notFound("Contact") }
                return contact
            }
            let email = try translating {
                try EmailPreview.render(template.source, values: values, contact: contact)
            }
            return .json(capacity: 4096) { writer in
                writer.beginObject()
                writer.member("subject", email.subject)
                writer.member("html", email.html)
                writer.member("text", email.text)
                writer.member("missing", email.missing)
                writer.endObject()
            }
        }
    }

    private func templateID(_ request: APIRequest) throws(APIError) -> Int64 {
        guard let id = ids.decode(request.parameters[0], .emailTemplate) else {
            throw APIError.notFound("Email template")
        }
        return id
    }

    /// Turns what the template's rules refuse into answers.
    private func translating<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch EmailTemplateRefusal.bodyMissing {
            throw APIError(.validationError, "html or text must remain", details: ["field": "html"])
        } catch EmailTemplateRefusal.syntax(let refused) {
            throw APIError(
                .validationError, refused.error.message,
                details: [
                    "field": .string(refused.part.rawValue), "line": .integer(Int64(refused.error.line)),
                    "column": .integer(Int64(refused.error.column)),
                ])
        } catch let error as TemplateRenderError {
            throw APIError(
                .validationError, error.description, details: ["field": .string(error.part?.rawValue ?? "customFields")]
            )
        }
    }
}
