package import IPLD
internal import Multiformats
internal import POSIX
internal import Synchronization

extension BlockStore {
    /// Lends a writer; what it wrote is on the disk, and can be found, when this returns.
    ///
    /// When `body` throws, what was not committed yet is dropped.
    package func ingest<Value: Sendable>(
        _ body: (Ingest) async throws -> Value
    ) async throws -> Value {
        try await protecting {
            let ingest = Ingest(store: self)
            do {
                let value = try await body(ingest)
                try await ingest.commit()
                return value
            } catch {
                await ingest.abandon()
                throw error
            }
        }
    }
}

/// Writes blocks into the store.
///
/// Used by one task at a time.
package final class Ingest: Sendable {
    private struct State {
        var pack: OpenPack?
        /// Blocks that were written and are not in the index yet.
        var fresh: [(hash: Multihash, location: BlockLocation)] = []
        var freshHashes: Set<Multihash> = []
        var counts = Counts()
    }

    /// What was written and what was there already.
    package struct Counts: Sendable, Hashable {
        package var newBlocks: UInt64 = 0
        package var newBytes: UInt64 = 0
        package var knownBlocks: UInt64 = 0

        /// Nothing was written.
        package init() {}
    }

    private let store: BlockStore
    private let state = Mutex(State())

    init(store: BlockStore) { self.store = store }

    /// Blocks are put into the index after so many, so that memory does not grow with what is added.
    private static let commitBlocks = 65_536

    /// What was written so far.
    package var counts: Counts { state.withLock { $0.counts } }

    /// Appends the blocks that the store does not have yet.
    ///
    /// They are trusted to be those of their CIDs.
    package func write(_ blocks: [Block]) async throws(StoreError) {
        if Task.isCancelled { throw StoreError(.cancelled, "The work was stopped.") }
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            try state.withLock { (state) throws(StoreError) in try append(blocks, &state) }
        }
    }

    /// Makes everything written so far last, and known to all.
    package func commit() async throws(StoreError) {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            try state.withLock { (state) throws(StoreError) in try commit(&state) }
        }
    }

    /// Forgets what was written since the last commit.
    func abandon() async {
        await BlockingThreads.shared.run { [self] in
            state.withLock { state in
                state.pack?.undo()
                state.pack = nil
                state.fresh = []
                state.freshHashes = []
            }
        }
    }

    private func append(_ blocks: [Block], _ state: inout State) throws(StoreError) {
        let wanted = blocks.filter { $0.cid.hash.code != .identity }
        let known = try store.index.locate(wanted.map(\.cid.hash))
        var pieces: [[UInt8]] = []
        var pending: UInt64 = 0
        for (block, location) in zip(wanted, known) {
            guard location == nil, state.freshHashes.insert(block.cid.hash).inserted else {
                state.counts.knownBlocks += 1
                continue
            }
            let prefix = CARSection.prefix(for: block.cid, length: block.bytes.count)
            let length = UInt64(prefix.count + block.bytes.count)
            if let pack = state.pack, pack.end + pending + length > BlockStore.packLimit {
                try flush(&pieces, &pending, &state)
                try commit(&state)
                state.pack = nil
            }
            let pack = try openPack(&state)
            let offset = pack.end + pending + UInt64(prefix.count)
            pieces.append(prefix)
            pieces.append(block.bytes)
            pending += length
            state.fresh.append(
                (block.cid.hash, BlockLocation(pack: pack.number, offset: offset, length: block.bytes.count))
            )
            state.counts.newBlocks += 1
            state.counts.newBytes += UInt64(block.bytes.count)
        }
        try flush(&pieces, &pending, &state)
        if state.fresh.count >= Self.commitBlocks { try commit(&state) }
    }

    private func flush(_ pieces: inout [[UInt8]], _ pending: inout UInt64, _ state: inout State) throws(StoreError) {
        guard pending > 0 else { return }
        try openPack(&state).append(pieces, count: pending)
        pieces = []
        pending = 0
    }

    private func openPack(_ state: inout State) throws(StoreError) -> OpenPack {
        if let pack = state.pack { return pack }
        let pack = try OpenPack(in: store)
        state.pack = pack
        return pack
    }

    private func commit(_ state: inout State) throws(StoreError) {
        guard let pack = state.pack, !state.fresh.isEmpty else { return }
        try pack.makeLasting()
        try store.index.add(state.fresh, pack: pack.number, length: pack.end)
        pack.committed()
        state.fresh = []
        state.freshHashes = []
    }
}
