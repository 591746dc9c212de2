internal import POSIX
internal import Synchronization

extension BlockIndex {
    /// Adds blocks, and the new lengths of their packs, at once; what was known of the same blocks counts no more.
    ///
    /// Throws where nothing was added. What was published is never undone: everything that fails afterwards is in the
    /// answer.
    func add(_ entries: [IndexEntry], packs: [(id: PackID, length: UInt64)]) throws(StoreError) -> Publication {
        try change { () throws(StoreError) in try commit(entries, packs: packs) }
    }

    /// Forgets blocks whose bytes turned out to be damaged, as far as they are still where that was seen; begins
    /// another epoch.
    func forget(_ damaged: [(key: BlockKey, location: BlockLocation)]) throws(StoreError) {
        _ = try change { () throws(StoreError) in
            let places = try Self.locate(damaged.map(\.key), in: try segmentsAlone())
            let lost = zip(damaged, places).filter { $0.location == $1 }.map { IndexEntry(removed: $0.0.key) }
            guard !lost.isEmpty else { return .published }
            return try commit(lost, packs: [], epoch: .random(in: 1...UInt64.max))
        }
        // What this process knows of before is wrong now.
        _ = try segments()
    }

    /// Leads to blocks again that were lost, and were seen whole in a pack that counts: its disk was not mounted then,
    /// say.
    func takeBack(_ found: [IndexEntry]) throws(StoreError) {
        _ = try change { () throws(StoreError) in
            let segments = try segmentsAlone()
            var lost: [IndexEntry] = []
            for entry in found where try Self.isLost(entry.key, in: segments) { lost.append(entry) }
            return lost.isEmpty ? .published : try commit(lost, packs: [])
        }
    }

    /// Begins another epoch: what was seen whole before is not known to be whole any more.
    func beginEpoch() throws(StoreError) {
        _ = try change { () throws(StoreError) in try commit([], packs: [], epoch: .random(in: 1...UInt64.max)) }
    }

    /// Makes an index that has nothing in it yet one that is not new.
    func begin() throws(StoreError) {
        _ = try change { () throws(StoreError) in try isNew() ? try commit([], packs: []) : .published }
    }

    /// Makes one segment of all, without the blocks that are in `dropped` packs, and forgets those packs; and, if it
    /// `forgetsLost`, what was found damaged.
    ///
    /// The highest number of a pack stays known, so that it is not used again. Packs may be removed only where the
    /// answer is `published`: otherwise the segments of before may come back after a crash.
    func join(dropping dropped: Set<PackID> = [], forgetsLost: Bool = false) throws(StoreError) -> Publication {
        try change { () throws(StoreError) in
            let segments = try segmentsAlone()
            let hasLost = segments.contains { $0.header.lost > 0 }
            if dropped.isEmpty, segments.count == 1, !(hasLost && forgetsLost) { return .published }
            let known = Self.longest(segments.flatMap(\.packs))
            let highest = [false, true].compactMap { kind in known.last { $0.id.isReferences == kind }?.id }
            let packs = known.compactMap { pack -> (id: PackID, length: UInt64)? in
                guard dropped.contains(pack.id) else { return pack }
                return highest.contains(pack.id) ? (pack.id, 0) : nil
            }
            let last = segments.first?.name.commits.upperBound ?? 0
            return try write(segments, SegmentName(1...last + 1), packs, segments.first?.header.epoch ?? 0) { entry in
                entry.isRemoved ? !forgetsLost : !dropped.contains(entry.pack)
            }
        }
    }

    /// One segment with everything.
    func joined() throws(StoreError) -> Segment {
        for _ in 0..<10 {
            if case .notLasting(let error) = try join() { throw StoreError(error) }
            let segments = try segments()
            // A newer segment would hide nearly everything.
            if segments.count == 1, let segment = segments.first { return segment }
        }
        throw StoreError(.busy, "Somebody changes the index of the store; try again later.")
    }

