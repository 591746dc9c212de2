internal import Multiformats

extension PBNode {
    /// A link while it is read: the name is only a place in the block.
    struct RawLink {
        let cid: CID
        let name: Range<Int>?
        let tsize: UInt64?
    }

    /// Decodes strictly; links keep the order they have in the block.
    ///
    /// - Throws: `.malformed` for any field, wire type or order that the specification does not name; `.truncated`.
    public init(_ bytes: [UInt8]) throws(DecodingProblem) {
        var links: [PBLink] = []
        let data = try Self.read(bytes) { (link: RawLink) throws(DecodingProblem) in
            links.append(PBLink(cid: link.cid, name: link.name.map { Array(bytes[$0]) }, tsize: link.tsize))
        }
        self.init(links: links, data: data.map { Array(bytes[$0]) })
    }

    /// Hands every link to `onLink` and says where the data is, or nil where it is absent.
    static func read(
        _ bytes: [UInt8],
        onLink: (RawLink) throws(DecodingProblem) -> Void
    ) throws(DecodingProblem) -> Range<Int>? {
        var reader = WireReader(bytes)
        var data: Range<Int>?
        var sawLink = false
        var linksAreOver = false
        while !reader.isAtEnd {
            let key = try reader.protobufKey()
            guard key.wire == 2 else {
                throw DecodingProblem(.malformed, "A dag-pb node has a field of wire type \(key.wire).")
            }
            let range = try reader.protobufBytes()
            switch key.field {
            case 1:
                guard data == nil else { throw DecodingProblem(.malformed, "A dag-pb node has its data twice.") }
                data = range
                linksAreOver = sawLink
            case 2:
                guard !linksAreOver else {
                    throw DecodingProblem(.malformed, "A dag-pb node has links before and after its data.")
                }
                sawLink = true
                try onLink(try link(WireReader(bytes, range)))
            default:
                throw DecodingProblem(.malformed, "A dag-pb node has an unknown field \(key.field).")
            }
        }
        return data
    }

    private static func link(_ message: WireReader) throws(DecodingProblem) -> RawLink {
        var reader = message
        var cid: CID?
        var name: Range<Int>?
        var tsize: UInt64?
        var last: UInt64 = 0
        while !reader.isAtEnd {
            let key = try reader.protobufKey()
            guard key.field > last else {
                throw DecodingProblem(.malformed, "A dag-pb link has its fields twice or out of order.")
            }
            last = key.field
            switch (key.field, key.wire) {
            case (1, 2):
                let bytes = Array(reader.bytes[try reader.protobufBytes()])
                cid = try decoding { () throws(FormatProblem) in try CID(bytes: bytes) }
            case (2, 2): name = try reader.protobufBytes()
            case (3, 0): tsize = try reader.protobufVarint()
            default:
                throw DecodingProblem(.malformed, "A dag-pb link has a field \(key.field) of wire type \(key.wire).")
            }
        }
        guard let cid else { throw DecodingProblem(.malformed, "A dag-pb link has no CID.") }
        return RawLink(cid: cid, name: name, tsize: tsize)
    }
}
