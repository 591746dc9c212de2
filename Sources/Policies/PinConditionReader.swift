internal import Schema

/// A word of a condition, and at which character it begins, counted from 1.
struct PinConditionWord: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case word(String)
        /// What stood between quotation marks: never a keyword.
        case quoted(String)
        /// One of the comparisons, or a bracket.
        case sign(String)
        case end
    }

    let kind: Kind
    let place: Int

    /// The longest condition, in characters.
    static let longest = 4096

    private static let marks: [Character] = ["\"", "'"]
    private static let signs = ["!=", "!~", "<=", ">=", "=", "~", "<", ">", "(", ")"]

    /// The words of a text; the last one is its end.
    static func words(of text: String) throws(PinConditionProblem) -> [PinConditionWord] {
        let all = Array(text)
        guard all.count <= longest else {
            throw PinConditionProblem(message: "A condition has at most \(longest) characters.", place: longest)
        }
        var words: [PinConditionWord] = []
        var index = 0
        while index < all.count {
            let place = index + 1
            if all[index].isWhitespace {
                index += 1
            } else if let mark = marks.first(where: { $0 == all[index] }) {
                var content = ""
                index += 1
                while index < all.count, all[index] != mark {
                    if all[index] == "\\", index + 1 < all.count { index += 1 }
                    content.append(all[index])
                    index += 1
                }
                guard index < all.count else {
                    throw PinConditionProblem(message: "A quotation mark is not closed.", place: place)
                }
                index += 1
                words.append(PinConditionWord(kind: .quoted(content), place: place))
            } else if let sign = signs.first(where: { all[index...].starts(with: $0) }) {
                words.append(PinConditionWord(kind: .sign(sign), place: place))
                index += sign.count
            } else {
                let word = all[index...].prefix { !$0.isWhitespace && !"\"'!=~<>()".contains($0) }
                guard !word.isEmpty else {
                    throw PinConditionProblem(message: "“\(all[index])” means nothing here.", place: place)
                }
                words.append(PinConditionWord(kind: .word(String(word)), place: place))
                index += word.count
            }
        }
        return words + [PinConditionWord(kind: .end, place: all.count + 1)]
    }
}

/// Reads a condition by recursive descent: `or` binds less than `and`, and that less than `not`.
struct PinConditionReader {
    private let words: [PinConditionWord]
    private var next = 0
    private var depth = 0

    /// How deep brackets and `not` may lie in one another.
    private static let deepest = 64

    init(_ words: [PinConditionWord]) { self.words = words }

    /// Reads all of it.
    mutating func read() throws(PinConditionProblem) -> PinCondition.Term {
        let term = try alternatives()
        guard word.kind == .end else { throw problem("Expected `and`, `or` or the end here.") }
        return term
    }

    private var word: PinConditionWord { words[min(next, words.count - 1)] }

    private func problem(_ message: String) -> PinConditionProblem {
        PinConditionProblem(message: message, place: word.place)
    }

    private mutating func takes(_ kind: PinConditionWord.Kind) -> Bool {
        guard word.kind == kind else { return false }
        next += 1
        return true
    }

    private mutating func alternatives() throws(PinConditionProblem) -> PinCondition.Term {
        var terms = [try parts()]
        while takes(.word("or")) { terms.append(try parts()) }
        return terms.count == 1 ? terms[0] : .any(terms)
    }

    private mutating func parts() throws(PinConditionProblem) -> PinCondition.Term {
        var terms = [try part()]
        while takes(.word("and")) { terms.append(try part()) }
        return terms.count == 1 ? terms[0] : .all(terms)
    }

    private mutating func part() throws(PinConditionProblem) -> PinCondition.Term {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw problem("It lies more than \(Self.deepest) brackets deep.") }
        if takes(.word("not")) { return .not(try part()) }
        guard takes(.sign("(")) else { return .test(try test()) }
        let term = try alternatives()
        guard takes(.sign(")")) else { throw problem("Expected `)` here.") }
        return term
    }

    private mutating func test() throws(PinConditionProblem) -> PinTest {
        let property = try property()
        guard case .sign(let sign) = word.kind, let comparison = PinTest.Comparison(rawValue: sign) else {
            let signs = PinTest.Comparison.allCases.map(\.rawValue).joined(separator: " ")
            throw problem("Expected one of \(signs) here.")
        }
        next += 1
        let value = try value(of: property, comparison)
        next += 1
        return PinTest(property: property, comparison: comparison, value: value)
    }

    private mutating func property() throws(PinConditionProblem) -> PinTest.Property {
        guard case .word(let name) = word.kind else {
            throw problem("Expected name, size, age or meta.KEY here.")
        }
        let property: PinTest.Property
        switch name {
        case "name": property = .name
        case "size": property = .size
        case "age": property = .age
        default:
            guard name.hasPrefix("meta."), name.count > 5 else {
                throw problem("“\(name)” is none of name, size, age and meta.KEY.")
            }
            property = .metadata(String(name.dropFirst(5)))
        }
        next += 1
        return property
    }

    /// The value that stands next, in the unit of the property.
    private func value(
        of property: PinTest.Property,
        _ comparison: PinTest.Comparison
    ) throws(PinConditionProblem) -> PinTest.Value {
        let text: String
        switch word.kind {
        case .word(let word), .quoted(let word): text = word
        case .sign, .end: throw problem("Expected a value here; one with spaces or signs stands in quotation marks.")
        }
        let isOfText = [.like, .unlike].contains(comparison)
        switch property {
        case .name:
            guard !comparison.isOfOrder else { throw problem("A name is compared with =, !=, ~ and !~.") }
            return .text(text)
        case .size:
            guard !isOfText else { throw problem("A size is compared with =, !=, <, <=, > and >=.") }
            guard let count = ByteCount(text) else { throw problem("“\(text)” is no size, such as 10GiB.") }
            return .number(Double(count.bytes))
        case .age:
            guard !isOfText else { throw problem("An age is compared with =, !=, <, <=, > and >=.") }
            guard let age = Self.milliseconds(text) else {
                throw problem("“\(text)” is no age, such as 30d, 12h or 1y.")
            }
            return .number(age)
        case .metadata:
            guard comparison.isOfOrder else { return .text(text) }
            guard let number = Double(text), number.isFinite else { throw problem("“\(text)” is no number.") }
            return .number(number)
        }
    }

    /// How many milliseconds `90s`, `15min`, `12h`, `30d`, `2w` or `1y` are; a year has 365 days.
    private static func milliseconds(_ text: String) -> Double? {
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let number = Double(digits), number.isFinite else { return nil }
        let units = ["s": 1.0, "min": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000]
        return units[String(text.dropFirst(digits.count))].map { number * $0 * 1000 }
    }
}
