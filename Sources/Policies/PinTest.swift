internal import Schema

/// One test of a condition: a property of a pin, compared with a value.
struct PinTest: Sendable, Hashable {
    /// What is compared.
    enum Property: Sendable, Hashable {
        case name
        /// The length of its CAR, in bytes.
        case size
        /// How long it has been pinned, in milliseconds.
        case age
        /// What somebody wrote about it under a key.
        case metadata(String)
    }

    enum Comparison: String, Sendable, Hashable, CaseIterable {
        case equal = "="
        case unequal = "!="
        case like = "~"
        case unlike = "!~"
        case less = "<"
        case atMost = "<="
        case more = ">"
        case atLeast = ">="

        /// Whether it asks for an order of numbers.
        var isOfOrder: Bool { [.less, .atMost, .more, .atLeast].contains(self) }
        /// The one of which it is the opposite, where it is one.
        var opposite: Comparison? { self == .unequal ? .equal : self == .unlike ? .like : nil }
    }

    /// What is compared with; a number has the unit of the property.
    enum Value: Sendable, Hashable {
        case text(String)
        case number(Double)
    }

    let property: Property
    let comparison: Comparison
    let value: Value

    /// Whether it holds for a pin; nil where that is not known.
    ///
    /// What a pin does not have is like nothing.
    func holds(for pin: PinFacts) -> Bool? {
        if let opposite = comparison.opposite {
            return PinTest(property: property, comparison: opposite, value: value).holds(for: pin).map { !$0 }
        }
        switch property {
        case .name: return holds(of: pin.name)
        case .size: return pin.size.map { holds(of: Double($0)) }
        case .age: return holds(of: Double(pin.now.milliseconds - pin.createdAt.milliseconds))
        case .metadata(let key):
            switch pin.metadata[key] {
            case .string(let text): return holds(of: text)
            case .integer(let number): return holds(of: Double(number))
            case .natural(let number): return holds(of: Double(number))
            case .number(let number): return holds(of: number)
            case .bool(let flag): return holds(of: flag ? "true" : "false")
            case .null, .array, .object, nil: return false
            }
        }
    }

    private func holds(of text: String) -> Bool {
        if comparison.isOfOrder { return Double(text).map { holds(of: $0) } ?? false }
        guard case .text(let wanted) = value else { return false }
        return comparison == .like ? matches(text, wanted) : text == wanted
    }

    private func holds(of number: Double) -> Bool {
        let wanted: Double
        switch value {
        case .number(let number): wanted = number
        // What somebody wrote as a number may be meant where a word is asked for.
        case .text(let text):
            guard comparison == .equal, let number = Double(text) else { return false }
            wanted = number
        }
        switch comparison {
        case .less: return number < wanted
        case .atMost: return number <= wanted
        case .more: return number > wanted
        case .atLeast: return number >= wanted
        default: return number == wanted
        }
    }
}

/// Whether a text is like a pattern, in which `*` stands for any characters and `?` for one.
///
/// In time that grows with the product of both lengths at most: where something does not fit, only the last `*` takes
/// more.
func matches(_ text: String, _ pattern: String) -> Bool {
    let (text, pattern) = (Array(text), Array(pattern))
    var (place, mark) = (0, 0)
    // Where the last `*` is, and how far it reaches.
    var star: (pattern: Int, text: Int)?
    while place < text.count {
        if mark < pattern.count, pattern[mark] == "*" {
            star = (mark, place)
            mark += 1
        } else if mark < pattern.count, pattern[mark] == "?" || pattern[mark] == text[place] {
            (place, mark) = (place + 1, mark + 1)
        } else if let last = star {
            star = (last.pattern, last.text + 1)
            (place, mark) = (last.text + 1, last.pattern + 1)
        } else {
            return false
        }
    }
    return pattern[mark...].allSatisfy { $0 == "*" }
}
