internal import Multiformats

/// A shard of a HAMT that may be changing.
final class OpenShard {
    private enum Slot {
        case entry(PBLink)
        /// A shard below that nobody has looked at.
        case stored(PBLink)
        case open(OpenShard)
    }

    private let form: ShardForm
    private let level: Int
    /// The first bits of the hashes of all names in it.
    private let path: UInt64
    private var slots: [Int: Slot] = [:]
    /// The link to it as it is stored, as long as nothing changes in or below it.
    private var link: PBLink?

    /// An empty shard.
    init(form: ShardForm, level: Int, path: UInt64) {
        self.form = form
        self.level = level
        self.path = path
    }

    /// A shard as it is stored.
    init(_ shard: HAMTShard, level: Int, path: UInt64, link: PBLink? = nil) throws(DecodingProblem) {
        try shard.check(level: level, path: path)
        form = shard.form
        self.level = level
        self.path = path
        self.link = link
        for slot in shard.slots {
            // Inside, an entry has its bare name; the bucket is put before it when the shard is written.
            slots[slot.bucket] =
                slot.name.map { .entry(PBLink(cid: slot.link.cid, name: $0, tsize: slot.link.tsize)) }
                ?? .stored(slot.link)
        }
    }

    /// The link of an entry, or nil.
    func link(_ name: [UInt8], _ context: EditingContext) throws(DecodingProblem) -> PBLink? {
        let bucket = try bucket(of: name)
        switch slots[bucket] {
        case nil: return nil
        case .entry(let link)?: return link.name == name ? link : nil
        case .open?, .stored?: return try open(bucket, context)?.link(name, context)
        }
    }

    /// Puts an entry, in place of the one that has its name.
    func set(_ entry: PBLink, _ name: [UInt8], _ context: EditingContext) throws(DecodingProblem) {
        let bucket = try bucket(of: name)
        link = nil
        switch slots[bucket] {
        case nil: slots[bucket] = .entry(entry)
        case .entry(let old)?:
            guard old.name != name else {
                slots[bucket] = .entry(entry)
                return
            }
            let shard = OpenShard(form: form, level: level + 1, path: form.path(path, bucket))
            try shard.set(old, old.name ?? [], context)
            try shard.set(entry, name, context)
            slots[bucket] = .open(shard)
        case .open?, .stored?: try open(bucket, context)?.set(entry, name, context)
        }
    }

    /// Removes an entry; a shard that is left with one entry gives that to the shard above.
    func remove(_ name: [UInt8], _ context: EditingContext) throws(DecodingProblem) {
        let bucket = try bucket(of: name)
        switch slots[bucket] {
        case nil: return
        case .entry(let old)?:
            guard old.name == name else { return }
            slots[bucket] = nil
        case .open?, .stored?:
            guard let below = try open(bucket, context) else { return }
            try below.remove(name, context)
            if let only = below.onlyEntry { slots[bucket] = .entry(only) }
        }
        link = nil
    }

    /// Hands every entry to `body` until that gives false; says whether it came to the end.
    func each(_ context: EditingContext, _ body: (PBLink) -> Bool) throws(DecodingProblem) -> Bool {
        for bucket in slots.keys.sorted() {
            if case .entry(let link)? = slots[bucket] {
                guard body(link) else { return false }
            } else if let below = try open(bucket, context) {
                guard try below.each(context, body) else { return false }
            }
        }
        return true
    }

    /// The block of the shard; those below it that changed go to the context.
    func encode(_ metadata: FileMetadata, _ context: EditingContext) throws(DecodingProblem) -> BuiltNode {
        var links: [(bucket: Int, link: PBLink)] = []
        for bucket in slots.keys.sorted() {
            let prefix = form.prefix(of: bucket)
            switch slots[bucket] {
            case .entry(let entry)?:
                links.append((bucket, PBLink(cid: entry.cid, name: prefix + (entry.name ?? []), tsize: entry.tsize)))
            case .stored(let link)?: links.append((bucket, link))
            case .open(let shard)?: links.append((bucket, try shard.written(prefix, context)))
            case nil: break
            }
        }
        return BuiltNode.shard(links, form, metadata, context.profile)
    }

    /// The link to this shard, written if it has changed.
    private func written(_ prefix: [UInt8], _ context: EditingContext) throws(DecodingProblem) -> PBLink {
        if let link { return link }
        let built = try encode(.none, context)
        context.emit(built.block)
        let fresh = PBLink(cid: built.block.cid, name: prefix, tsize: built.tsize)
        link = fresh
        return fresh
    }

    private var onlyEntry: PBLink? {
        guard slots.count == 1, case .entry(let link)? = slots.first?.value else { return nil }
        return link
    }

    private func bucket(of name: [UInt8]) throws(DecodingProblem) -> Int {
        let hash = murmur3x64(name.span)
        return try form.bucket(of: hash, level: level)
    }

    /// The shard below in a bucket, read if nobody has yet.
    private func open(_ bucket: Int, _ context: EditingContext) throws(DecodingProblem) -> OpenShard? {
        switch slots[bucket] {
        case .open(let shard)?: return shard
        case .stored(let link)?:
            let shard = try HAMTShard(context.block(link.cid))
            guard shard.form == form else {
                throw DecodingProblem(.malformed, "The shards of a directory have several widths.", cid: link.cid)
            }
            let below = try OpenShard(shard, level: level + 1, path: form.path(path, bucket), link: link)
            slots[bucket] = .open(below)
            return below
        case .entry?, nil: return nil
        }
    }
}
