package import JSONReading

extension JSON {
    /// Reads a text of one value, in UTF-8, within limits; whole numbers are exact.
    package init(reading bytes: some Sequence<UInt8>, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        var builder = JSONBuilder()
        try readJSON(bytes, limits: limits) { builder.add($0) }
        self = builder.root
    }

    /// A whole number that is not negative; nil for any other value.
    package var natural: UInt64? {
        switch self {
        case .integer(let number): UInt64(exactly: number)
        case .natural(let number): number
        default: nil
        }
    }

    /// The text of a string; nil for any other value.
    package var string: String? { if case .string(let text) = self { text } else { nil } }

    /// The items of an array; nil for any other value.
    package var items: [JSON]? { if case .array(let items) = self { items } else { nil } }
}

/// Puts the events of a reading together.
private struct JSONBuilder {
    /// An array or an object that is not over yet.
    private struct Open {
        var items: [JSON] = []
        var members: [JSON.Member] = []
        /// The name of the member whose value is read.
        var name: String?
    }

    /// What was read, when all of it was.
    private(set) var root = JSON.null
    private var open: [Open] = []

    mutating func add(_ event: JSONEvent) {
        switch event {
        case .null: put(.null)
        case .bool(let flag): put(.bool(flag))
        case .integer(let number): put(.integer(number))
        case .natural(let number): put(.natural(number))
        case .real(let number): put(.number(number))
        case .string(let text): put(.string(text))
        case .name(let name): open[open.count - 1].name = name
        case .array, .object: open.append(Open())
        case .arrayEnd: put(.array(open.removeLast().items))
        case .objectEnd: put(.object(open.removeLast().members))
        }
    }

    private mutating func put(_ value: JSON) {
        guard let last = open.indices.last else { return root = value }
        if let name = open[last].name.take() {
            open[last].members.append(JSON.Member(name, value))
        } else {
            open[last].items.append(value)
        }
    }
}
