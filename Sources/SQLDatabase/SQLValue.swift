/// What a placeholder `$n` is bound to.
///
/// The two lists are for `Dialect.isIn`: PostgreSQL receives an array literal, SQLite a JSON array.
package enum SQLValue: Sendable, Equatable {
    case null
    case integer(Int64)
    /// A finite or non-finite double. SQLite stores NaN as NULL.
    case real(Double)
    /// Text without U+0000, which PostgreSQL cannot store: such a text makes the statement throw on both engines.
    case text(String)
    case blob([UInt8])
    /// TRUE or FALSE; SQLite stores 1 or 0.
    case boolean(Bool)
    case integers([Int64])
    case texts([String])
}

extension SQLValue {
    /// The value, or NULL.
    package static func optional(_ value: Int64?) -> SQLValue { value.map(SQLValue.integer) ?? .null }

    /// The value, or NULL.
    package static func optional(_ value: String?) -> SQLValue { value.map(SQLValue.text) ?? .null }

    /// The value, or NULL.
    package static func optional(_ value: Bool?) -> SQLValue { value.map(SQLValue.boolean) ?? .null }

    /// The value, or NULL.
    package static func optional(_ value: [UInt8]?) -> SQLValue { value.map(SQLValue.blob) ?? .null }

    /// The value, or NULL.
    package static func optional(_ value: Double?) -> SQLValue { value.map(SQLValue.real) ?? .null }
}

extension SQLValue: ExpressibleByNilLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral, ExpressibleByBooleanLiteral
{
    package init(nilLiteral: ()) { self = .null }

    package init(integerLiteral value: Int64) { self = .integer(value) }

    package init(floatLiteral value: Double) { self = .real(value) }

    package init(stringLiteral value: String) { self = .text(value) }

    package init(booleanLiteral value: Bool) { self = .boolean(value) }
}
