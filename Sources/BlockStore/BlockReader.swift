public import IPLD
public import Multiformats
internal import POSIX
internal import Synchronization

extension BlockStore {
    /// Runs `body` on a thread that may block, with synchronous access to the blocks.
    ///
    /// For work that looks at many blocks in turn: it saves a change of threads for each of them.
    public func reading<Value: Sendable>(
        _ body: @escaping @Sendable (BlockReader) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let reader = BlockReader(store: self)
        do {
            return try await withTaskCancellationHandler {
                try await BlockingThreads.shared.run { () throws(StoreError) in try body(reader) }
            } onCancel: {
                reader.stop()
            }
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.unexpected, "\(error)")
        }
    }
}

/// Synchronous access to the blocks of a store, for use on a thread that may block.
public final class BlockReader: Sendable {
    private let store: BlockStore
    private let stopped = Atomic(false)

    init(store: BlockStore) { self.store = store }

    func stop() { stopped.store(true, ordering: .relaxed) }

    /// Where a block is; throws `notFound` where it is not there.
    ///
    /// Identity CIDs have no place.
    public func locate(_ cid: CID) throws(StoreError) -> BlockLocation? {
        if stopped.load(ordering: .relaxed) { throw StoreError(.cancelled, "The work was stopped.") }
        if cid.hash.code == .identity { return nil }
        guard let location = try store.index.locate([BlockKey(cid)])[0] else { throw try store.absence(of: cid) }
        return location
    }

    /// Throws `changed` where a block lies in a file that is not the store's, and that is gone; nothing is read of it.
    public func expectFile(of cid: CID, _ location: BlockLocation?) throws(StoreError) {
        guard let location, location.pack.isReferences else { return }
        try store.atPlace(of: cid, location) { (place) throws(StoreError) in
            if place.pack.isReferences { try store.expectFile(of: cid, place) }
        }
    }

    /// Reads a block, and checks it against its CID; throws `notFound` where it is not there, `corrupt` for other
    /// bytes.
    public func get(_ cid: CID) throws(StoreError) -> Block { try read(cid, at: try locate(cid)) }

    /// Reads blocks, in the order of `cids`, and checks each against its CID.
    public func get(_ cids: [CID]) throws(StoreError) -> [Block] {
        let locations = try store.index.locate(cids.map { BlockKey($0) })
        var blocks: [Block] = []
        blocks.reserveCapacity(cids.count)
        for (cid, location) in zip(cids, locations) { blocks.append(try read(cid, at: location)) }
        return blocks
    }

    /// Reads a block whose place is known, and checks it against its CID.
    public func read(_ cid: CID, at location: BlockLocation?) throws(StoreError) -> Block {
        if stopped.load(ordering: .relaxed) { throw StoreError(.cancelled, "The work was stopped.") }
        return try store.read(cid, at: location)
    }
}
