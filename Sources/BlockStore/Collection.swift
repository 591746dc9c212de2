internal import IPLD
public import Multiformats
internal import POSIX

/// What a collection found and did.
public struct CollectionReport: Sendable, Hashable {
    /// Blocks that some root leads to.
    public var liveBlocks: UInt64 = 0
    /// The bytes of those blocks.
    public var liveBytes: UInt64 = 0
    /// Blocks that no root leads to.
    public var deadBlocks: UInt64 = 0
    /// The bytes of those blocks.
    public var deadBytes: UInt64 = 0
    /// The bytes without a root that stay, for their packs have little of them.
    public var keptBytes: UInt64 = 0
    /// Packs that were written anew or removed, or would be.
    public var packs: UInt64 = 0
    /// The bytes by which the packs became smaller, or would.
    public var freedBytes: UInt64 = 0
}

extension BlockStore {
    /// Removes the blocks that none of the roots leads to, out of packs of which more than `waste` is such blocks.
    ///
    /// It waits until nobody stores anything, and nobody can until it has ended. A pack is removed only after its live
    /// blocks are in another one and can be found there, so it may be stopped at any time.
    ///
    /// Nothing is removed without proof that all is known: each part of the index must be there and as it was written,
    /// the index no older than `generation`, and every block that a root leads to in the store and readable. What
    /// `kept` names stays too, where it is there: blocks of DAGs of which the store has a part only.
    /// - Throws: ``StoreError`` `incomplete` where a block of a root is missing, `corrupt` for damage, also of the
    ///   index;
    ///   whatever `roots` throws.
    public func collect(
        waste: Double = 0.25,
        isDryRun: Bool = false,
        atLeast generation: UInt64 = 0,
        keeping kept: [CID] = [],
        roots: () async throws -> [CID]
    ) async throws -> CollectionReport {
        let lock = try await waitForCollectionLock(shared: false)
        defer { withExtendedLifetime(lock) {} }
        // Asked for under the lock: what is pinned before it is known here, and after it nothing can be pinned.
        let roots = try await roots()
        return try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            try proveIndex(atLeast: generation)
            var live = try mark(roots)
            for cid in kept { _ = try live.mark(cid) }
            var collector = Collector(store: self, live: live)
            return try collector.run(waste, isDryRun: isDryRun)
        }
    }

    /// Makes sure that the index says everything of the store; what it left out would be removed.
    private func proveIndex(atLeast generation: UInt64) throws(StoreError) {
        if let damaged = try index.damaged().first {
            throw StoreError.damagedIndex("\(index.folder)/\(damaged.name.fileName)")
        }
        guard try index.generation() >= generation else { throw StoreError.oldIndex(index.folder) }
        if let problem = try shortPack() { throw problem }
    }

    /// The blocks that the roots lead to.
    private func mark(_ roots: [CID]) throws(StoreError) -> LiveSet {
        var live = LiveSet(try index.joined())
        var pending = roots
        while let cid = pending.popLast() {
            let isInline = cid.hash.code == .identity
            guard let (location, isNew) = try isInline ? (nil, cid.codec != .raw) : live.mark(cid) else {
                throw StoreError.incomplete(cid)
            }
            guard isNew else { continue }
            let block = try read(cid, at: location)
            do throws(DecodingProblem) {
                pending += try links(of: block)
            } catch {
                throw StoreError(error, linksOf: cid)
            }
        }
        return live
    }
}

/// Rewrites packs without their dead blocks.
private struct Collector {
    /// What one pack holds.
    private struct Share {
        var live: UInt64 = 0
        var liveBlocks: UInt64 = 0
        var dead: UInt64 = 0
        var deadBlocks: UInt64 = 0

        /// How many bytes of a pack of that length nobody needs, about.
        func wasted(of pack: (id: PackID, length: UInt64)) -> UInt64 {
            guard pack.id.isReferences else { return max(dead, pack.length - min(pack.length, live)) }
            // Records of references are about as long as one another, whatever they lead to.
            return liveBlocks + deadBlocks > 0 ? pack.length / (liveBlocks + deadBlocks) * deadBlocks : pack.length
        }
    }

    let store: BlockStore
    var live: LiveSet

