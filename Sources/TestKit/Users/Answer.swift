internal import Foundation

/// What a command printed with --json, read by a parser that is not ours.
@dynamicMemberLookup
package indirect enum Answer: Decodable, Sendable, Equatable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([Answer])
    case object([String: Answer])

    package init(from decoder: any Decoder) throws {
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
    package static func parse(_ text: String) throws -> Answer {
        try JSONDecoder().decode(Answer.self, from: Data(text.utf8))
    }

    /// Reads one JSON value from each line.
    package static func lines(_ text: String) throws -> [Answer] {
        try text.split(separator: "\n").map { try parse(String($0)) }
    }

    package subscript(dynamicMember key: String) -> Answer {
        if case .object(let members) = self { members[key] ?? .null } else { .null }
    }

    package subscript(index: Int) -> Answer {
        if case .list(let items) = self, items.indices.contains(index) { items[index] } else { .null }
    }

    package var items: [Answer] { if case .list(let items) = self { items } else { [] } }
    package var text: String? { if case .text(let text) = self { text } else { nil } }
    package var int: Int? { if case .number(let number) = self { Int(number) } else { nil } }
    package var flag: Bool? { if case .flag(let flag) = self { flag } else { nil } }
}
