public import IPLD
internal import Multiformats
internal import POSIX
internal import Synchronization

extension BlockStore {
    /// Lends a writer; what it wrote is on the disk, and can be found, when this returns.
    ///
    /// When `body` throws, what was not committed yet is dropped.
    public func ingest<Value: Sendable>(
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

/// Places in the store whose bytes were looked at, and need not be read again to be relied upon.
public struct SeenBlocks: Sendable {
    /// What was appended to each pack: from where on, and up to where.
    fileprivate(set) var appended: [PackID: Range<UInt64>] = [:]
    /// What was there already.
    fileprivate(set) var compared: Set<BlockLocation> = []

    /// Nothing was looked at.
    public init() {}

    /// Whether the bytes of a block were seen there.
    public func contains(_ location: BlockLocation) -> Bool {
        appended[location.pack]?.contains(location.offset) ?? false || compared.contains(location)
    }

    /// Adds what another ingest saw; the two wrote to packs of their own.
    public mutating func formUnion(_ other: SeenBlocks) {
        appended.merge(other.appended) { $0.lowerBound < $1.lowerBound ? $0 : $1 }
        compared.formUnion(other.compared)
    }
}

/// Writes blocks into the store.
///
/// Used by one task at a time.
public final class Ingest: Sendable {
    private struct State {
        /// The pack for blocks, and the one for references.
        var packs: [OpenPack?] = [nil, nil]
        /// Blocks that were written and are not in the index yet.
        var fresh: [IndexEntry] = []
        var freshKeys: Set<BlockKey> = []
        var seen = SeenBlocks()
        /// Whether the index was looked at since the last commit.
        var hasLooked = false
        /// Whether something is relied upon that others published, which may not be on the disk.
        var reliesOnOthers = false
        var counts = Counts()
    }

    /// What was written and what was there already.
    public struct Counts: Sendable, Hashable {
        /// Blocks that the store did not have, and their bytes.
        public var newBlocks: UInt64 = 0
        /// The bytes of the new blocks.
        public var newBytes: UInt64 = 0
        /// Blocks that the store had, with the same bytes.
        public var knownBlocks: UInt64 = 0
        /// Blocks whose bytes in the store were damaged, or are not where they were, and that were written again.
        public var healedBlocks: UInt64 = 0

        /// Nothing was written.
        public init() {}
    }

    private let store: BlockStore
    private let state = Mutex(State())

    init(store: BlockStore) { self.store = store }

    /// Blocks are put into the index after so many, so that memory does not grow with what is added.
    private static let commitBlocks = 65_536

    /// What was written so far.
    public var counts: Counts { state.withLock { $0.counts } }

    /// Appends the blocks that the store does not have yet, or has no more as they were.
    ///
    /// They are trusted to be those of their CIDs. What is known already is compared with the bytes at hand, for known
    /// is not readable. Throws a `problem` where ``CID/checkLimits(length:)`` does.
    public func write(_ blocks: [Block]) async throws(StoreError) {
        try await write(blocks.map { Content(cid: $0.cid, bytes: $0.bytes[...]) })
    }

    /// Appends the blocks of an archive that the store does not have yet; see the other ``write(_:)``.
    public func write(_ sections: [CARSection]) async throws(StoreError) {
        try await write(sections.map { Content(cid: $0.cid, bytes: $0.bytes) })
    }

    /// A block whose bytes may lie among others.
    private struct Content {
        let cid: CID
        let bytes: ArraySlice<UInt8>
    }

    private func write(_ blocks: [Content]) async throws(StoreError) {
        for block in blocks { try block.cid.checkStorable(length: block.bytes.count) }
        try await change { [store] (state) throws(StoreError) in
            let wanted = blocks.filter { $0.cid.hash.code != .identity }
            let keys = wanted.map { BlockKey($0.cid) }
            let known = try Self.locate(keys, &state, store)
            var batch = Batch()
            for (index, block) in wanted.enumerated() {
                // A copy of one's own is better than a reference to what somebody else may change.
                let stored = known[index]?.pack.isReferences == true ? nil : known[index]
                guard Self.isNeeded(keys[index], stored, block.bytes.count, &state, { store.holds(block.bytes, $0) })
                else { continue }
                try Self.append(block, as: nil, keys[index], &batch, &state, store)
            }
            try batch.flush(to: state.packs[0])
        }
    }

    /// Notes where the blocks are that the store does not have yet, or has no more: in files that are not the store's.
    ///
    /// They are read, and checked, there whenever they are asked for. Their CIDs are trusted. A reference that was
    /// noted before, and leads to a file that moved or changed, is replaced.
    public func refer(to references: [Reference]) async throws(StoreError) {
        for reference in references { try reference.cid.checkStorable(length: reference.length) }
        try await change { [store] (state) throws(StoreError) in
            let wanted = references.filter { $0.cid.hash.code != .identity }
            let keys = wanted.map { BlockKey($0.cid) }
            let known = try Self.locate(keys, &state, store)
            var batch = Batch()
            for (index, reference) in wanted.enumerated()
            where Self.isNeeded(
                keys[index],
                known[index],
                reference.length,
                &state,
                { store.isReadable(reference.cid, $0, as: reference) }
            ) {
                let block = try reference.block()
                let content = Content(cid: block.cid, bytes: block.bytes[...])
                try Self.append(content, as: reference, keys[index], &batch, &state, store)
            }
            try batch.flush(to: state.packs[1])
        }
    }

    private func change(
        _ body: @escaping @Sendable (inout State) throws(StoreError) -> Void
    ) async throws(StoreError) {
        if Task.isCancelled { throw StoreError(.cancelled, "The work was stopped.") }
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            try state.withLock { (state) throws(StoreError) in
                try body(&state)
                if state.fresh.count >= Self.commitBlocks { try Self.commit(&state, store) }
            }
        }
    }

    /// The places whose bytes this ingest wrote, or compared with those at hand.
    public var seen: SeenBlocks { state.withLock { $0.seen } }

    /// Makes everything written so far last, and known to all; and what was found there, too.
    public func commit() async throws(StoreError) {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            try state.withLock { (state) throws(StoreError) in try Self.commit(&state, store) }
        }
    }