    /// So many bytes are copied before the packs that they came from are removed: the space that a collection needs.
    private static let maxCopied: UInt64 = 4 << 30

    mutating func run(_ waste: Double, isDryRun: Bool) throws(StoreError) -> CollectionReport {
        var report = CollectionReport()
        let shares = try shares(&report)
        let wasteful = try store.index.packs().filter { pack in
            let share = shares[pack.id] ?? Share()
            guard pack.length > 0, share.liveBlocks > 0 else { return pack.length > 0 }
            if pack.id.isReferences, share.deadBlocks == 0 { return false }
            // A pack without dead blocks may have much that a collection which was stopped had copied already.
            let bound = share.dead > 0 ? waste : max(waste, 0.25)
            return Double(share.wasted(of: pack)) > bound * Double(pack.length)
        }
        // What lies there is freed; the index may know more.
        let there = Dictionary(try store.packsThere().map { ($0.id, $0.length) }) { first, _ in first }
        report.packs = UInt64(wasteful.count { there[$0.id] != nil })
        report.freedBytes = wasteful.reduce(0) { sum, pack in
            guard let length = there[pack.id] else { return sum }
            let pack = (id: pack.id, length: length)
            let share = shares[pack.id] ?? Share()
            return sum + (share.liveBlocks > 0 ? min(pack.length, share.wasted(of: pack)) : pack.length)
        }
        let numbers = Set(wasteful.map(\.id))
        // What references lead to is in no pack.
        report.keptBytes = shares.reduce(0) { sum, pack in
            numbers.contains(pack.key) || pack.key.isReferences ? sum : sum + pack.value.dead
        }
        guard !isDryRun else { return report }
        var copied: UInt64 = 0
        var emptied: Set<PackID> = []
        for pack in wasteful {
            let blocks = shares[pack.id]?.liveBlocks ?? 0
            let share = shares[pack.id]?.live ?? 0
            if copied + share > Self.maxCopied, !emptied.isEmpty {
                try remove(emptied)
                (copied, emptied) = (0, [])
            }
            if blocks > 0 { try copy(blocks, of: pack.id, pack.length, avoiding: numbers) }
            copied += share
            emptied.insert(pack.id)
        }
        try remove(emptied)
        // No pin leads to what was lost: every block that one leads to was found.
        if case .notLasting(let error) = try store.index.join(forgetsLost: true) { throw StoreError(error) }
        try removeStrays()
        try cutTails()
        return report
    }

    private func shares(_ report: inout CollectionReport) throws(StoreError) -> [PackID: Share] {
        var shares: [PackID: Share] = [:]
        var found = report
        try live.each { entry, isLive in
            let length = UInt64(entry.length)
            if isLive {
                found.liveBlocks += 1
                found.liveBytes += length
                // With what stands before a block under the usual CID: 37 bytes, or 39 for a large one.
                shares[entry.pack, default: Share()].live += length + 39
                shares[entry.pack, default: Share()].liveBlocks += 1
            } else {
                found.deadBlocks += 1
                found.deadBytes += length
                shares[entry.pack, default: Share()].dead += length + 37
                shares[entry.pack, default: Share()].deadBlocks += 1
            }
        }
        report = found
        return shares
    }

    /// Copies what lives in a pack to others; when this returns, all of that can be found there.
    private mutating func copy(
        _ blocks: UInt64,
        of id: PackID,
        _ length: UInt64,
        avoiding: Set<PackID>
    ) throws(StoreError) {
        var target = Target(store: store, isOfReferences: id.isReferences, avoided: avoiding)
        do throws(StoreError) {
            var reader = try PackReader(store.path(of: id), upTo: length)
            var found: UInt64 = 0
            while found < blocks {
                guard let stretch = try reader.next() else {
                    if try reader.findNext() { continue }
                    break
                }
                for section in stretch.sections where try copy(section, of: stretch, in: id, to: &target) {
                    found += 1
                }
            }
            guard found == blocks else {
                throw StoreError(
                    .damagedPack,
                    "Of \(blocks) pinned blocks in the pack \(id.fileName), \(found) are there; it is left as it is."
                )
            }
            try target.commit()
        } catch {
            target.pack?.undo()
            throw error
        }
    }

