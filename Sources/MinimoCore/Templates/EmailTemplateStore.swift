package import SQLDatabase
package import Wire

/// Email templates in the database: each function is one use case inside the caller's transaction.
package struct EmailTemplateStore: Sendable {
    package init() {}

    /// Creates a template as its version 1. New templates are `active` unless the caller says otherwise.
    ///
    /// - Throws: ``EmailTemplateRefusal`` when a part does not parse or there is no body.
    package func create(
        _ db: Connection, workspaceID: Int64, _ changes: EmailTemplateChanges, now: Timestamp
    ) throws -> EmailTemplate {
        let blank = EmailTemplate(
            id: 0, name: "", category: .transactional, status: .active, version: 1,
            source: EmailTemplateSource(subject: "", preheader: nil, html: nil, text: nil), variablesJSON: "[]",
            createdAt: now, updatedAt: now)
        var template = try Self.applied(changes, to: blank, now: now)
        template.version = 1
        let id = try db.first(
            Self.insert, [.integer(workspaceID)] + Self.values(template) + [.integer(now.microseconds)]
        ) { $0.int(0) }
        guard let id else { throw StoreError.rowMissing }
        try insertVersion(db, workspaceID: workspaceID, templateID: id, template, now: now)
        return template.with(id: id)
    }

    /// Changes a template; a change of its content makes a new version. `nil` when there is none with this id.
    ///
    /// - Throws: ``EmailTemplateRefusal`` when a part does not parse or no body would remain.
    package func update(
        _ db: Connection, workspaceID: Int64, id: Int64, _ changes: EmailTemplateChanges, now: Timestamp
    ) throws -> EmailTemplate? {
        guard let old = try db.first(Self.selectForUpdate, [.integer(workspaceID), .integer(id)], Self.template)
        else { return nil }
        let template = try Self.applied(changes, to: old, now: now)
        try db.execute(Self.update, [.integer(workspaceID)] + Self.values(template) + [.integer(id)])
        if template.version != old.version {
            try insertVersion(db, workspaceID: workspaceID, templateID: id, template, now: now)
        }
        return template
    }

    /// Deletes a template. Its versions stay: messages that were accepted with it are still sent.
    ///
    /// - Returns: whether there was one.
    package func delete(_ db: Connection, workspaceID: Int64, id: Int64, now: Timestamp) throws -> Bool {
        try db.execute(Self.softDelete, [.integer(workspaceID), .integer(id), .integer(now.microseconds)]) > 0
    }

    /// The template with this id, unless it is deleted.
    package func get(_ db: Connection, workspaceID: Int64, id: Int64) throws -> EmailTemplate? {
        try db.first(Self.select, [.integer(workspaceID), .integer(id)], Self.template)
    }

    /// One page of the templates, newest first, with their bodies left empty.
    package func list(_ db: Connection, workspaceID: Int64, limit: Int, offset: Int64) throws -> [EmailTemplate] {
        try db.query(
            Self.selectPage, [.integer(workspaceID), .integer(Int64(limit)), .integer(offset)], Self.template)
    }

    /// How many templates there are.
    package func count(_ db: Connection, workspaceID: Int64) throws -> Int64 {
        try db.first(Self.countAll, [.integer(workspaceID)]) { $0.int(0) } ?? 0
    }

    /// The content of one version, also of a deleted template.
    package func source(
        _ db: Connection, workspaceID: Int64, templateID: Int64, version: Int64
    ) throws -> EmailTemplateSource? {
        try db.first(
            Self.selectVersion, [.integer(workspaceID), .integer(templateID), .integer(version)]
        ) { row in
            EmailTemplateSource(
                subject: row.text(0), preheader: row.optionalText(1), html: row.optionalText(2),
                text: row.optionalText(3))
        }
    }

    private func insertVersion(
        _ db: Connection, workspaceID: Int64, templateID: Int64, _ template: EmailTemplate, now: Timestamp
    ) throws {
        try db.execute(
            Self.insertVersion,
            [
                .integer(workspaceID), .integer(templateID), .integer(template.version),
                .text(template.source.subject), .optional(template.source.preheader), .optional(template.source.html),
                .optional(template.source.text), .integer(now.microseconds),
            ])
    }

    private static func applied(
        _ changes: EmailTemplateChanges, to old: EmailTemplate, now: Timestamp
    ) throws -> EmailTemplate {
        var template = old
        template.name = changes.name ?? old.name
        template.category = changes.category ?? old.category
        template.status = changes.status ?? old.status
        template.updatedAt = now
        template.source = EmailTemplateSource(
            subject: changes.subject ?? old.source.subject,
            preheader: changes.preheader.applied(to: old.source.preheader),
            html: changes.html.applied(to: old.source.html), text: changes.text.applied(to: old.source.text))
        guard template.source.html != nil || template.source.text != nil else { throw EmailTemplateRefusal.bodyMissing }
        guard template.source != old.source else { return template }
        do throws(EmailTemplateError) {
            let compiled = try CompiledEmailTemplate(template.source)
            template.variablesJSON = JSONValue.array(compiled.variables.map { .string($0.name) }).serialized()
        } catch {
            throw EmailTemplateRefusal.syntax(error)
        }
        template.version = old.version + 1
        return template
    }
}

