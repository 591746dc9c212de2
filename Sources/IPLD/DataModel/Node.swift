public import Multiformats

/// A value of the IPLD data model (the IPLD specification, "Data Model").
public indirect enum Node: Sendable, Hashable {
    case null
    case bool(Bool)
    /// −2⁶⁴ … 2⁶⁴ − 1.
    case integer(Int128)
    /// Finite.
    case float(Double)
    case string(String)
    case bytes([UInt8])
    case list([Node])
    /// Decoded maps are in canonical order; encoding sorts. Order counts in comparisons: see ``canonical``.
    case map([Entry])
    case link(CID)

    /// One key of a map with its value.
    public struct Entry: Sendable, Hashable {
        /// The key.
        public let key: String

        /// The value.
        public let value: Node

        /// A key with its value.
        public init(_ key: String, _ value: Node) {
            self.key = key
            self.value = value
        }
    }
}

extension Node {
    /// The value of a key, or nil where this is no map or has no such key.
    public subscript(key: String) -> Node? {
        guard case .map(let entries) = self else { return nil }
        // By bytes: Swift's == calls two spellings of one accented letter equal, dag-cbor does not.
        return entries.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
    }

    /// The text, or nil where this is something else.
    public var asString: String? { if case .string(let value) = self { value } else { nil } }

    /// The number, or nil where this is something else or does not fit.
    public var asInt: Int? { if case .integer(let value) = self { Int(exactly: value) } else { nil } }

    /// The bytes, or nil where this is something else.
    public var asBytes: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }

    /// The link, or nil where this is something else.
    public var asLink: CID? { if case .link(let value) = self { value } else { nil } }

    /// The items, or nil where this is something else.
    public var asList: [Node]? { if case .list(let value) = self { value } else { nil } }

    /// The entries, or nil where this is something else.
    public var asMap: [Entry]? { if case .map(let value) = self { value } else { nil } }
}

extension Node {
    /// The same value with the entries of every map in canonical order, as decoding gives it: shorter keys first, then
    /// by bytes.
    public var canonical: Node {
        switch self {
        case .list(let items): .list(items.map(\.canonical))
        case .map(let entries):
            .map(
                entries.map { Entry($0.key, $0.value.canonical) }.sorted { Self.isOrdered($0.key, before: $1.key) }
            )
        default: self
        }
    }

    /// Hands every link in the value to `body`, in the order they stand.
    public func forEachLink(_ body: (CID) -> Void) {
        var pending = [self]
        while let node = pending.popLast() {
            switch node {
            case .link(let cid): body(cid)
            case .list(let items): pending += items.reversed()
            case .map(let entries): pending += entries.reversed().map(\.value)
            default: break
            }
        }
    }
}
