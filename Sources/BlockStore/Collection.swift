internal import IPLD
package import Multiformats
internal import POSIX

/// What a collection found and did.
package struct CollectionReport: Sendable, Hashable {
    /// Blocks that some root leads to, and their bytes.
    package var liveBlocks: UInt64 = 0
    package var liveBytes: UInt64 = 0
    /// Blocks that no root leads to, and their bytes.
    package var deadBlocks: UInt64 = 0
    package var deadBytes: UInt64 = 0
    /// Packs that were written anew or removed, or would be.
    package var packs: UInt64 = 0
    /// The bytes by which the packs became smaller, or would.
    package var freedBytes: UInt64 = 0
}

extension BlockStore {
    /// Removes the blocks that none of the roots leads to, out of packs of which more than `waste` is such blocks.
    ///
    /// It waits until nobody stores anything, and nobody can until it has ended. A pack is removed only after its live
    /// blocks are in another one and can be found there, so it may be stopped at any time. Blocks of a root that are
    /// not in the store are passed over; one that is damaged ends the work, for what lies below it cannot be known.
    package func collect(
        waste: Double = 0.25,
        isDryRun: Bool = false,
        roots: () async throws -> [CID]
    ) async throws -> CollectionReport {
        let lock = try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            try collectionLock(shared: false)
        }
        defer { withExtendedLifetime(lock) {} }
        // Asked for under the lock: what is pinned before it is known here, and after it nothing can be pinned.
        let roots = try await roots()
        return try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            try Collector(store: self, live: mark(roots)).run(waste, isDryRun: isDryRun)
        }
    }

    /// The blocks that the roots lead to and that are in the store.
    private func mark(_ roots: [CID]) throws(StoreError) -> Set<Multihash> {
        var live: Set<Multihash> = []
        // One block may be raw to one root and a node to another, so what was followed is known by its CID.
        var followed: Set<CID> = []
        var pending = roots
        while let cid = pending.popLast() {
            guard cid.codec == .raw || followed.insert(cid).inserted else { continue }
            let location = try index.locate([cid.hash])[0]
            if location != nil { live.insert(cid.hash) }
            guard cid.codec != .raw, location != nil || cid.hash.code == .identity else { continue }
            let block = try read(cid, at: location)
            do throws(DecodingProblem) {
                pending += try links(of: block)
            } catch {
                throw StoreError(.unexpected, "The links of \(cid) cannot be followed: \(error)", cid: cid)
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
        var deadBlocks: UInt64 = 0
    }

    let store: BlockStore
    let live: Set<Multihash>

    func run(_ waste: Double, isDryRun: Bool) throws(StoreError) -> CollectionReport {
        var report = CollectionReport()
        var shares: [Int64: Share] = [:]
        try store.index.each { (hash, location) throws(StoreError) in
            let length = UInt64(location.length)
            if live.contains(hash) {
                report.liveBlocks += 1
                report.liveBytes += length
                // With what stands before a block under the usual CID.
                shares[location.pack, default: Share()].live += length + 39
            } else {
                report.deadBlocks += 1
                report.deadBytes += length
                shares[location.pack, default: Share()].deadBlocks += 1
            }
        }
        let wasteful = try store.index.packs().filter { pack in
            let share = shares[pack.id] ?? Share()
            let wasted = Double(pack.length) - Double(share.live)
            return pack.length > 0 && share.deadBlocks > 0 && wasted > waste * Double(pack.length)
        }
        report.packs = UInt64(wasteful.count)
        report.freedBytes = wasteful.reduce(0) { sum, pack in
            sum + (pack.length - min(pack.length, shares[pack.id]?.live ?? 0))
        }
        guard !isDryRun else { return report }
        let numbers = Set(wasteful.map(\.id))
        for pack in wasteful { try rewrite(pack.id, pack.length, avoiding: numbers) }
        try removeStrays()
        return report
    }

    /// Copies what lives in a pack to others, and removes it when all of that can be found there.
    private func rewrite(_ number: Int64, _ length: UInt64, avoiding: Set<Int64>) throws(StoreError) {
        var target: OpenPack?
        var moved: [(hash: Multihash, location: BlockLocation)] = []
        func commit() throws(StoreError) {
            guard let pack = target, !moved.isEmpty else { return }
            try pack.makeLasting()
            try store.index.add(moved, pack: pack.number, length: pack.end, moves: true)
            pack.committed()
            moved = []
        }
        do throws(StoreError) {
            try store.eachSection(of: number, upTo: length) { (block, offset) throws(StoreError) in
                guard live.contains(block.cid.hash) else { return }
                let place = try store.index.locate([block.cid.hash])[0]
                guard place?.pack == number, place?.offset == offset else { return }
                do throws(DecodingProblem) { try block.verify() } catch {
                    throw StoreError.damaged(block.cid, "so its pack is left as it is. \(error)")
                }
                let prefix = CARSection.prefix(for: block.cid, length: block.bytes.count)
                let size = UInt64(prefix.count + block.bytes.count)
                if let pack = target, pack.end + size > BlockStore.packLimit {
                    try commit()
                    target = nil
                }
                if target == nil { target = try OpenPack(in: store, avoiding: avoiding) }
                guard let pack = target else { return }
                let start = pack.end + UInt64(prefix.count)
                try pack.append([prefix, block.bytes], count: size)
                moved.append(
                    (block.cid.hash, BlockLocation(pack: pack.number, offset: start, length: block.bytes.count))
                )
            }
            try commit()
        } catch {
            target?.undo()
            throw error
        }
        try store.index.empty(number)
        store.close(number)
        do throws(FileError) { try removeFile(store.path(of: number)) } catch { throw StoreError(error) }
    }

    /// Removes packs that nothing of was ever committed, or whose blocks are all elsewhere: somebody was stopped there.
    private func removeStrays() throws(StoreError) {
        let known = Set(try store.index.packs().filter { $0.length > 0 }.map(\.id))
        do throws(FileError) {
            for number in try store.packNumbers() where !known.contains(number) {
                store.close(number)
                try removeFile(store.path(of: number))
            }
        } catch {
            throw StoreError(error)
        }
    }
}
