/// A value that can stand in an answer.
package protocol Shown: Sendable {
    /// What it is.
    static var shape: Shape { get }
    /// The value as machines read it.
    var json: JSON { get }
}

/// One member of the answer that `Root` is: its name, what it means, and how to get at it.
package struct OutputField<Root>: Sendable {
    package let member: Shape.Member
    let read: @Sendable (Root) -> JSON

    private init(_ member: Shape.Member, _ read: @escaping @Sendable (Root) -> JSON) {
        (self.member, self.read) = (member, read)
    }

    /// Describes a value; `kind` says more of it than its type does.
    package init<Value: Shown>(
        _ name: String,
        _ help: String,
        as kind: Shape? = nil,
        _ read: @escaping @Sendable (Root) -> Value
    ) {
        let shape = kind.map { Value.shape.with($0) } ?? Value.shape
        self.init(Shape.Member(name, help, shape)) { read($0).json }
    }

    /// Describes a number of a unit.
    package init<Value: Shown>(
        _ name: String,
        _ help: String,
        in unit: Shape.Unit,
        _ read: @escaping @Sendable (Root) -> Value
    ) {
        self.init(name, help, as: .integer(unit), read)
    }

    /// Describes a value that is JSON already.
    package static func json(
        _ name: String,
        _ help: String,
        _ shape: Shape,
        _ read: @escaping @Sendable (Root) -> JSON
    ) -> OutputField {
        OutputField(Shape.Member(name, help, shape), read)
    }

    /// Describes a list of things that have no type of their own.
    package static func list<Item>(
        _ name: String,
        _ help: String,
        of members: [OutputField<Item>],
        _ read: @escaping @Sendable (Root) -> [Item]
    ) -> OutputField {
        OutputField(Shape.Member(name, help, .list(.object(members.map(\.member))))) { root in
            .array(read(root).map { members.json(of: $0) })
        }
    }

    /// Describes an object that has no type of its own; nil stands for null.
    package static func object<Item>(
        _ name: String,
        _ help: String,
        of members: [OutputField<Item>],
        _ read: @escaping @Sendable (Root) -> Item?
    ) -> OutputField {
        OutputField(Shape.Member(name, help, .optional(.object(members.map(\.member))))) { root in
            read(root).map { members.json(of: $0) } ?? .null
        }
    }

    /// The same member of something that leads to a `Root`.
    package func of<Holder>(_ path: @escaping @Sendable (Holder) -> Root) -> OutputField<Holder> {
        OutputField<Holder>(member) { read(path($0)) }
    }
}

extension Array {
    /// The object that these members make of a value.
    fileprivate func json<Root>(of root: Root) -> JSON where Element == OutputField<Root> {
        .object(map { JSON.Member($0.member.name, $0.read(root)) })
    }
}

/// A type whose values are answers, or parts of them, with described members.
package protocol Answer: Shown {
    /// All members, in the order in which they stand.
    static var outputFields: [OutputField<Self>] { get }
    /// What it is called where it stands in several answers; nil where it stands in one.
    static var sharedName: String? { get }
}

extension Answer {
    package static var sharedName: String? { nil }
    package static var shape: Shape {
        let shape = Shape.object(outputFields.map(\.member))
        return sharedName.map { .named($0, shape) } ?? shape
    }
    package var json: JSON { Self.outputFields.json(of: self) }
}

extension String: Shown {
    package static var shape: Shape { .text }
    package var json: JSON { .string(self) }
}

extension Bool: Shown {
    package static var shape: Shape { .flag }
    package var json: JSON { .bool(self) }
}

extension Shown where Self: BinaryInteger {
    package static var shape: Shape { .integer(nil) }
    package var json: JSON { .count(self) }
}

extension Int: Shown {}
extension Int32: Shown {}
extension Int64: Shown {}
extension UInt64: Shown {}

extension Timestamp: Shown {
    package static var shape: Shape { .time }
    package var json: JSON { .text(self) }
}

extension Optional: Shown where Wrapped: Shown {
    package static var shape: Shape { .optional(Wrapped.shape) }
    package var json: JSON { self?.json ?? .null }
}

extension Array: Shown where Element: Shown {
    package static var shape: Shape { .list(Element.shape) }
    package var json: JSON { .array(map(\.json)) }
}
