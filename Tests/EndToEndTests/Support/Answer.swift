import Foundation

/// What a command printed with --json, read by a parser that is not ours.
@dynamicMemberLookup
indirect enum Answer: Decodable, Sendable, Equatable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([Answer])
    case object([String: Answer])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let list = try? container.decode([Answer].self) {
            self = .list(list)
        } else {
            self = .object(try container.decode([String: Answer].self))
        }
    }

    /// Reads one JSON value, which must be the only one.
    static func parse(_ text: String) throws -> Answer {
        try JSONDecoder().decode(Answer.self, from: Data(text.utf8))
    }

    /// Reads one JSON value from each line.
    static func lines(_ text: String) throws -> [Answer] {
        try text.split(separator: "\n").map { try parse(String($0)) }
    }

    subscript(dynamicMember key: String) -> Answer {
        if case .object(let members) = self { members[key] ?? .null } else { .null }
    }

    subscript(index: Int) -> Answer {
        if case .list(let items) = self, items.indices.contains(index) { items[index] } else { .null }
    }

    var items: [Answer] { if case .list(let items) = self { items } else { [] } }
    var text: String? { if case .text(let text) = self { text } else { nil } }
    var int: Int? { if case .number(let number) = self { Int(number) } else { nil } }
    var flag: Bool? { if case .flag(let flag) = self { flag } else { nil } }
}
