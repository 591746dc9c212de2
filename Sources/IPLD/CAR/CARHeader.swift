public import Multiformats

/// The header of a content archive, version 1.
public struct CARHeader: Sendable, Hashable {
    /// Always 1.
    public let version = 1

    /// The roots that the archive names; none is legal.
    public let roots: [CID]

    /// A header that names these roots.
    public init(roots: [CID]) { self.roots = roots }

    /// The bytes at the start of the archive, their length first.
    public var encoded: [UInt8] {
        let node = Node.map([
            Node.Entry("roots", .list(roots.map(Node.link))), Node.Entry("version", .integer(1)),
        ])
        // Two fixed keys and links: nothing that the encoder refuses.
        let body = (try? node.cbor()) ?? []
        return Varint.encode(UInt64(body.count)) + body
    }

    /// Decodes a header without its length; the keys may stand in any order, as encoders that do not sort write them.
    ///
    /// - Throws: `.malformed`, `.badVersion`, `.badRoots`, `.tooLarge`.
    public init(_ bytes: [UInt8]) throws(DecodingProblem) {
        let node: Node
        do { node = try Node(cbor: bytes, .lenient, itemLimit: 1_000_000) } catch {
            let code: DecodingProblem.Code = error.code == .tooLarge ? .tooLarge : .malformed
            throw DecodingProblem(code, "The archive's header cannot be read: \(error.message)")
        }
        guard let entries = node.asMap, let version = node["version"], case .integer(let number) = version else {
            throw DecodingProblem(.malformed, "The archive's header is no map with a version.")
        }
        guard number == 1 else {
            throw DecodingProblem(
                .badVersion,
                "The archive says it has version \(number); only 1 and 2 exist, and 2 has another form."
            )
        }
        guard let list = node["roots"]?.asList else {
            throw DecodingProblem(.badRoots, "The archive's header has no list of roots.")
        }
        let roots = list.compactMap(\.asLink)
        guard roots.count == list.count else {
            throw DecodingProblem(.badRoots, "The archive's header names a root that is no link.")
        }
        guard entries.count == 2 else {
            throw DecodingProblem(.malformed, "The archive's header has keys besides roots and version.")
        }
        self.init(roots: roots)
    }
}
