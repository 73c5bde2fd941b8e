import MinimoCore
import MinimoTesting
import SQLDatabase
import Testing
import Wire

@Suite struct SandboxTests {
    @Test(arguments: [
        ("bounce@example.com", SandboxScenario.bounce), ("BOUNCE+tag@x.example", .bounce),
        ("softbounce@x.example", .softbounce), ("complaint@x.example", .complaint), ("reject+1+2@x.example", .reject),
        ("open@x.example", .open), ("click@x.example", .click), ("slow@x.example", .slow), ("limit@x.example", .limit),
        ("bouncer@x.example", .delivered), ("jane+bounce@x.example", .delivered), ("delivered@x.example", .delivered),
        ("opén@x.example", .delivered),
    ])
    func scenarioOfAnAddress(_ address: String, _ expected: SandboxScenario) {
        #expect(SandboxScenario(email: address) == expected)
    }

    @Test(arguments: TestEngine.allCases)
    func keepsWhatItGot(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine, migrations: Schema.migrations) { database in
            let store = SandboxStore()
            try await database.write { db in
                func keep(_ workspace: Int64, _ message: Int64, _ content: String, at second: Int64) throws {
                    try store.keep(
                        db, workspaceID: workspace, channel: .email, messageID: message, to: "open@x.example",
                        from: "A <a@x.example>", subject: "S", content: content, outcome: .open,
                        now: Timestamp(seconds: second))
                }
                try keep(1, 7, "first", at: 10)
                try keep(1, 8, "second", at: 11)
                try keep(2, 9, "other workspace", at: 12)
                try keep(1, 7, "first again", at: 13)
                #expect(try store.count(db, workspaceID: 1) == 2)
                let page = try store.list(db, workspaceID: 1, limit: 10, offset: 0)
                #expect(page.map(\.messageID) == [8, 7])
                #expect(page.map(\.content) == ["second", "first again"])
                #expect(page[1].outcome == .open)
                #expect(page[1].createdAt == Timestamp(seconds: 13))
                #expect(try store.get(db, workspaceID: 2, id: page[0].id) == nil)
                #expect(try store.get(db, workspaceID: 1, id: page[0].id) == page[0])
                #expect(try store.get(db, workspaceID: 1, messageID: 7) == page[1])
            }
        }
    }
}
