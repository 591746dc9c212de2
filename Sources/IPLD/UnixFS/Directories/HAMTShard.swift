internal import Multiformats

/// One shard of a HAMT, checked.
struct HAMTShard {
    /// What one bucket holds: an entry of that name, or a shard below where there is no name.
    struct Slot {
        let bucket: Int
        let name: [UInt8]?
        let link: PBLink
    }

    let form: ShardForm
    let slots: [Slot]
    let metadata: FileMetadata

    /// Reads a shard.
    ///
    /// - Throws: `.wrongKind` for another kind of node; `.malformed` for a width that is no power of two from 8 to
    ///   1024,
    ///   a hash function other than murmur3-x64-64, a bit field that is too long, and names without a bucket or with
    ///   one that stood before.
    init(_ block: Block) throws(DecodingProblem) {
        self = try about(block.cid) { () throws(DecodingProblem) in
            guard block.cid.codec == .dagPB else {
                throw DecodingProblem(.wrongKind, "A \(block.cid.codec) block is no shard of a directory.")
            }
            return try HAMTShard(PBNode(block.bytes))
        }
    }

    init(_ node: PBNode) throws(DecodingProblem) {
        guard let data = node.data else { throw DecodingProblem(.wrongKind, "The dag-pb block holds no UnixFS.") }
        try self.init(node, UnixFSNode(data))
    }

    init(_ node: PBNode, _ message: UnixFSNode) throws(DecodingProblem) {
        guard message.kind == .shard else {
            throw DecodingProblem(.wrongKind, "The block is a \(message.kind), not a shard of a directory.")
        }
        guard message.hashType == HashCode.murmur3x64.rawValue else {
            throw DecodingProblem(.malformed, "A shard is hashed by another function than murmur3-x64-64.")
        }
        guard let fanout = message.fanout, (8...1024).contains(fanout), fanout.nonzeroBitCount == 1 else {
            throw DecodingProblem(.malformed, "A shard has a width that is no power of two between 8 and 1024.")
        }
        guard message.data?.count ?? 0 <= Int(fanout) / 8 else {
            throw DecodingProblem(.malformed, "The bit field of a shard is longer than its width.")
        }
        form = ShardForm(fanout: Int(fanout))
        metadata = FileMetadata(mode: message.mode, modified: message.modified)
        var slots: [Slot] = []
        slots.reserveCapacity(node.links.count)
        for link in node.links {
            let name = link.name ?? []
            guard let bucket = form.bucket(ofName: name), slots.last.map({ $0.bucket < bucket }) ?? true else {
                throw DecodingProblem(.malformed, "A link of a shard has no bucket in its name, or one out of order.")
            }
            let rest = name.dropFirst(form.prefixLength)
            slots.append(Slot(bucket: bucket, name: rest.isEmpty ? nil : Array(rest), link: link))
        }
        self.slots = slots
    }

    /// Checks that every entry is where the hash of its name leads, and that no shard but the root is empty.
    ///
    /// Without that, a few shards that hold one another many times would have more entries than anybody can list.
    /// - Throws: `.malformed`; `.tooDeep` where the hash is used up.
    func check(level: Int, path: UInt64) throws(DecodingProblem) {
        guard level == 0 || !slots.isEmpty else { throw DecodingProblem(.malformed, "A shard has nothing in it.") }
        for slot in slots {
            let name = slot.name ?? []
            let hash = slot.name == nil ? 0 : murmur3x64(name.span)
            let isPlaced = try form.leads(hash, to: form.path(path, slot.bucket), level: level)
            guard slot.name == nil || isPlaced else {
                throw DecodingProblem(.malformed, "An entry of a shard is not where its name leads.")
            }
        }
    }

    /// What is in a bucket, or nil.
    func slot(_ bucket: Int) -> Slot? { slots.first { $0.bucket == bucket } }
}
