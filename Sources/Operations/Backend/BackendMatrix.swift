internal import Schema
package import Storage

/// A column of the table that says what types of backend can do.
package struct MatrixColumn: Sendable {
    /// What shows that it is so.
    package enum Proof: Sendable, Hashable {
        /// A law of named objects, by its title.
        case law(String)
        /// A law of content.
        case contentLaw(String)
        /// An operation that does it, by its name.
        case operation(String)
    }

    /// The word for it.
    package let name: String
    /// What it means, as a phrase that fits after “the type”.
    package let meaning: String
    package let proof: Proof
    private let test: @Sendable (_ content: Capabilities, _ objects: Capabilities) -> Bool

    private init(
        _ name: String,
        _ meaning: String,
        _ proof: Proof,
        _ test: @escaping @Sendable (_ content: Capabilities, _ objects: Capabilities) -> Bool
    ) {
        (self.name, self.meaning, self.proof, self.test) = (name, meaning, proof, test)
    }

    /// Whether a backend does it that can do this with content, and that with named objects.
    package func holds(for content: Capabilities, objects: Capabilities) -> Bool { test(content, objects) }

    /// Whether the instances of a type do it, at most.
    package func holds(for row: ServiceRow) -> Bool { holds(for: row.capabilities, objects: row.objects) }

    /// Whether every instance of a type does it, whatever its service and its settings.
    package func isCertain(for row: ServiceRow) -> Bool {
        holds(for: row.capabilities.subtracting(row.uncertain), objects: row.objects.subtracting(row.uncertain))
    }

    /// The word in the table for a type.
    package func cell(for row: ServiceRow) -> String { isCertain(for: row) ? "yes" : holds(for: row) ? "some" : "–" }

    /// All columns, in their order.
    package static let all: [MatrixColumn] = [
        MatrixColumn(
            "content",
            "takes content as bytes",
            .contentLaw("a root that was stored is present and read back")
        ) { content, _ in content.contains([.write, .takesBytes]) },
        MatrixColumn("pins", "takes a CID alone, and fetches what belongs to it itself", .operation("sync")) {
            content,
            _ in content.contains([.write, .pins])
        },
        MatrixColumn(
            "retrieval",
            "gives content back",
            .contentLaw("a root is read from where the answer says it is")
        ) { content, _ in content.contains(.reads) },
        MatrixColumn(
            "ranges",
            "gives a part of what it has without all of it",
            .law("a range beyond the end gives what there is")
        ) { content, _ in content.contains(.rangeReads) },
        MatrixColumn(
            "blocks",
            "gives a single block: by its CID, or out of a CAR by the index beside that",
            .operation("block get")
        ) { content, _ in content.contains(.blocks) || content.contains([.write, .takesBytes, .rangeReads]) },
        MatrixColumn(
            "list",
            "says all that it holds",
            .law("a list has every object once with its length")
        ) { content, _ in content.contains(.listing) },
        MatrixColumn("delete", "removes what it is asked to", .law("what is removed is gone")) { content, _ in
            content.contains(.delete)
        },
        MatrixColumn(
            "quota",
            "says how much is stored, or how much room is left",
            .law("the service says how much it holds")
        ) { content, _ in content.contains(.usage) },
        MatrixColumn(
            "versions",
            "lists and gives the versions of an object that a place keeps",
            .law("what has a name is its latest version, and is read by that")
        ) { _, objects in objects.contains(.versions) },
        MatrixColumn("search", "finds what it holds by a text in its name or its CID", .operation("backend ls")) {
            content,
            objects in content.union(objects).contains(.listing)
        },
        MatrixColumn(
            "metadata",
            "keeps short texts beside the bytes of an object",
            .law("metadata is kept beside the bytes, and is none of them")
        ) { _, objects in objects.contains(.metadata) },
    ]

    /// Those that instances of a type do at most, by their words.
    package static func names(for row: ServiceRow) -> [String] { all.filter { $0.holds(for: row) }.map(\.name) }

    /// Those of them that all do.
    package static func certainNames(for row: ServiceRow) -> [String] {
        all.filter { $0.isCertain(for: row) }.map(\.name)
    }
}
