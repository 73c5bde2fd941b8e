import HTTPTypes
import Mail
import MinimoCore
package import Wire

/// `/v1/contacts` (contract 10.1).
package struct ContactRoutes: Sendable {
    private let store = ContactStore()
    private let ids: PublicIDCodec

    package init(ids: PublicIDCodec) {
        self.ids = ids
    }

    package var routes: RouteCollection {
        RouteCollection([
            Route(
                .post, "/v1/contacts", .contactsWrite, summary: "Create or update a contact", body: .standard,
                request: "ContactWrite", response: "Contact", handler: upsert),
            Route(
                .post, "/v1/contacts/upsert", .contactsWrite, summary: "Create or update a contact", body: .standard,
                request: "ContactWrite", response: "Contact", handler: upsert),
            Route(
                .get, "/v1/contacts", .contactsRead, summary: "List contacts", query: Page.parameters,
                response: "ContactList", handler: list),
            Route(
                .get, "/v1/contacts/by-email/{email}", .contactsRead, summary: "Find a contact by email",
                response: "Contact", handler: getByEmail),
            Route(
                .get, "/v1/contacts/{id}", .contactsRead, summary: "Get a contact", response: "Contact", handler: get),
            Route(
                .put, "/v1/contacts/{id}", .contactsWrite, summary: "Update a contact", body: .standard,
                request: "ContactWrite", response: "Contact", handler: update),
            Route(
                .patch, "/v1/contacts/{id}", .contactsWrite, summary: "Update a contact", body: .standard,
                request: "ContactWrite", response: "Contact", handler: update),
            Route(
                .delete, "/v1/contacts/{id}", .contactsWrite, summary: "Delete a contact", response: "Deleted",
                handler: delete),
        ])
    }

    private func upsert(_ request: APIRequest) throws -> Operation {
        let changes = try ContactInput.changes(request.body, creates: true)
        let origin = request.origin
        return .write { db in
            try translating {
                switch try store.upsert(db, workspaceID: request.workspaceID, changes, origin: origin) {
                case .created(let contact):
                    let location = "/v1/contacts/\(ids.encode(contact.id, .contact))"
                    return .json(.created, location: location) { ContactJSON.write(contact, ids, to: &$0) }
                case .updated(let contact):
                    return .json { ContactJSON.write(contact, ids, to: &$0) }
                }
            }
        }
    }

    private func update(_ request: APIRequest) throws -> Operation {
        let id = try contactID(request)
        let changes = try ContactInput.changes(request.body, creates: false)
        let origin = request.origin
        return .write { db in
            try translating {
                guard
                    let contact = try store.update(
                        db, workspaceID: request.workspaceID, id: id, changes, origin: origin)
                else { throw APIError.notFound("Contact") }
                return .json { ContactJSON.write(contact, ids, to: &$0) }
            }
        }
    }

    private func delete(_ request: APIRequest) throws -> Operation {
        let id = try contactID(request)
        let origin = request.origin
        return .write { db in
            guard try store.delete(db, workspaceID: request.workspaceID, id: id, origin: origin) else {
                throw APIError.notFound("Contact")
            }
            return .deleted(id, .contact, ids)
        }
    }

    private func get(_ request: APIRequest) throws -> Operation {
        let id = try contactID(request)
        return .read { db in
            guard let contact = try store.get(db, workspaceID: request.workspaceID, id: id) else {
                throw APIError.notFound("Contact")
            }
            return .json { ContactJSON.write(contact, ids, to: &$0) }
        }
    }

    private func getByEmail(_ request: APIRequest) throws -> Operation {
        guard let address = try? EmailAddress(parsing: request.parameters[0]) else {
            throw APIError(
                .badRequest, "Invalid email address format",
                details: ["field": "email", "value": .string(String(request.parameters[0].prefix(256)))])
        }
        return .read { db in
            guard let contact = try store.get(db, workspaceID: request.workspaceID, email: address) else {
                throw APIError.notFound("Contact")
            }
            return .json { ContactJSON.write(contact, ids, to: &$0) }
        }
    }

    private func list(_ request: APIRequest) throws -> Operation {
        let page = try Page(request.query)
        return .read { db in
            let total = try store.count(db, workspaceID: request.workspaceID)
            let contacts = try store.list(
                db, workspaceID: request.workspaceID, limit: page.limit, offset: page.offset)
            return page.reply(contacts, total: total) { ContactJSON.write($1, ids, to: &$0) }
        }
    }

    private func contactID(_ request: APIRequest) throws(APIError) -> Int64 {
        guard let id = ids.decode(request.parameters[0], .contact) else { throw APIError.notFound("Contact") }
        return id
    }

    /// Turns what the contact's rules refuse into answers.
    private func translating(_ body: () throws -> Reply) throws -> Reply {
        do {
            return try body()
        } catch ContactError.duplicate(let field, let holders) {
            let holders = holders.map { JSONValue.string(ids.encode($0, .contact)) }
            var details: JSONObject = ["field": .string(field)]
            details["id"] = holders.last
            if holders.count > 1 { details["ids"] = .array(holders) }
            throw APIError(.duplicateResource, "Another contact has this \(field)", details: details)
        } catch ContactError.tooLarge(let field) {
            throw APIError(
                .validationError, "\(field) would become too large for one contact", details: ["field": .string(field)])
        } catch ContactError.identifierMissing {
            throw APIError(
                .validationError, "One of email, phone and externalId must remain", details: ["field": "email"])
        }
    }
}
