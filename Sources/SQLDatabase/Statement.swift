import Synchronization

/// One SQL text, usable on both engines.
///
/// Make it once, as a `static let`: each connection keeps the prepared form under the statement's identity, so a
/// statement made anew for each call is prepared anew each time. Placeholders are `$1`, `$2`…; the same placeholder may
/// occur several times and in any order. The text is a constant of the program: values travel as arguments only, which
/// is why errors may quote it.
package struct Statement: Sendable {
    let text: StatementText

    /// A text that both engines understand.
    package init(_ sql: String) {
        text = StatementText(sqlite: sql, postgres: sql)
    }

    /// A text with parts that differ between the engines. The closure runs once per engine, here.
    package init(_ build: (Dialect) -> String) {
        text = StatementText(sqlite: build(.sqlite), postgres: build(.postgres))
    }

    /// The text for one engine.
    package func sql(for dialect: Dialect) -> String {
        switch dialect.engine {
        case .sqlite: text.sqlite
        case .postgres: text.postgres
        }
    }
}

/// The shared part of a statement: copying a `Statement` costs one reference.
final class StatementText: Sendable {
    private static let counter = Atomic<Int>(0)

    /// The identity under which connections cache the prepared statement.
    let id: Int
    let sqlite: String
    let postgres: String

    init(sqlite: String, postgres: String) {
        id = Self.counter.wrappingAdd(1, ordering: .relaxed).newValue
        self.sqlite = sqlite
        self.postgres = postgres
    }
}