extension EmailTemplate {
    fileprivate func with(id: Int64) -> EmailTemplate {
        EmailTemplate(
            id: id, name: name, category: category, status: status, version: version, source: source,
            variablesJSON: variablesJSON, createdAt: createdAt, updatedAt: updatedAt)
    }
}

extension EmailTemplateStore {
    private static func template(_ row: Row) -> EmailTemplate {
        EmailTemplate(
            id: row.int(0), name: row.text(1), category: MessageCategory(rawValue: row.text(2)) ?? .transactional,
            status: EmailTemplate.Status(rawValue: row.text(3)) ?? .draft, version: row.int(4),
            source: EmailTemplateSource(
                subject: row.text(5), preheader: row.optionalText(6), html: row.optionalText(7),
                text: row.optionalText(8)),
            variablesJSON: row.text(9), createdAt: Timestamp(microseconds: row.int(10)),
            updatedAt: Timestamp(microseconds: row.int(11)))
    }

    /// The values of `$2` to `$11`.
    private static func values(_ template: EmailTemplate) -> [SQLValue] {
        [
            .text(template.name), .text(template.category.rawValue), .text(template.status.rawValue),
            .integer(template.version), .text(template.source.subject), .optional(template.source.preheader),
            .optional(template.source.html), .optional(template.source.text), .text(template.variablesJSON),
            .integer(template.updatedAt.microseconds),
        ]
    }

    private static let columns = """
        id, name, category, status, version, subject, preheader, html, text, variables, created_at, updated_at
        """
    private static let insert = Statement(
        """
        INSERT INTO email_templates
            (workspace_id, name, category, status, version, subject, preheader, html, text, variables, updated_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id
        """)
    private static let update = Statement(
        """
        UPDATE email_templates SET name = $2, category = $3, status = $4, version = $5, subject = $6, preheader = $7,
            html = $8, text = $9, variables = $10, updated_at = $11
        WHERE workspace_id = $1 AND id = $12
        """)
    private static let insertVersion = Statement(
        """
        INSERT INTO email_template_versions
            (workspace_id, template_id, version, subject, preheader, html, text, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """)
    static let select = Statement(
        "SELECT \(columns) FROM email_templates WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL")
    static let selectForUpdate = Statement {
        """
        SELECT \(columns) FROM email_templates WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL
        \($0.forUpdate)
        """
    }
    static let selectVersion = Statement(
        """
        SELECT subject, preheader, html, text FROM email_template_versions
        WHERE workspace_id = $1 AND template_id = $2 AND version = $3
        """)
    static let selectPage = Statement(
        """
        SELECT id, name, category, status, version, subject, preheader, NULL, NULL, variables, created_at, updated_at
        FROM email_templates WHERE workspace_id = $1 AND deleted_at IS NULL
        ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3
        """)
    static let countAll = Statement(
        "SELECT COUNT(*) FROM email_templates WHERE workspace_id = $1 AND deleted_at IS NULL")
    private static let softDelete = Statement(
        """
        UPDATE email_templates SET deleted_at = $3, updated_at = $3
        WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL
        """)
}
