/// One step of the schema's history. Frozen once it has landed: later changes are new migrations.
package struct Migration: Sendable {
    /// Its place in the history, from 1 upwards.
    package let number: Int

    /// What it does, in a few words.
    package let name: String

    /// Its SQL for an engine: one statement per text.
    package let statements: @Sendable (Dialect) -> [String]

    package init(number: Int, name: String, statements: @escaping @Sendable (Dialect) -> [String]) {
        self.number = number
        self.name = name
        self.statements = statements
    }

    /// Tells a text from a changed one; no defence against an attacker (FNV-1a with 64 bits).
    func checksum(for dialect: Dialect) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for statement in statements(dialect) {
            for byte in statement.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
            // Moving text from one statement to the next is a change.
            hash = (hash ^ 0xFF) &* 0x0000_0100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Why the schema cannot be brought up to date. The description says what to do.
package struct MigrationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: String, Sendable {
        /// The program's list is not numbered upwards from 1.
        case invalidList
        /// A migration that was applied has another text now.
        case changed
        /// The database has migrations that this program does not know.
        case newerDatabase
        /// A migration is missing before one that was applied.
        case missing
    }

    package let code: Code

    /// The migration concerned.
    package let number: Int
    package let description: String

    init(_ code: Code, _ number: Int, _ description: String) {
        self.code = code
        self.number = number
        self.description = description
    }
}
