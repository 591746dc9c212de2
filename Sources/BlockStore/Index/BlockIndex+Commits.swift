internal import POSIX

extension BlockIndex {
    /// Adds blocks, and the new lengths of their packs, at once; what was known of the same blocks counts no more.
    func add(_ entries: [IndexEntry], packs: [(id: PackID, length: UInt64)]) throws(StoreError) {
        try change { () throws(StoreError) in try commit(entries, packs: packs) }
    }

    /// Forgets a block whose bytes turned out to be damaged, if that is still where it is.
    func forget(_ key: BlockKey, at location: BlockLocation) throws(StoreError) {
        try change { () throws(StoreError) in
            guard try locateNow([key])[0] == location else { return }
            try commit([IndexEntry(removed: key)], packs: [])
        }
    }

    /// Makes an index that has nothing in it yet one that is not new.
    func begin() throws(StoreError) {
        try change { () throws(StoreError) in if try isNew() { try commit([], packs: []) } }
    }

    /// Makes one segment of all, without the blocks that are in `dropped` packs, and forgets those packs.
    ///
    /// The highest number of a pack stays known, so that it is not used again.
    func join(dropping dropped: Set<PackID> = []) throws(StoreError) {
        try change { () throws(StoreError) in
            let segments = try segments()
            // One from the first commit on is joined already: it has nothing of what was removed.
            if dropped.isEmpty, segments.count == 1, segments[0].name.commits.lowerBound == 1 { return }
            let known = Self.longest(segments.flatMap(\.packs))
            let highest = [false, true].compactMap { kind in known.last { $0.id.isReferences == kind }?.id }
            let packs = known.compactMap { pack -> (id: PackID, length: UInt64)? in
                guard dropped.contains(pack.id) else { return pack }
                return highest.contains(pack.id) ? (pack.id, 0) : nil
            }
            let last = segments.first?.name.commits.upperBound ?? 0
            var sources: [EntryCursor] = []
            do throws(FileError) {
                for segment in segments { sources.append(try EntryCursor(segment)) }
                let most = segments.reduce(0) { $0 + $1.count }
                try write(sources, SegmentName(1...last + 1), most: most, packs: packs) { entry in
                    !entry.isRemoved && !dropped.contains(entry.pack)
                }
            } catch {
                throw StoreError(error)
            }
        }
    }

    /// Puts what is in `runs`, the newest of them first, in the place of everything, even of what cannot be read.
    func replace(
        by runs: [Segment],
        packs: [(id: PackID, length: UInt64)]
    ) throws(StoreError) {
        try change { () throws(StoreError) in
            let last = try names().map(\.commits.upperBound).max() ?? 0
            do throws(FileError) {
                var sources: [EntryCursor] = []
                for run in runs { sources.append(try EntryCursor(run)) }
                let most = runs.reduce(0) { $0 + $1.count }
                try write(sources, SegmentName(1...last + 1), most: most, packs: packs) { _ in true }
            } catch {
                throw StoreError(error)
            }
        }
    }

    /// Runs `body` while nobody else changes the index, and removes what it made superfluous.
    private func change(_ body: () throws(StoreError) -> Void) throws(StoreError) {
        let lock: File
        do throws(FileError) {
            lock = try File(folder + "/lock", .update)
            _ = try lock.lock(wait: true)
            // Only who has the lock writes here, so these are of somebody who was stopped.
            removeLeftovers(in: folder, unchangedFor: 0)
        } catch {
            throw StoreError(error)
        }
        defer { withExtendedLifetime(lock) {} }
        try body()
        try removeDead()
    }

    private func removeDead() throws(StoreError) {
        let names = try names()
        for name in names where names.contains(where: { $0 != name && $0.covers(name) }) {
            try? removeFile(folder + "/" + name.fileName)
        }
    }

    /// Writes one segment with the entries, and with the newest segments as far as they are no larger than what is
    /// merged with them: so there are few of them, and an entry is not written again often.
    private func commit(_ entries: [IndexEntry], packs: [(id: PackID, length: UInt64)]) throws(StoreError) {
        let segments = try segments()
        let last = segments.first?.name.commits.upperBound ?? 0
        var sum = UInt64(entries.count)
        let merged = segments.prefix { segment in
            guard segment.count <= max(sum, Self.alwaysMerged) else { return false }
            sum += segment.count
            return true
        }
        let first = merged.last?.name.commits.lowerBound ?? last + 1
        let packs = Self.longest(merged.flatMap(\.packs) + packs)
        do throws(FileError) {
            var sources = [try EntryCursor(entries.sorted { $0.key < $1.key })]
            for segment in merged { sources.append(try EntryCursor(segment)) }
            // Older segments may have what was removed; where there are none, nothing needs to be said of it.
            let isOldest = first == 1
            try write(sources, SegmentName(first...last + 1), most: sum, packs: packs) { entry in
                !entry.isRemoved || !isOldest
            }
        } catch {
            throw StoreError(error)
        }
    }

    /// Segments of so few entries are merged into every commit.
    private static let alwaysMerged: UInt64 = 512

    private func write(
        _ sources: [EntryCursor],
        _ name: SegmentName,
        most: UInt64,
        packs: [(id: PackID, length: UInt64)],
        _ isKept: (IndexEntry) -> Bool
    ) throws(FileError) {
        var writer = try SegmentWriter(in: folder, most: most)
        try merge(sources) { (entry) throws(FileError) in
            if isKept(entry) { try writer.append(entry) }
        }
        try writer.finish(name, packs: packs)
    }
}
