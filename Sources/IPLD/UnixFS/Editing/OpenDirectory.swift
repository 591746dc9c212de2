internal import Multiformats

/// A directory that may be changing; used by one editor alone.
final class OpenDirectory {
    /// What is put under a name.
    enum Item {
        case entry(PBLink)
        case directory(OpenDirectory)
    }

    private enum Content {
        case basic([[UInt8]: PBLink])
        case sharded(OpenShard)
    }

    /// Directories below that were opened, and may have changed.
    private(set) var opened: [[UInt8]: OpenDirectory] = [:]
    private var content = Content.basic([:])
    private let metadata: FileMetadata
    /// The entry that it had before any change; nil for one that is new.
    private var stored: DAGEntry?
    /// Whether something was removed, or replaced by something smaller: only then can shards have become needless.
    private var mayBeSmaller = false
    private var isChanged: Bool

    /// A new, empty directory.
    init() {
        metadata = .none
        isChanged = true
    }

    /// The directory that is stored at `cid`.
    init(_ cid: CID, _ context: EditingContext, tsize: UInt64? = nil) throws(DecodingProblem) {
        let block = try context.block(cid)
        guard cid.codec == .dagPB else { throw DecodingProblem(.wrongKind, "The block is no directory.", cid: cid) }
        let (node, message) = try about(cid) { () throws(DecodingProblem) in
            let node = try PBNode(block.bytes)
            guard let data = node.data else { throw DecodingProblem(.wrongKind, "The dag-pb block holds no UnixFS.") }
            return (node, try UnixFSNode(data))
        }
        metadata = FileMetadata(mode: message.mode, modified: message.modified)
        isChanged = false
        let sum = node.links.reduce(UInt64(block.bytes.count)) { $0 &+ ($1.tsize ?? 0) }
        stored = DAGEntry(cid: cid, tsize: tsize ?? sum)
        switch message.kind {
        case .directory:
            let links = Dictionary(node.links.map { ($0.name ?? [], $0) }, uniquingKeysWith: { first, _ in first })
            guard links.count == node.links.count else {
                throw DecodingProblem(.duplicate, "The directory has two entries of one name.", cid: cid)
            }
            content = .basic(links)
        case .shard: content = .sharded(try OpenShard(HAMTShard(node, message), level: 0, path: 0))
        default: throw DecodingProblem(.wrongKind, "The block is a \(message.kind), not a directory.", cid: cid)
        }
    }

    /// The link of that name as it is stored, whatever changed below it.
    private func link(_ name: [UInt8], _ context: EditingContext) throws(DecodingProblem) -> PBLink? {
        switch content {
        case .basic(let links): return links[name]
        case .sharded(let shard): return try shard.link(name, context)
        }
    }

    /// The entry of that name; of a directory that is changing, the one that it had before.
    func entry(_ name: [UInt8], _ context: EditingContext) throws(DecodingProblem) -> DAGEntry? {
        try link(name, context).map { DAGEntry(cid: $0.cid, tsize: $0.tsize ?? 0) }
    }

    /// The directory of that name; nil where nothing is.
    func child(_ name: [UInt8], _ context: EditingContext) throws(DecodingProblem) -> OpenDirectory? {
        if let child = opened[name] { return child }
        guard let link = try link(name, context) else { return nil }
        let child = try OpenDirectory(link.cid, context, tsize: link.tsize)
        opened[name] = child
        return child
    }

    /// Puts something under a name.
    func set(_ name: [UInt8], _ item: Item, _ context: EditingContext) throws(DecodingProblem) {
        isChanged = true
        switch item {
        case .directory(let directory): opened[name] = directory
        case .entry(let link):
            opened[name] = nil
            try store(link, name, context)
        }
    }

    /// Removes a name; false where it is not there.
    func remove(_ name: [UInt8], _ context: EditingContext) throws(DecodingProblem) -> Bool {
        let wasOpen = opened.removeValue(forKey: name) != nil
        let old = try link(name, context)
        guard wasOpen || old != nil else { return false }
        isChanged = true
        guard old != nil else { return true }
        mayBeSmaller = true
        switch content {
        case .basic(var links):
            content = .basic([:])
            links[name] = nil
            content = .basic(links)
        case .sharded(let shard): try shard.remove(name, context)
        }
        return true
    }

    /// The entry of that name with all changes below it made into blocks.
    func settled(_ name: [UInt8], _ context: EditingContext) throws(DecodingProblem) -> DAGEntry? {
        try settle(name, context)
        return try entry(name, context)
    }

    /// The directory with all its changes; new blocks go to the context.
    func encode(_ context: EditingContext) throws(DecodingProblem) -> DAGEntry {
        for name in opened.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) { try settle(name, context) }
        if !isChanged, let stored { return stored }
        let built = try build(context)
        context.emit(built.block)
        isChanged = false
        mayBeSmaller = false
        stored = built.entry
        return built.entry
    }

    private func settle(_ name: [UInt8], _ context: EditingContext) throws(DecodingProblem) {
        guard let child = opened[name] else { return }
        let entry = try child.encode(context)
        guard try link(name, context)?.cid != entry.cid else { return }
        isChanged = true
        try store(PBLink(cid: entry.cid, name: name, tsize: entry.tsize), name, context)
    }

    private func store(_ link: PBLink, _ name: [UInt8], _ context: EditingContext) throws(DecodingProblem) {
        let sharding = context.profile.sharding
        if let old = try self.link(name, context) {
            mayBeSmaller = mayBeSmaller || DirectorySize.weight(link, sharding) < DirectorySize.weight(old, sharding)
        }
        switch content {
        case .basic(var links):
            content = .basic([:])
            links[name] = link
            content = .basic(links)
        case .sharded(let shard): try shard.set(link, name, context)
        }
    }

    /// The root block in the form that the entries and the profile ask for.
    private func build(_ context: EditingContext) throws(DecodingProblem) -> BuiltNode {
        let profile = context.profile
        switch content {
        case .basic(let links):
            var size = DirectorySize(profile.sharding)
            for link in links.values { size.add(link) }
            guard size.needsShards(metadata) else {
                return BuiltNode.directory(Array(links.values), metadata, profile)
            }
            let shard = OpenShard(form: ShardForm(fanout: profile.sharding.fanout), level: 0, path: 0)
            for (name, link) in links { try shard.set(link, name, context) }
            content = .sharded(shard)
            return try shard.encode(metadata, context)
        case .sharded(let shard):
            if mayBeSmaller, let links = try links(of: shard, context) {
                content = .basic(Dictionary(links.map { ($0.name ?? [], $0) }, uniquingKeysWith: { first, _ in first }))
                return BuiltNode.directory(links, metadata, profile)
            }
            return try shard.encode(metadata, context)
        }
    }

    /// All entries of a sharded directory that has become so small that it needs no shards, or nil for a larger one.
    ///
    /// Only as many shards are read as it takes to see that.
    private func links(of shard: OpenShard, _ context: EditingContext) throws(DecodingProblem) -> [PBLink]? {
        var size = DirectorySize(context.profile.sharding)
        var links: [PBLink] = []
        let isSmall = try shard.each(context) { link in
            size.add(link)
            links.append(link)
            return !size.needsShards(metadata)
        }
        return isSmall ? links : nil
    }
}