    /// Puts what is in `runs` in the place of everything, even of what cannot be read; begins another epoch.
    ///
    /// What the old index had, as far as it can be read, and what is in none of the runs, is lost: that stays known. Of
    /// a block that is there several times, the best place counts. The new index is at least as new as `generation`.
    func replace(
        by runs: [Segment],
        packs: [(id: PackID, length: UInt64)],
        atLeast generation: UInt64
    ) throws(StoreError) -> Publication {
        try change { () throws(StoreError) in
            let old = try names()
            let last = max(old.map(\.commits.upperBound).max() ?? 0, generation, expected.withLock { $0 })
            let epoch = UInt64.random(in: 1...UInt64.max)
            let known = Self.live(old).compactMap { readable($0) }
            return try write(runs, SegmentName(1...last + 1), packs, epoch, forgetting: known) { _ in true }
        }
    }

    /// A segment of this store that is as it was written; nil for every other.
    private func readable(_ name: SegmentName) -> Segment? {
        guard let segment = try? Segment(name, in: folder), belongsHere(segment), (try? segment.isSound()) == true
        else {
            return nil
        }
        return segment
    }

    /// Makes what was published last, whoever did it.
    func makeLasting() throws(StoreError) {
        do throws(FileError) { try syncDirectory(folder) } catch { throw StoreError(error) }
    }

    /// Runs `body` while nobody else changes the index, and removes what it made superfluous.
    private func change(_ body: () throws(StoreError) -> Publication) throws(StoreError) -> Publication {
        let lock = try lock(shared: false)
        defer { withExtendedLifetime(lock) {} }
        // Only who has the lock writes here, so these are of somebody who was stopped.
        removeLeftovers(in: folder, unchangedFor: 0)
        let publication = try body()
        // Until the new segment lasts, those that it takes the place of may be needed again. They do no harm.
        if case .published = publication { removeDead() }
        return publication
    }

    private func removeDead() {
        guard let names = try? names() else { return }
        for name in names where names.contains(where: { $0 != name && $0.covers(name) }) {
            try? removeFile(folder + "/" + name.fileName)
        }
    }

    /// Writes one segment with the entries, and with the newest segments as far as they are no larger than what is
    /// merged with them: so there are few of them, and an entry is not written again often.
    private func commit(
        _ entries: [IndexEntry],
        packs: [(id: PackID, length: UInt64)],
        epoch: UInt64? = nil
    ) throws(StoreError) -> Publication {
        let segments = try segmentsAlone()
        // One that is lost as a whole begins anew, and is no older than what was seen of it.
        let last = segments.first?.name.commits.upperBound ?? expected.withLock { $0 }
        var sum = UInt64(entries.count)
        let merged = segments.prefix { segment in
            guard segment.count <= max(sum, Self.alwaysMerged) else { return false }
            sum += segment.count
            return true
        }
        let first = merged.last?.name.commits.lowerBound ?? (segments.isEmpty ? 1 : last + 1)
        let packs = Self.longest(merged.flatMap(\.packs) + packs)
        let epoch = epoch ?? segments.first?.header.epoch ?? .random(in: 1...UInt64.max)
        return try write(Array(merged), SegmentName(first...last + 1), packs, epoch, entries) { _ in true }
    }

    /// Segments of so few entries are merged into every commit.
    private static let alwaysMerged: UInt64 = 512

    /// Writes one segment of entries and of segments, the newest first, that are as they were written.
    private func write(
        _ segments: [Segment],
        _ name: SegmentName,
        _ packs: [(id: PackID, length: UInt64)],
        _ epoch: UInt64,
        _ entries: [IndexEntry] = [],
        forgetting lost: [Segment]? = nil,
        _ isKept: (IndexEntry) -> Bool
    ) throws(StoreError) -> Publication {
        let store = store.withLock { $0 } ?? .none
        return try StoreError.translating {
            var sources = [try EntryCursor(entries.sorted { $0.key < $1.key })]
            for segment in segments { sources.append(try EntryCursor(segment)) }
            for segment in lost ?? [] { sources.append(try EntryCursor(segment, asLost: true)) }
            let most = (segments + (lost ?? [])).reduce(UInt64(entries.count)) { $0 + $1.count }
            var writer = try SegmentWriter(in: folder, most: most, of: store, epoch: epoch)
            let isSound = try merge(sources, takesBest: lost != nil) { (entry) throws(FileError) in
                if isKept(entry) { try writer.append(entry) }
            }
            // Damage must not get a new checksum that holds.
            guard isSound else { throw StoreError.damagedIndex(folder) }
            return try writer.finish(name, packs: packs)
        }
    }
}
