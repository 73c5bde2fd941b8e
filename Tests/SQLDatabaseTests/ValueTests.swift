import MinimoTesting
import SQLDatabase
import Testing

/// Every kind of value goes in and comes out alike on both engines.
@Suite struct ValueTests {
    @Test(arguments: TestEngine.allCases)
    func integersFlagsAndDoubles(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine) { database in
            try await database.write { db in
                try db.execute(
                    Statement {
                        "CREATE TABLE v (i \($0.bigint), f \($0.boolean), d \($0.double)) \($0.tableOptions)"
                    })
                let insert = Statement("INSERT INTO v (i, f, d) VALUES ($1, $2, $3)")
                try db.execute(insert, [.integer(.min), true, -1.5e-300])
                try db.execute(insert, [.integer(.max), false, .real(.infinity)])
                try db.execute(insert, [0, nil, 0.1])
                try db.execute(insert, [nil, true, nil])
            }
            let rows = try await database.read { db in
                try db.query(Statement("SELECT i, f, d FROM v ORDER BY i NULLS LAST")) {
                    Values(i: $0.optionalInt(0), f: $0.optionalBool(1), d: $0.optionalDouble(2))
                }
            }
            #expect(
                rows == [
                    Values(i: .min, f: true, d: -1.5e-300), Values(i: 0, f: nil, d: 0.1),
                    Values(i: .max, f: false, d: .infinity), Values(i: nil, f: true, d: nil),
                ])
        }
    }

    private struct Values: Equatable {
        let i: Int64?
        let f: Bool?
        let d: Double?
    }

    @Test(arguments: TestEngine.allCases)
    func textsAndBytes(_ engine: TestEngine) async throws {
        let texts = [
            "", "a", "é\u{0}".replacing("\u{0}", with: ""), "日本語 👩‍👩‍👧", "a\r\nb\tc", "'\"\\{},NULL", "\u{1}\u{7F}",
        ]
        let blobs: [[UInt8]] = [[], [0], [0, 1, 2, 255], Array(0...255), [UInt8](repeating: 0, count: 100_000)]
        try await withTestDatabase(engine) { database in
            try await database.write { db in
                try db.execute(
                    Statement { "CREATE TABLE v (id \($0.bigint), t \($0.text), b \($0.blob)) \($0.tableOptions)" })
                let insert = Statement("INSERT INTO v (id, t, b) VALUES ($1, $2, $3)")
                for (id, text) in texts.enumerated() {
                    try db.execute(insert, [.integer(Int64(id)), .text(text), nil])
                }
                for (id, blob) in blobs.enumerated() {
                    try db.execute(insert, [.integer(Int64(100 + id)), nil, .blob(blob)])
                }
            }
            let (texts2, blobs2) = try await database.read { db in
                (
                    try db.query(Statement("SELECT t FROM v WHERE id < 100 ORDER BY id")) { Array($0.text(0).utf8) },
                    try db.query(Statement("SELECT b FROM v WHERE id >= 100 ORDER BY id")) { $0.blob(0) }
                )
            }
            #expect(texts2 == texts.map { Array($0.utf8) })
            #expect(blobs2 == blobs)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func nullsAreSeen(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine) { database in
            let seen = try await database.read { db in
                try db.first(Statement("SELECT CAST($1 AS TEXT), CAST($2 AS TEXT)"), [nil, ""]) { row in
                    [row.isNull(0), row.isNull(1), row.optionalText(0) == nil, row.optionalText(1) == ""]
                }
            }
            #expect(seen == [true, false, true, true])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func placeholdersAreBoundByNumber(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine) { database in
            let values = try await database.read { db in
                try db.first(
                    Statement("SELECT CAST($2 AS BIGINT), CAST($1 AS BIGINT), CAST($2 AS BIGINT)"), [10, 20]
                ) { [$0.int(0), $0.int(1), $0.int(2)] }
            }
            #expect(values == [20, 10, 20])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func listsAsArguments(_ engine: TestEngine) async throws {
        let texts = ["", "plain", "a,b", "{x}", "q\"uote", "back\\slash", "'", "NULL", "line\nbreak", "é👍", "\u{1}"]
        try await withTestDatabase(engine) { database in
            let result = try await database.write { db in
                try db.execute(
                    Statement { "CREATE TABLE v (id \($0.bigint), t \($0.text)) \($0.tableOptions)" })
                let rows = texts.enumerated().map { [SQLValue.integer(Int64($0.offset)), .text($0.element)] }
                _ = try db.executeEach(Statement("INSERT INTO v (id, t) VALUES ($1, $2)"), rows)
                let byText = Statement { "SELECT t FROM v WHERE \($0.isIn("t", "$1", .text)) ORDER BY id" }
                let byNumber = Statement { "SELECT id FROM v WHERE \($0.isIn("id", "$1", .integer)) ORDER BY id" }
                return (
                    all: try db.query(byText, [.texts(texts)]) { $0.text(0) },
                    one: try db.query(byText, [.texts(["a,b"])]) { $0.text(0) },
                    none: try db.query(byText, [.texts([])]) { $0.text(0) },
                    numbers: try db.query(byNumber, [.integers([3, 1, -5, .max])]) { $0.int(0) },
                    noNumbers: try db.query(byNumber, [.integers([])]) { $0.int(0) }
                )
            }
            #expect(result.all == texts)
            #expect(result.one == ["a,b"])
            #expect(result.none == [])
            #expect(result.numbers == [1, 3])
            #expect(result.noNumbers == [])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func textIsOrderedByBytesAndJSONPathsAreRead(_ engine: TestEngine) async throws {
        try await withTestDatabase(engine) { database in
            let (order, path) = try await database.write { db in
                try db.execute(Statement { "CREATE TABLE v (t \($0.text)) \($0.tableOptions)" })
                _ = try db.executeEach(
                    Statement("INSERT INTO v (t) VALUES ($1)"), [["b"], ["a"], ["B"], ["é"], ["_"]])
                let document = #"{"a.b":{"it's":"found"},"a":{"b":"wrong"}}"#
                return (
                    try db.query(Statement("SELECT t FROM v ORDER BY t")) { $0.text(0) },
                    try db.first(
                        Statement { "SELECT \($0.jsonText("CAST($1 AS TEXT)", ["a.b", "it's"]))" }, [.text(document)]
                    ) { $0.optionalText(0) }
                )
            }
            #expect(order == ["B", "_", "a", "b", "é"])
            #expect(path == "found")
        }
    }

    @Test(arguments: TestEngine.allCases)
    func zeroInTextIsRefused(_ engine: TestEngine) async throws {
        try await Fixture.run(engine) { database in
            for argument in [SQLValue.text("a\u{0}b"), .texts(["a\u{0}"])] {
                let error = try await databaseError {
                    try await database.read { db in
                        try db.first(Statement("SELECT CAST($1 AS TEXT)"), [argument]) { $0.text(0) }
                    }
                }
                if engine == .postgres || argument == .text("a\u{0}b") { #expect(error?.code == .other) }
            }
            // In the middle of a batch: nothing of it stays, and the connection goes on.
            let error = try await databaseError {
                try await database.write { db in
                    try db.executeEach(
                        Statement("INSERT INTO people (workspace_id, email) VALUES (1, $1)"),
                        [["a"], ["b\u{0}"], ["c"]])
                }
            }
            #expect(error?.code == .other)
            let count = try await database.read { try $0.count() }
            #expect(count == 0)
            #expect(database.statistics.reconnects == 0)
        }
    }
}
