internal import IPLD
internal import Multiformats
internal import POSIX
internal import Synchronization

extension BlockStore {
    /// Makes the index again from the packs, alone with the store: every block whose hash is right is in it.
    ///
    /// Also what lies behind something that cannot be read is found. A block in somebody's file is read there; of a
    /// file that cannot be read now nothing is seen, and its reference stays. Nothing of the old index is needed. The
    /// new one is at least as new as `generation`. A store that does not know which one it is becomes `identity`, or
    /// gets a new one. `progress` is told of bytes of packs as they are read.
    ///
    /// - Returns: how many blocks in somebody's files could not be read now, and count as there all the same.
    @discardableResult
    public func rebuild(
        identity: String? = nil,
        atLeast generation: UInt64 = 0,
        progress: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) async throws(StoreError) -> UInt64 {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            if index.store.withLock({ $0 }) == nil {
                let identity = identity.flatMap { StoreIdentity($0) } ?? .random()
                try Self.write(identity, in: folder)
                index.store.withLock { $0 = identity }
            }
            return try rebuildIndex(onlyIfNew: false, looksAtFiles: true, atLeast: generation, progress: progress)
        }
    }

    /// The number of packs on the disk, and the sum of their lengths in bytes, whatever the index says.
    public func packFiles() async throws(StoreError) -> (count: Int, bytes: UInt64) {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            try StoreError.translating {
                let packs = try packNumbers()
                return (packs.count, try packs.reduce(0) { $0 + (try fileInfo(path(of: $1)).length) })
            }
        }
    }

    /// Puts everything that is in the packs into a new index; `onlyIfNew` unless somebody else has made one meanwhile.
    ///
    /// With `looksAtFiles`, blocks in somebody's files are read there.
    /// - Returns: how many of those could not be read now, and count as there all the same.
    @discardableResult
    func rebuildIndex(
        onlyIfNew: Bool,
        looksAtFiles: Bool = false,
        atLeast generation: UInt64 = 0,
        progress: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) throws(StoreError) -> UInt64 {
        let lock = try collectionLock(shared: false)
        defer { withExtendedLifetime(lock) {} }
        if onlyIfNew, try !index.isNew() { return 0 }
        let unread = looksAtFiles ? Unread() : nil
        let runs = try EntryRuns(in: folder + "/index/runs")
        defer { runs.remove() }
        var lengths: [(id: PackID, length: UInt64)] = []
        // What is something else has no blocks, and keeps none of the others from being found.
        for pack in try packNumbers() where try fileLength(pack) != nil {
            lengths.append((pack, try scan(pack, into: runs, unread, progress)))
        }
        try runs.finish()
        let publication = try index.replace(by: try runs.segments(), packs: lengths, atLeast: generation)
        if case .notLasting(let error) = publication { throw StoreError(error) }
        try notePackFolder()
        return unread?.count.load(ordering: .relaxed) ?? 0
    }

    /// Notes the blocks of a pack; gives the length of it that counts, which is where its last section ends.
    private func scan(
        _ pack: PackID,
        into runs: EntryRuns,
        _ unread: Unread?,
        _ progress: (UInt64) -> Void
    ) throws(StoreError) -> UInt64 {
        var reader = try PackReader(path(of: pack), upTo: .max)
        while true {
            let before = reader.offset
            var stretches: [PackSections] = []
            while stretches.count < EntryRuns.writers, let stretch = try reader.next() { stretches.append(stretch) }
            try note(stretches, of: pack, in: runs, unread)
            progress(max(reader.offset, before) - before)
            // What is cut off when the pack is appended to must not hide anything.
            if stretches.isEmpty, try !reader.findNext() { break }
        }
        try reader.makeLasting()
        return reader.offset
    }

    /// Notes what is in some stretches of a pack, on as many cores as there are.
    private func note(
        _ stretches: [PackSections],
        of pack: PackID,
        in runs: EntryRuns,
        _ unread: Unread?
    ) throws(StoreError) {
        let failure = Mutex<StoreError?>(nil)
        inParallel(stretches.count) { number in
            let stretch = stretches[number]
            let entries = stretch.sections.compactMap { Self.entry($0, of: stretch, in: pack, unread) }
            do throws(StoreError) {
                try runs.add(entries, writer: number)
            } catch {
                failure.withLock { $0 = error }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// What the index says of a section; nil for one that is damaged.
    private static func entry(
        _ section: PackSections.Section,
        of stretch: PackSections,
        in pack: PackID,
        _ unread: Unread?
    ) -> IndexEntry? {
        if pack.isReferences {
            guard let block = stretch.block(of: section), let reference = Reference(block) else { return nil }
            if let unread, !isThere(reference, unread) { return nil }
            let place = BlockLocation(
                pack: pack,
                offset: stretch.offset + UInt64(section.start),
                length: reference.length
            )
            return IndexEntry(BlockKey(reference.cid), at: place)
        }
        guard let (cid, start) = stretch.cid(of: section) else { return nil }
        let hash = cid.hash
        guard (try? hash.verify(stretch.bytes.span.extracting(start..<section.end))) == true else { return nil }
        let place = BlockLocation(
            pack: pack,
            offset: stretch.offset + UInt64(start),
            length: section.end - start
        )
        return IndexEntry(BlockKey(hash), at: place)
    }

    /// Whether the block may be where a reference says: other content was not seen there.
    ///
    /// Where nothing was, that is counted.
    private static func isThere(_ reference: Reference, _ unread: Unread) -> Bool {
        do throws(StoreError) {
            return try read(reference) != nil
        } catch {
            unread.count.add(1, ordering: .relaxed)
            return error.code == .changed
        }
    }

    /// The length in bytes of the file of a pack, here or where a link leads, for it may have been moved to another
    /// disk.
    ///
    /// Nil where no such file is there; throws where that cannot be seen.
    func fileLength(_ pack: PackID) throws(StoreError) -> UInt64? {
        do throws(FileError) {
            let info = try fileInfo(path(of: pack), follow: true)
            return info.kind == .file && !LockedFiles.contain(info) ? info.length : nil
        } catch {
            if error.meansGone { return nil }
            throw StoreError(error)
        }
    }

    /// The packs that are on the disk.
    func packNumbers() throws(StoreError) -> [PackID] {
        do throws(FileError) {
            return try listDirectory(folder + "/packs").compactMap {
                PackID(fileName: String(decoding: $0, as: UTF8.self))
            }
        } catch {
            throw StoreError(error)
        }
    }
}

/// How many blocks could not be read in the files that have them.
private final class Unread: Sendable {
    let count = Atomic<UInt64>(0)
}
