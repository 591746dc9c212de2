public import Multiformats

/// The CIDs that a block links to, in the order they are stored, repeats included.
///
/// dag-cbor that is not canonical (old data) is read too, since only its links matter here.
/// - Throws: `.unsupported` for a codec whose links are not known here; `.malformed`, `.truncated`, `.tooDeep`.
public func links(of block: Block) throws(DecodingProblem) -> [CID] {
    var found: [CID] = []
    switch block.cid.codec {
    case let codec where codec.isLinkless:
        break
    case .dagPB:
        try about(block.cid) { () throws(DecodingProblem) in
            _ = try PBNode.read(block.bytes) { (link: PBNode.RawLink) throws(DecodingProblem) in
                found.append(link.cid)
            }
        }
    case .dagCBOR:
        found = try about(block.cid) { () throws(DecodingProblem) in try linksOfCBOR(block.bytes) }
    case .dagJSON:
        found = try about(block.cid) { () throws(DecodingProblem) in try linksOfJSON(block.bytes) }
    default:
        throw DecodingProblem(
            .unsupported,
            "The links of a \(block.cid.codec) block are not known to this program.",
            cid: block.cid
        )
    }
    return found
}

extension Codec {
    /// Whether blocks of this codec never link to others.
    var isLinkless: Bool {
        switch self {
        case .raw, .libp2pKey, .cbor, .json: true
        default: false
        }
    }

    /// Whether the links of its blocks are known here, so that DAGs of it can be kept whole.
    public var hasKnownLinks: Bool { isLinkless || [.dagPB, .dagCBOR, .dagJSON].contains(self) }
}

/// Passes over a CBOR item without building it, so that a hostile block costs no more than its length.
private func linksOfCBOR(_ bytes: [UInt8]) throws(DecodingProblem) -> [CID] {
    var reader = WireReader(bytes)
    var found: [CID] = []
    var pending: [UInt64] = [1]
    while let left = pending.last {
        guard left > 0 else {
            pending.removeLast()
            continue
        }
        pending[pending.count - 1] = left - 1
        let head = try reader.head(strict: false)
        switch head.major {
        case 2, 3: _ = try reader.take(head.argument)
        case 4, 5:
            // Nothing is below what is empty, so it counts as no level, as in ``Node/init(cbor:_:itemLimit:)``.
            guard head.argument > 0 else { continue }
            guard head.argument <= UInt64(reader.remaining), pending.count <= Node.deepest else {
                let code: DecodingProblem.Code = pending.count > Node.deepest ? .tooDeep : .truncated
                throw DecodingProblem(code, "A dag-cbor list or map is nested too deep or longer than its block.")
            }
            pending.append(head.argument * UInt64(head.major - 3))
        case 6:
            guard head.argument == 42 else {
                throw DecodingProblem(.malformed, "Tag \(head.argument) does not exist in dag-cbor.")
            }
            let link = Array(bytes[try reader.linkPayload(strict: false)])
            found.append(try decoding { () throws(FormatProblem) in try CID(bytes: link) })
        default: break
        }
    }
    guard reader.isAtEnd else {
        throw DecodingProblem(.malformed, "\(reader.remaining) bytes follow the dag-cbor item.")
    }
    return found
}
