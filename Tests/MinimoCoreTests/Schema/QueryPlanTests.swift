import MinimoTesting
import SQLDatabase
import Testing

@testable import MinimoCore

/// No statement that runs for each request may read a whole table.
@Suite struct QueryPlanTests {
    private static let statements: [(name: String, statement: Statement, arguments: [SQLValue])] = [
        ("key", APIKeyStore.selectByHash, [.blob([1]), 1]),
        ("contact", ContactStore.selectByID, [1, 1]),
        ("contact by email", ContactStore.selectByEmail, [1, "a@example.com"]),
        ("contact by phone", ContactStore.selectByPhone, [1, "+12025550123"]),
        ("contact by external id", ContactStore.selectByExternalID, [1, "1"]),
        ("live contact", ContactStore.selectLiveByID, [1, 1]),
        ("live contact by email", ContactStore.selectLiveByEmail, [1, "a@example.com"]),
        ("contacts", ContactStore.selectPage, [1, 10, 0]),
        ("count of contacts", ContactStore.countAll, [1]),
        ("update of a contact", ContactStore.softDelete, [1, 1, 1]),
        ("template", EmailTemplateStore.select, [1, 1]),
        ("version", EmailTemplateStore.selectVersion, [1, 1, 1]),
        ("templates", EmailTemplateStore.selectPage, [1, 10, 0]),
        ("count of templates", EmailTemplateStore.countAll, [1]),
        ("sender", SenderDomainStore.selectByDomain, [1, "acme.example"]),
    ]

    private static let tables = [
        "contacts", "email_templates", "email_template_versions", "api_keys", "api_key_secrets", "sender_domains", "k",
        "s", "w", "c",
    ]

    @Test(arguments: TestEngine.allCases)
    func noScans(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            for (name, statement, arguments) in Self.statements {
                let plan = try await QueryPlan(database, statement, arguments)
                #expect(!plan.steps.isEmpty)
                #expect(plan.scans(of: Self.tables) == [], "\(name): \(plan.steps)")
            }
        }
    }

    /// The newest contacts come out of the index in their order: the cost of a page does not grow with the table.
    @Test(arguments: TestEngine.allCases)
    func pagesAreNotSorted(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            for statement in [ContactStore.selectPage, EmailTemplateStore.selectPage] {
                let plan = try await QueryPlan(database, statement, [1, 10, 0])
                #expect(!plan.steps.contains { $0.contains("TEMP B-TREE") || $0.contains("Sort") }, "\(plan.steps)")
            }
        }
    }
}
