package import Schema

/// What of a pin rules are about.
package struct PinFacts: Sendable {
    package let name: String
    /// What else somebody wrote about it: an object, where it is one.
    package let metadata: JSON
    /// The length of its CAR in bytes; nil where nobody knows it.
    package let size: UInt64?
    package let createdAt: Timestamp
    /// The moment for which ages are meant.
    package let now: Timestamp

    package init(name: String, metadata: JSON, size: UInt64?, createdAt: Timestamp, now: Timestamp) {
        (self.name, self.metadata, self.size, self.createdAt, self.now) = (name, metadata, size, createdAt, now)
    }
}

/// What a rule asks of a pin: `name ~ "photos-*" and size > 1GiB and not age < 30d`.
///
/// Three values (Kleene, Introduction to Metamathematics, 1952, § 64): what is not known, such as the length of what
/// nobody stored yet, makes neither a test nor its opposite true.
package struct PinCondition: Sendable, Hashable, CustomStringConvertible {
    indirect enum Term: Sendable, Hashable {
        case all([Term])
        case any([Term])
        case not(Term)
        case test(PinTest)
    }

    let term: Term
    /// The text that it was read from.
    package let description: String

    /// Reads one; throws where it is none, with what was expected, and where.
    package init(_ text: String) throws(PinConditionProblem) {
        var reader = PinConditionReader(try PinConditionWord.words(of: text))
        term = try reader.read()
        description = text
    }

    /// Whether it asks how long the CARs of pins are.
    package var asksForSizes: Bool { term.asks(for: .size) }

    /// Whether a pin is what it asks for; nil where that is not known.
    package func holds(for pin: PinFacts) -> Bool? { term.holds(for: pin) }
}

/// Why a text is no condition, and at which of its characters, counted from 1.
package struct PinConditionProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String
    package let place: Int

    package var description: String { "at character \(place): \(message)" }
}

extension PinCondition.Term {
    func asks(for property: PinTest.Property) -> Bool {
        switch self {
        case .test(let test): test.property == property
        case .not(let term): term.asks(for: property)
        case .all(let terms), .any(let terms): terms.contains { $0.asks(for: property) }
        }
    }

    func holds(for pin: PinFacts) -> Bool? {
        switch self {
        case .test(let test): return test.holds(for: pin)
        case .not(let term): return term.holds(for: pin).map { !$0 }
        case .all(let terms): return Self.joined(terms.lazy.map { $0.holds(for: pin) }, decides: false)
        case .any(let terms): return Self.joined(terms.lazy.map { $0.holds(for: pin) }, decides: true)
        }
    }

    /// One that `decides` does so whatever the others are; else one that is not known leaves all unknown.
    private static func joined(_ values: some Sequence<Bool?>, decides: Bool) -> Bool? {
        var isKnown = true
        for value in values {
            if value == decides { return decides }
            if value == nil { isKnown = false }
        }
        return isKnown ? !decides : nil
    }
}
