package import Mail
package import SQLDatabase
import Wire

/// Why a write to a contact was refused.
package enum ContactError: Error, Equatable {
    /// Another contact holds the value.
    case duplicate(field: String, holders: [Int64])
    /// Neither email, phone nor external id would remain.
    case identifierMissing
    /// A member would outgrow what a contact may hold.
    case tooLarge(field: String)
}

/// Contacts in the database: each function is one use case inside the caller's transaction.
package struct ContactStore: Sendable {
    /// Which contact an upsert ended in.
    package enum Upserted: Sendable {
        case created(Contact)
        case updated(Contact)
    }

    package init() {}

    /// Creates a contact or changes the one that matches: by email, else by phone, else by external id (contract 10.1).
    ///
    /// A soft-deleted match is restored.
    ///
    /// - Throws: ``ContactError/duplicate(field:holders:)`` when the identifiers belong to different contacts,
    /// ``ContactError/identifierMissing`` when none is given or would remain. A concurrent insert of the same
    /// identifier surfaces as a
    ///   unique violation: running the use case again then finds the other's row.
    package func upsert(
        _ db: Connection, workspaceID: Int64, _ changes: ContactChanges, origin: WriteOrigin
    ) throws -> Upserted {
        let byEmail = try changes.email.value.flatMap {
            try find(db, workspaceID, Self.selectByEmail, $0.comparisonKey)
        }
        let byPhone = try changes.phone.value.flatMap { try find(db, workspaceID, Self.selectByPhone, $0.e164) }
        if let byEmail, let byPhone, byEmail.id != byPhone.id {
            throw ContactError.duplicate(field: "phone", holders: [byEmail.id, byPhone.id])
        }
        let byExternalID = try changes.externalID.value.flatMap {
            try find(db, workspaceID, Self.selectByExternalID, $0)
        }
        if let match = byEmail ?? byPhone {
            if let byExternalID, byExternalID.id != match.id {
                throw ContactError.duplicate(field: "externalId", holders: [match.id, byExternalID.id])
            }
            return .updated(try save(db, workspaceID, match, changes, origin))
        }
        if let byExternalID { return .updated(try save(db, workspaceID, byExternalID, changes, origin)) }
        return .created(try insert(db, workspaceID, changes, origin))
    }

    /// Changes the contact with this id, restoring it when it is soft-deleted; `nil` when there is none.
    ///
    /// - Throws: ``ContactError`` as ``upsert(_:workspaceID:_:origin:)`` does.
    package func update(
        _ db: Connection, workspaceID: Int64, id: Int64, _ changes: ContactChanges, origin: WriteOrigin
    ) throws -> Contact? {
        guard
            let contact = try db.first(Self.selectByID, [.integer(workspaceID), .integer(id)], Self.contact)
        else { return nil }
        let taken: [(field: String, holder: Contact?)] = [
            (
                "email",
                try changes.email.value.flatMap { try find(db, workspaceID, Self.selectByEmail, $0.comparisonKey) }
            ),
            ("phone", try changes.phone.value.flatMap { try find(db, workspaceID, Self.selectByPhone, $0.e164) }),
            (
                "externalId",
                try changes.externalID.value.flatMap { try find(db, workspaceID, Self.selectByExternalID, $0) }
            ),
        ]
        for case (let field, let holder?) in taken where holder.id != id {
            throw ContactError.duplicate(field: field, holders: [holder.id])
        }
        return try save(db, workspaceID, contact, changes, origin)
    }

    /// Marks a contact as deleted. Its row and identifiers stay, so that a later write can restore it.
    ///
    /// - Returns: whether there was one.
    package func delete(_ db: Connection, workspaceID: Int64, id: Int64, origin: WriteOrigin) throws -> Bool {
        let changed = try db.execute(
            Self.softDelete, [.integer(workspaceID), .integer(id), .integer(origin.at.microseconds)])
        guard changed > 0 else { return false }
        try EventStore().append(db, workspaceID: workspaceID, .contactDeleted, contactID: id, at: origin.at)
        return true
    }

    /// The contact with this id, unless it is soft-deleted.
    package func get(_ db: Connection, workspaceID: Int64, id: Int64) throws -> Contact? {
        try db.first(Self.selectLiveByID, [.integer(workspaceID), .integer(id)], Self.contact)
    }

    /// The contact that holds an email address, unless it is soft-deleted.
    package func get(_ db: Connection, workspaceID: Int64, email: EmailAddress) throws -> Contact? {
        try db.first(Self.selectLiveByEmail, [.integer(workspaceID), .text(email.comparisonKey)], Self.contact)
    }

    /// One page of the contacts that are not deleted, newest first.
    package func list(_ db: Connection, workspaceID: Int64, limit: Int, offset: Int64) throws -> [Contact] {
        try db.query(
            Self.selectPage, [.integer(workspaceID), .integer(Int64(limit)), .integer(offset)], Self.contact)
    }

    /// How many contacts are not deleted: exact, an index scan.
    package func count(_ db: Connection, workspaceID: Int64) throws -> Int64 {
        try db.first(Self.countAll, [.integer(workspaceID)]) { $0.int(0) } ?? 0
    }

    // MARK: Writing

    private func find(_ db: Connection, _ workspaceID: Int64, _ statement: Statement, _ key: String) throws -> Contact?
    {
        try db.first(statement, [.integer(workspaceID), .text(key)], Self.contact)
    }

    private func insert(
        _ db: Connection, _ workspaceID: Int64, _ changes: ContactChanges, _ origin: WriteOrigin
    ) throws -> Contact {
        let blank = Contact(
            id: 0, email: nil, phone: nil, externalID: nil, firstName: nil, lastName: nil, language: nil,
            status: .active, source: origin.source, tagsJSON: "[]", customFieldsJSON: "{}", emailConsent: nil,
            whatsAppConsent: nil, createdAt: origin.at, updatedAt: origin.at, deletedAt: nil)
        let draft = try Self.applied(changes, to: blank, at: origin.at)
        let id = try db.first(Self.insert, Self.values(draft, workspaceID: workspaceID)) { $0.int(0) }
        guard let id else { throw StoreError.rowMissing }
        let contact = draft.with(id: id)
        try logConsent(db, workspaceID, before: blank, after: contact, origin)
        try EventStore().append(db, workspaceID: workspaceID, .contactCreated, contactID: id, at: origin.at)
        return contact
    }

    private func save(
        _ db: Connection, _ workspaceID: Int64, _ old: Contact, _ changes: ContactChanges, _ origin: WriteOrigin
    ) throws -> Contact {
        let contact = try Self.applied(changes, to: old, at: origin.at)
        try db.execute(Self.update, Self.values(contact, workspaceID: workspaceID) + [.integer(old.id)])
        try logConsent(db, workspaceID, before: old, after: contact, origin)
        try EventStore().append(db, workspaceID: workspaceID, .contactUpdated, contactID: old.id, at: origin.at)
        return contact
    }

    private func logConsent(
        _ db: Connection, _ workspaceID: Int64, before: Contact, after: Contact, _ origin: WriteOrigin
    ) throws {
        let channels = [
            ("email", before.emailConsent, after.emailConsent),
            ("whatsapp", before.whatsAppConsent, after.whatsAppConsent),
        ]
        for case (let channel, let old, let granted?) in channels where old != granted {
            try db.execute(
                Self.insertConsent,
                [
                    .integer(workspaceID), .integer(after.id), .text(channel), .boolean(granted),
                    .text(origin.source.rawValue), .optional(origin.requestID), .integer(origin.at.microseconds),
                ])
        }
    }

    /// The most tags of a contact.
    private static let tagLimit = 250
    /// The most bytes of a contact's custom fields as JSON.
    private static let customFieldsLimit = 256 << 10

    private static func applied(_ changes: ContactChanges, to old: Contact, at now: Timestamp) throws -> Contact {
        var contact = old
        if case .set(let address) = changes.email {
            contact.email = address.description
        } else if case .clear = changes.email {
            contact.email = nil
        }
        if case .set(let number) = changes.phone {
            contact.phone = number.e164
        } else if case .clear = changes.phone {
            contact.phone = nil
        }
        contact.externalID = changes.externalID.applied(to: old.externalID)
        contact.firstName = changes.firstName.applied(to: old.firstName)
        contact.lastName = changes.lastName.applied(to: old.lastName)
        contact.language = changes.language.applied(to: old.language)
        guard contact.email != nil || contact.phone != nil || contact.externalID != nil else {
            throw ContactError.identifierMissing
        }
        switch changes.tags {
        case .keep: break
        case .replace(let tags): contact.tagsJSON = encoded(tags)
        case .edit(let add, let remove):
            let removed = Set(remove)
            contact.tagsJSON = encoded(old.tags.filter { !removed.contains($0) } + add)
            guard contact.tags.count <= tagLimit else { throw ContactError.tooLarge(field: "addTags") }
        }
        if !changes.customFields.isEmpty {
            contact.customFieldsJSON =
                JSONValue.object(old.customFields.merging(changes.customFields)).serialized()
            guard contact.customFieldsJSON.utf8.count <= customFieldsLimit else {
                throw ContactError.tooLarge(field: "customFields")
            }
        }
        contact.emailConsent = changes.emailConsent ?? old.emailConsent
        contact.whatsAppConsent = changes.whatsAppConsent ?? old.whatsAppConsent
        contact.updatedAt = now
        contact.deletedAt = nil
        return contact
    }

    /// Tags as a JSON array without repetitions, in the order of their first appearance.
    private static func encoded(_ tags: [String]) -> String {
        var seen = Set<String>()
        return JSONValue.array(tags.filter { seen.insert($0).inserted }.map { .string($0) }).serialized()
    }
}

extension Contact {
    fileprivate func with(id: Int64) -> Contact {
        Contact(
            id: id, email: email, phone: phone, externalID: externalID, firstName: firstName, lastName: lastName,
            language: language, status: status, source: source, tagsJSON: tagsJSON, customFieldsJSON: customFieldsJSON,
            emailConsent: emailConsent, whatsAppConsent: whatsAppConsent, createdAt: createdAt, updatedAt: updatedAt,
            deletedAt: deletedAt)
    }
}
