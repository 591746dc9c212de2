/// One value given to a statement: SQLite's five storage classes.
package enum SQLValue: Sendable, Hashable {
    /// `NULL`.
    case null

    /// A 64-bit whole number.
    case integer(Int64)

    /// A floating-point number.
    case real(Double)

    /// Text, which may contain NUL.
    case text(String)

    /// Bytes.
    case blob([UInt8])
}

extension SQLValue {
    /// The integer, or `NULL` where there is none.
    package static func integer(_ value: Int64?) -> SQLValue {
        value.map { .integer($0) } ?? .null
    }

    /// The number, or `NULL` where there is none.
    package static func real(_ value: Double?) -> SQLValue {
        value.map { .real($0) } ?? .null
    }

    /// The text, or `NULL` where there is none.
    package static func text(_ value: String?) -> SQLValue {
        value.map { .text($0) } ?? .null
    }

    /// The bytes, or `NULL` where there are none.
    package static func blob(_ value: [UInt8]?) -> SQLValue {
        value.map { .blob($0) } ?? .null
    }
}

extension SQLValue: ExpressibleByNilLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    package init(nilLiteral: ()) {
        self = .null
    }

    package init(integerLiteral value: Int64) {
        self = .integer(value)
    }

    package init(floatLiteral value: Double) {
        self = .real(value)
    }
}

extension SQLValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral {
    package init(stringLiteral value: String) {
        self = .text(value)
    }

    package init(booleanLiteral value: Bool) {
        self = .integer(value ? 1 : 0)
    }
}