    /// Where blocks are by the index as it was when this ingest looked at it, which is once for each commit.
    ///
    /// What others store meanwhile is stored again, which does no harm; nothing is collected meanwhile; and what is
    /// said to be somewhere is compared with the bytes at hand.
    private static func locate(
        _ keys: [BlockKey],
        _ state: inout State,
        _ store: BlockStore
    ) throws(StoreError) -> [BlockLocation?] {
        if !state.hasLooked { _ = try store.index.segments() }
        state.hasLooked = true
        return try store.index.locateKnown(keys)
    }

    /// Forgets what was written since the last commit.
    func abandon() async {
        await BlockingThreads.shared.run { [self] in
            state.withLock { state in
                for pack in state.packs { pack?.undo() }
                state.packs = [nil, nil]
                state.fresh = []
                state.freshKeys = []
            }
        }
    }

    /// Whether a block is to be written; counts it.
    ///
    /// `isSound` is asked of one that is known whether its bytes are there.
    private static func isNeeded(
        _ key: BlockKey,
        _ known: BlockLocation?,
        _ length: Int,
        _ state: inout State,
        _ isSound: (BlockLocation) -> Bool
    ) -> Bool {
        if state.freshKeys.contains(key) {
            state.counts.knownBlocks += 1
            return false
        }
        if let known {
            guard !isSound(known) else {
                state.reliesOnOthers = true
                state.counts.knownBlocks += 1
                state.seen.compared.insert(known)
                return false
            }
            state.counts.healedBlocks += 1
        } else {
            state.counts.newBlocks += 1
            state.counts.newBytes += UInt64(length)
        }
        state.freshKeys.insert(key)
        return true
    }

    /// Sections that are to be written to one pack together.
    private struct Batch {
        var pieces: [ArraySlice<UInt8>] = []
        var count: UInt64 = 0

        mutating func flush(to pack: OpenPack?) throws(StoreError) {
            guard count > 0 else { return }
            try pack?.append(pieces, count: count)
            self = Batch()
        }
    }

    /// Appends a section: a block, or what says where one is.
    private static func append(
        _ block: Content,
        as reference: Reference?,
        _ key: BlockKey,
        _ batch: inout Batch,
        _ state: inout State,
        _ store: BlockStore
    ) throws(StoreError) {
        let prefix = CARSection.prefix(for: block.cid, length: block.bytes.count)
        let length = UInt64(prefix.count + block.bytes.count)
        let kind = reference == nil ? 0 : 1
        if let pack = state.packs[kind], pack.end + batch.count + length > BlockStore.packLimit {
            try batch.flush(to: pack)
            try commit(&state, store)
            state.packs[kind] = nil
        }
        let pack = try openPack(kind, &state, store)
        let start = pack.end + batch.count
        batch.pieces += [prefix[...], block.bytes]
        batch.count += length
        let location = BlockLocation(
            pack: pack.id,
            offset: reference == nil ? start + UInt64(prefix.count) : start,
            length: reference?.length ?? block.bytes.count
        )
        state.fresh.append(IndexEntry(key, at: location))
        let first = state.seen.appended[pack.id]?.lowerBound ?? start
        state.seen.appended[pack.id] = first..<start + length
    }

    private static func openPack(_ kind: Int, _ state: inout State, _ store: BlockStore) throws(StoreError) -> OpenPack
    {
        if let pack = state.packs[kind] { return pack }
        let pack = try OpenPack(in: store, references: kind == 1)
        state.packs[kind] = pack
        return pack
    }

    private static func commit(_ state: inout State, _ store: BlockStore) throws(StoreError) {
        guard !state.fresh.isEmpty else {
            if state.reliesOnOthers { try store.index.makeLasting() }
            state.reliesOnOthers = false
            return
        }
        let packs = state.packs.compactMap { $0 }
        for pack in packs { try pack.makeLasting() }
        let publication = try store.index.add(state.fresh, packs: packs.map { ($0.id, $0.end) })
        // Whatever fails from here on, the index may lead to what was appended: it stays.
        for pack in packs { pack.committed() }
        state.fresh = []
        state.freshKeys = []
        state.hasLooked = false
        if case .notLasting(let error) = publication { throw StoreError(error) }
        state.reliesOnOthers = false
    }
}
