/// The value of one setting or input, before it has a type of its own.
package enum FieldValue: Sendable, Hashable {
    case text(String)
    case integer(Int64)
    case flag(Bool)
    case list([String])

    /// The value as a person writes it on one line.
    package var text: String {
        switch self {
        case .text(let text): text
        case .integer(let number): String(number)
        case .flag(let flag): flag ? "true" : "false"
        case .list(let items): items.joined(separator: ",")
        }
    }
}

/// What a field accepts.
package enum FieldKind: Sendable, Hashable {
    case text
    case integer
    case flag
    case list
    /// One of a few words.
    case choice([String])
    /// A number of bytes, with an optional unit: `16MiB`, `1000GB`.
    case size
    /// A length of time in seconds, or with units: `2h30m`.
    case duration

    /// The word that stands for a value in usage texts.
    package var placeholder: String {
        switch self {
        case .text: "text"
        case .integer: "number"
        case .flag: "true|false"
        case .list: "item,…"
        case .choice(let words): words.joined(separator: "|")
        case .size: "size"
        case .duration: "time"
        }
    }

    /// Reads a value from text; the problem is a phrase that fits after "is".
    package func parse(_ text: String) throws(FieldProblem) -> FieldValue {
        switch self {
        case .text:
            return .text(text)
        case .integer:
            guard let number = Int64(text) else { throw FieldProblem("“\(text)” is not a whole number") }
            return .integer(number)
        case .flag:
            switch text.lowercased() {
            case "true", "yes", "on", "1": return .flag(true)
            case "false", "no", "off", "0": return .flag(false)
            default: throw FieldProblem("“\(text)” is not true or false")
            }
        case .list:
            return .list(text.split(separator: ",").map(String.init))
        case .choice(let words):
            guard words.contains(text) else {
                throw FieldProblem("“\(text)” is not one of \(words.joined(separator: ", "))")
            }
            return .text(text)
        case .size:
            guard let count = ByteCount(text) else {
                throw FieldProblem("“\(text)” is not a size such as 16MiB or 1000GB")
            }
            return .integer(Int64(clamping: count.bytes))
        case .duration:
            guard let span = TimeSpan(text) else {
                throw FieldProblem("“\(text)” is not a length of time such as 90s or 2h30m")
            }
            return .integer(span.seconds)
        }
    }
}

/// Why a value does not fit a field, as a phrase.
package struct FieldProblem: Error, Sendable, Hashable {
    package let phrase: String

    package init(_ phrase: String) { self.phrase = phrase }
}

/// A type that a field may have.
package protocol FieldConvertible: Sendable {
    /// What the field accepts.
    static var fieldKind: FieldKind { get }

    /// Takes a value of that kind.
    init(field: FieldValue) throws(FieldProblem)

    /// The value, or nil where nothing is set.
    var fieldValue: FieldValue? { get }
}

extension String: FieldConvertible {
    package static var fieldKind: FieldKind { .text }
    package init(field: FieldValue) throws(FieldProblem) { self = field.text }
    package var fieldValue: FieldValue? { isEmpty ? nil : .text(self) }
}

extension Int: FieldConvertible {
    package static var fieldKind: FieldKind { .integer }
    package init(field: FieldValue) throws(FieldProblem) {
        guard case .integer(let number) = field else { throw FieldProblem("“\(field.text)” is not a whole number") }
        self = Int(number)
    }
    package var fieldValue: FieldValue? { .integer(Int64(self)) }
}

extension Bool: FieldConvertible {
    package static var fieldKind: FieldKind { .flag }
    package init(field: FieldValue) throws(FieldProblem) {
        guard case .flag(let flag) = field else { throw FieldProblem("“\(field.text)” is not true or false") }
        self = flag
    }
    package var fieldValue: FieldValue? { .flag(self) }
}

extension [String]: FieldConvertible {
    package static var fieldKind: FieldKind { .list }
    package init(field: FieldValue) throws(FieldProblem) {
        if case .list(let items) = field { self = items } else { self = [field.text] }
    }
    package var fieldValue: FieldValue? { isEmpty ? nil : .list(self) }
}

extension ByteCount: FieldConvertible {
    package static var fieldKind: FieldKind { .size }
    package init(field: FieldValue) throws(FieldProblem) {
        guard case .integer(let number) = field, number >= 0 else {
            throw FieldProblem("“\(field.text)” is not a size")
        }
        self.init(UInt64(number))
    }
    package var fieldValue: FieldValue? { .integer(Int64(clamping: bytes)) }
}

extension Optional: FieldConvertible where Wrapped: FieldConvertible {
    package static var fieldKind: FieldKind { Wrapped.fieldKind }
    package init(field: FieldValue) throws(FieldProblem) { self = try Wrapped(field: field) }
    package var fieldValue: FieldValue? { self?.fieldValue }
}

/// A set of words as a field: `enum Addressing: String, CaseIterable, FieldChoice`.
package protocol FieldChoice: FieldConvertible, RawRepresentable<String>, CaseIterable {}

extension FieldChoice {
    package static var fieldKind: FieldKind { .choice(allCases.map(\.rawValue)) }
    package init(field: FieldValue) throws(FieldProblem) {
        guard let value = Self(rawValue: field.text) else {
            throw FieldProblem("“\(field.text)” is not one of \(Self.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self = value
    }
    package var fieldValue: FieldValue? { .text(rawValue) }
}