    private mutating func copy(
        _ section: PackSections.Section,
        of stretch: PackSections,
        in id: PackID,
        to target: inout Target
    ) throws(StoreError) -> Bool {
        guard let (cid, start) = stretch.cid(of: section), let block = stretch.block(of: section) else { return false }
        let reference = id.isReferences ? Reference(block) : nil
        guard id.isReferences == (reference != nil) else { return false }
        let key = BlockKey(reference?.cid ?? cid)
        let offset = stretch.offset + UInt64(reference == nil ? start : section.start)
        guard let place = try live.needed(key)?.location, place.pack == id, place.offset == offset else { return false }
        if let reference {
            try target.append(block, key, as: reference)
            return true
        }
        guard try BlockStore.isSound(block) else {
            throw StoreError.damaged(cid, "so its pack is left as it is.")
        }
        try target.append(block, key)
        return true
    }

    /// Forgets packs whose live blocks are elsewhere, and removes them.
    private func remove(_ packs: Set<PackID>) throws(StoreError) {
        guard !packs.isEmpty else { return }
        // Unless the index without them lasts, the one that leads to them may come back.
        if case .notLasting(let error) = try store.index.join(dropping: packs) { throw StoreError(error) }
        for pack in packs.sorted() { try remove(pack) }
    }

    private func remove(_ pack: PackID) throws(StoreError) {
        store.close(pack)
        do throws(FileError) { try removeFile(store.path(of: pack)) } catch {
            guard error.code != .notFound else { return }
            throw StoreError(error)
        }
    }

    /// Removes packs that nothing of was ever committed, or whose blocks are all elsewhere: somebody was stopped there.
    private func removeStrays() throws(StoreError) {
        let known = Set(try store.index.packs().filter { $0.length > 0 }.map(\.id))
        // What is no file was put there by somebody else.
        for pack in try store.packNumbers() where !known.contains(pack) {
            if try store.fileLength(pack) != nil { try remove(pack) }
        }
    }

    /// Cuts off what lies beyond the ends of packs: it was appended by somebody who was stopped, and never committed.
    private func cutTails() throws(StoreError) {
        for pack in try store.index.packs() where pack.length > 0 {
            try StoreError.translating {
                let file = try File(store.path(of: pack.id), .update)
                guard try file.length() > pack.length, try file.tryLock() else { return }
                try file.truncate(to: pack.length)
            }
        }
    }
}

/// Where blocks are copied to.
private struct Target {
    let store: BlockStore
    let isOfReferences: Bool
    let avoided: Set<PackID>
    private(set) var pack: OpenPack?
    private var moved: [IndexEntry] = []

    init(store: BlockStore, isOfReferences: Bool, avoided: Set<PackID>) {
        self.store = store
        self.isOfReferences = isOfReferences
        self.avoided = avoided
    }

    private static let commitBlocks = 65_536

    /// Appends a block, or the record of a reference to one.
    mutating func append(_ block: Block, _ key: BlockKey, as reference: Reference? = nil) throws(StoreError) {
        let prefix = CARSection.prefix(for: block.cid, length: block.bytes.count)
        let size = UInt64(prefix.count + block.bytes.count)
        if let pack, pack.end + size > BlockStore.packLimit {
            try commit()
            self.pack = nil
        }
        let pack = try openPack()
        let place = BlockLocation(
            pack: pack.id,
            offset: pack.end + UInt64(reference == nil ? prefix.count : 0),
            length: reference?.length ?? block.bytes.count
        )
        try pack.append([prefix[...], block.bytes[...]], count: size)
        moved.append(IndexEntry(key, at: place))
        if moved.count >= Self.commitBlocks { try commit() }
    }

    private mutating func openPack() throws(StoreError) -> OpenPack {
        if let pack { return pack }
        let opened = try OpenPack(in: store, references: isOfReferences, avoiding: avoided)
        pack = opened
        return opened
    }

    mutating func commit() throws(StoreError) {
        guard let pack, !moved.isEmpty else { return }
        try pack.makeLasting()
        let publication = try store.index.add(moved, packs: [(pack.id, pack.end)])
        // Whatever fails from here on, the index may lead to what was appended: it stays.
        pack.committed()
        moved = []
        if case .notLasting(let error) = publication { throw StoreError(error) }
    }
}
