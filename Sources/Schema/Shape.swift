/// What a value of an answer is.
///
/// JSON Schema, the documents and the check of every answer are made from it.
package indirect enum Shape: Sendable, Hashable {
    case text
    /// A name of a file: text, or where it is no UTF-8, its bytes as an object of DAG-JSON.
    case fileName
    /// A whole number, of a unit where it is no mere count.
    case integer(Unit?)
    case flag
    case cid
    /// A moment, as RFC 3339 writes it.
    case time
    /// The name of a backend.
    case backend
    /// A path on this machine.
    case path
    case url
    /// One of a few words.
    case choice([String])
    case list(Shape)
    /// Values under names that nobody knows beforehand.
    case map(Shape)
    case object([Member])
    /// A shape that stands in several answers, under this name.
    case named(String, Shape)
    /// What may be null.
    case optional(Shape)
    /// Any value, such as what somebody else wrote.
    case any

    /// What a number counts.
    package enum Unit: String, Sendable {
        case bytes, milliseconds, seconds
    }

    /// A member of an object; each is there in every answer.
    package struct Member: Sendable, Hashable {
        package let name: String
        package let help: String
        package let shape: Shape

        package init(_ name: String, _ help: String, _ shape: Shape) {
            (self.name, self.help, self.shape) = (name, help, shape)
        }
    }

    /// The same shape with `kind` in the place of the value that it leads to.
    func with(_ kind: Shape) -> Shape {
        switch self {
        case .optional(let shape): .optional(shape.with(kind))
        case .list(let shape): .list(shape.with(kind))
        case .map(let shape): .map(shape.with(kind))
        default: kind
        }
    }
}

extension Shape {
    /// A value of this shape without moments and lengths of time, which differ each time somebody looks.
    package func withoutTimes(_ value: JSON) -> JSON {
        switch (self, value) {
        case (.time, _), (.integer(.milliseconds), _), (.integer(.seconds), _): .null
        case (.list(let item), .array(let items)): .array(items.map(item.withoutTimes))
        case (.map(let item), .object(let members)):
            .object(members.map { JSON.Member($0.name, item.withoutTimes($0.value)) })
        case (.object(let members), .object):
            .object(members.map { JSON.Member($0.name, $0.shape.withoutTimes(value[$0.name] ?? .null)) })
        case (.named(_, let shape), _), (.optional(let shape), _): shape.withoutTimes(value)
        default: value
        }
    }

    /// The CIDs in a value.
    package func cids(in value: JSON) -> [String] {
        switch (self, value) {
        case (.cid, .string(let text)): [text]
        case (.list(let item), .array(let items)): items.flatMap(item.cids)
        case (.map(let item), .object(let members)): members.flatMap { item.cids(in: $0.value) }
        case (.object(let members), .object): members.flatMap { $0.shape.cids(in: value[$0.name] ?? .null) }
        case (.named(_, let shape), _), (.optional(let shape), _): shape.cids(in: value)
        default: []
        }
    }

    /// The same without its name.
    package var unnamed: Shape { if case .named(_, let shape) = self { shape } else { self } }

    /// Whether it is an object without members.
    package var isEmpty: Bool { unnamed == .object([]) }

    /// What it is, in a few words.
    package var words: String {
        switch self {
        case .text: "text"
        case .fileName: "name of a file"
        case .integer(let unit): unit?.rawValue ?? "number"
        case .flag: "true or false"
        case .cid: "CID"
        case .time: "time"
        case .backend: "backend"
        case .path: "path"
        case .url: "URL"
        case .choice(let words): words.joined(separator: ", ")
        case .list(let item): "list of \(item.words)"
        case .map(let value): "\(value.words) by name"
        case .object: "object"
        case .named(let name, _): "*\(name)*"
        case .optional(let shape): "\(shape.words), or null"
        case .any: "any value"
        }
    }

    /// The shape as JSON Schema 2020-12 (json-schema.org/draft/2020-12).
    package var schema: JSON { .object(members) }

    private var members: [JSON.Member] {
        switch self {
        case .text: [.init("type", "string")]
        case .fileName:
            [
                .init(
                    "oneOf",
                    [
                        ["type": "string"],
                        Shape.object([
                            Member("/", "", .object([Member("bytes", "Its bytes, as base64 without padding.", .text)]))
                        ]).schema,
                    ]
                )
            ]
        case .integer(let unit):
            [.init("type", "integer")] + (unit.map { [.init("x-unit", .string($0.rawValue))] } ?? [])
        case .flag: [.init("type", "boolean")]
        case .cid: Self.string("cid")
        case .time: Self.string("date-time")
        case .backend: Self.string("backend")
        case .path: Self.string("path")
        case .url: Self.string("uri")
        case .choice(let words): [.init("type", "string"), .init("enum", .array(words.map { .string($0) }))]
        case .list(let item): [.init("type", "array"), .init("items", item.schema)]
        case .map(let value): [.init("type", "object"), .init("additionalProperties", value.schema)]
        case .object(let members):
            [
                .init("type", "object"),
                .init("properties", .object(members.map { .init($0.name, $0.schema) })),
                .init("required", .array(members.map { .string($0.name) })), .init("additionalProperties", false),
            ]
        case .named(let name, let shape): shape.members + [.init("title", .string(name))]
        case .optional(let shape): shape.nullable
        case .any: []
        }
    }

    private static func string(_ format: String) -> [JSON.Member] {
        [.init("type", "string"), .init("format", .string(format))]
    }

    private var nullable: [JSON.Member] {
        members.compactMap { member in
            switch (member.name, member.value) {
            case ("type", let type): .init("type", [type, "null"])
            case ("enum", .array(let words)): .init("enum", .array(words + [.null]))
            case ("oneOf", .array(let shapes)): .init("oneOf", .array(shapes + [["type": "null"]]))
            default: member
            }
        }
    }
}

extension Shape.Member {
    /// The schema of the value, with what it means.
    package var schema: JSON {
        guard case .object(let members) = shape.schema, !help.isEmpty else { return shape.schema }
        return .object(members + [.init("description", .string(help))])
    }
}
