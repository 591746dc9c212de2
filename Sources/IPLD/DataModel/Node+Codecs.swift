public import Multiformats

/// How much of old data is read that nobody should write any more.
public enum Strictness: Sendable, Hashable {
    /// Only what the codec's specification allows.
    case strict
    /// dag-cbor with unsorted keys, numbers in longer forms, short floats and negative zero is read too.
    case lenient
}

extension Node {
    /// Decodes a block by its codec: raw, dag-pb, dag-cbor, dag-json, and cbor and json as the strict forms of them.
    ///
    /// - Throws: `.unsupported` for any other codec; what the decoders of these throw.
    public init(decoding block: Block, _ strictness: Strictness = .strict) throws(DecodingProblem) {
        self = try about(block.cid) { () throws(DecodingProblem) in
            try Node(block.bytes, codec: block.cid.codec, strictness)
        }
    }

    /// Decodes bytes by a codec; see ``init(decoding:_:)``.
    public init(
        _ bytes: [UInt8],
        codec: Codec,
        _ strictness: Strictness = .strict
    ) throws(DecodingProblem) {
        switch codec {
        case .raw: self = .bytes(bytes)
        case .dagPB: self = try Node(PBNode(bytes))
        case .dagCBOR, .cbor: self = try Node(cbor: bytes, strictness)
        case .dagJSON, .json: self = try Node(json: bytes)
        default: throw DecodingProblem(.unsupported, "The codec \(codec) is not known to this program.")
        }
    }

    /// The bytes of the value in a codec; see ``cbor(_:)`` for what is lenient about dag-cbor.
    ///
    /// - Throws: `.unsupported` for a codec that is not known here; `.wrongKind` for a value that the codec cannot
    ///   express; `.malformed`, `.tooDeep`.
    public func encoded(
        as codec: Codec,
        _ strictness: Strictness = .strict
    ) throws(DecodingProblem) -> [UInt8] {
        switch codec {
        case .raw:
            guard case .bytes(let bytes) = self else {
                throw DecodingProblem(.wrongKind, "A raw block is made of bytes and nothing else.")
            }
            return bytes
        case .dagPB: return try PBNode(self).encoded()
        case .dagCBOR, .cbor: return try cbor(strictness)
        case .dagJSON, .json: return try json()
        default: throw DecodingProblem(.unsupported, "The codec \(codec) is not known to this program.")
        }
    }
}

/// The bytes of a value that is written in one codec, written in another; within dag-pb nothing but the order changes.
///
/// - Throws: what ``Node/init(_:codec:_:)`` and ``Node/encoded(as:_:)`` throw.
public func recoded(
    _ bytes: [UInt8],
    from codec: Codec,
    to other: Codec,
    _ strictness: Strictness = .strict
) throws(DecodingProblem) -> [UInt8] {
    // Names in directories are bytes, and not all of them can be values.
    if codec == .dagPB, other == .dagPB { return try PBNode(bytes).encoded() }
    return try Node(bytes, codec: codec, strictness).encoded(as: other, strictness)
}

extension Node {
    /// A dag-pb node as a value (the DAG-PB specification, "Logical Format").
    ///
    /// - Throws: `.wrongKind` for a name that is no UTF-8: the text of a value is.
    public init(_ node: PBNode) throws(DecodingProblem) {
        let links = try node.links.map { (link) throws(DecodingProblem) -> Node in
            var entries = [Entry("Hash", .link(link.cid))]
            if let name = link.name {
                guard let text = String(validating: name, as: UTF8.self) else {
                    throw DecodingProblem(
                        .wrongKind,
                        "The name \"\(shownName(name))\" in a dag-pb node is no UTF-8, which a value cannot hold."
                    )
                }
                entries.append(Entry("Name", .string(text)))
            }
            if let tsize = link.tsize { entries.append(Entry("Tsize", .integer(Int128(tsize)))) }
            return .map(entries)
        }
        var entries: [Entry] = []
        if let data = node.data { entries.append(Entry("Data", .bytes(data))) }
        self = .map(entries + [Entry("Links", .list(links))])
    }
}

extension PBNode {
    /// A dag-pb node from its value; throws `.wrongKind` for any other value.
    public init(_ node: Node) throws(DecodingProblem) {
        guard let entries = node.asMap, let list = node["Links"]?.asList,
            entries.allSatisfy({ ["Data", "Links"].contains($0.key) }), entries.count <= 2
        else { throw DecodingProblem(.wrongKind, "A dag-pb node is a map of Links and, if any, Data.") }
        var data: [UInt8]?
        if let value = node["Data"] {
            guard let bytes = value.asBytes else {
                throw DecodingProblem(.wrongKind, "The Data of a dag-pb node are bytes.")
            }
            data = bytes
        }
        let links = try list.map { (item) throws(DecodingProblem) in try PBLink(item) }
        for (left, right) in zip(links, links.dropFirst()) {
            guard !(right.name ?? []).lexicographicallyPrecedes(left.name ?? []) else {
                throw DecodingProblem(.wrongKind, "The links of a dag-pb node are not in the order of their names.")
            }
        }
        self.init(links: links, data: data)
    }
}

extension PBLink {
    fileprivate init(_ node: Node) throws(DecodingProblem) {
        guard let entries = node.asMap, let cid = node["Hash"]?.asLink,
            entries.allSatisfy({ ["Hash", "Name", "Tsize"].contains($0.key) }), entries.count <= 3
        else { throw DecodingProblem(.wrongKind, "A dag-pb link is a map of Hash and, if any, Name and Tsize.") }
        var name: [UInt8]?
        var tsize: UInt64?
        if let value = node["Name"] {
            guard let text = value.asString else { throw DecodingProblem(.wrongKind, "The Name of a link is text.") }
            name = Array(text.utf8)
        }
        if let value = node["Tsize"] {
            guard case .integer(let number) = value, let size = UInt64(exactly: number) else {
                throw DecodingProblem(.wrongKind, "The Tsize of a link is a number that is not negative.")
            }
            tsize = size
        }
        self.init(cid: cid, name: name, tsize: tsize)
    }
}
