internal import Multiformats

/// Builds the shards of a HAMT from all entries at once (boxo, ipld/unixfs/hamt).
struct HAMTBuilder {
    /// An entry with the hash that finds its place.
    private struct Placed {
        let hash: UInt64
        let link: PBLink
    }

    private let profile: ImportProfile
    private let form: ShardForm

    init(_ profile: ImportProfile) {
        self.profile = profile
        form = ShardForm(fanout: profile.sharding.fanout)
    }

    /// The root shard; `emit` gets all others.
    func build(
        _ links: [PBLink],
        _ metadata: FileMetadata,
        emit: (Block) throws(DecodingProblem) -> Void
    ) throws(DecodingProblem) -> BuiltNode {
        // Bits are used from the most significant on, so entries of one bucket stand together at every level.
        let placed = links.map { link in
            let name = link.name ?? []
            return Placed(hash: murmur3x64(name.span), link: link)
        }.sorted { $0.hash < $1.hash }
        return try shard(placed[...], level: 0, metadata, emit)
    }

    private func shard(
        _ entries: ArraySlice<Placed>,
        level: Int,
        _ metadata: FileMetadata,
        _ emit: (Block) throws(DecodingProblem) -> Void
    ) throws(DecodingProblem) -> BuiltNode {
        var links: [(bucket: Int, link: PBLink)] = []
        var rest = entries
        while let first = rest.first {
            let bucket = try form.bucket(of: first.hash, level: level)
            let end = try firstOutside(bucket, rest, level)
            let inside = rest[..<end]
            rest = rest[end...]
            let prefix = form.prefix(of: bucket)
            if inside.count == 1 {
                links.append(
                    (
                        bucket,
                        PBLink(cid: first.link.cid, name: prefix + (first.link.name ?? []), tsize: first.link.tsize)
                    )
                )
            } else {
                let built = try shard(inside, level: level + 1, .none, emit)
                try emit(built.block)
                links.append((bucket, PBLink(cid: built.block.cid, name: prefix, tsize: built.tsize)))
            }
        }
        return BuiltNode.shard(links, form, metadata, profile)
    }

    private func firstOutside(
        _ bucket: Int,
        _ entries: ArraySlice<Placed>,
        _ level: Int
    ) throws(DecodingProblem) -> Int {
        for index in entries.indices where try form.bucket(of: entries[index].hash, level: level) != bucket {
            return index
        }
        return entries.endIndex
    }
}

extension BuiltNode {
    /// A shard with one link for each bucket that is used, in their order.
    static func shard(
        _ links: [(bucket: Int, link: PBLink)],
        _ form: ShardForm,
        _ metadata: FileMetadata,
        _ profile: ImportProfile
    ) -> BuiltNode {
        var node = UnixFSNode(.shard, data: form.bitField(links.map(\.bucket)))
        node.hashType = HashCode.murmur3x64.rawValue
        node.fanout = UInt64(form.fanout)
        return BuiltNode(PBNode(links: links.map(\.link), data: node.with(metadata).encoded()), profile)
    }
}
