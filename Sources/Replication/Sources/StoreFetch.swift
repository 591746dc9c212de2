package import BlockStore
internal import IPLD
package import Multiformats
package import Storage

/// Brings what the store lacks of a DAG into it, out of another source.
///
/// What came is kept when the work is stopped, and is not asked for again by the next one.
package struct StoreFetch: Sendable {
    /// What was brought.
    package struct Counts: Sendable, Hashable {
        package var blocks: UInt64 = 0
        package var bytes: UInt64 = 0
        /// Who gave them, as the configuration names them.
        package var givers: Set<String> = []

        package init() {}
    }

    private let store: BlockStore
    private let source: any BlockSource
    private let progress: Progress

    package init(into store: BlockStore, from source: any BlockSource, progress: Progress) {
        (self.store, self.source, self.progress) = (store, source, progress)
    }

    /// After so many bytes, what came is made to last.
    private static let lasting: UInt64 = 32 << 20

    /// Fetches what is missing or damaged below a root; throws for a block that cannot be had.
    ///
    /// Each block is read or comes anew, so all of it was seen when this returns.
    package func bring(_ root: CID) async throws(ReplicationError) -> Counts {
        try await translating {
            var counts = Counts()
            if try await !store.has(root), let stream = try await source.export(root) {
                let before = counts.blocks
                try await store.ingest { try await take(stream.bytes, of: root, $0, &counts) }
                if counts.blocks > before { counts.givers.insert(stream.giver) }
            }
            try await store.ingest { ingest in
                do {
                    try await walk(root, ingest, &counts)
                } catch let error where !(error is StoreError) {
                    // What came need not come again.
                    try await ingest.commit()
                    throw error
                }
            }
            return counts
        }
    }

    /// Takes what a CAR brings before it ends, however that is: what is missing then is asked for block by block.
    private func take(
        _ stream: any ByteStream,
        of root: CID,
        _ ingest: Ingest,
        _ counts: inout Counts
    ) async throws {
        var iterator = VerifiedSections(stream, root: root).makeAsyncIterator()
        var wanted = WantedSections(root: root)
        var fresh: UInt64 = 0
        while true {
            let sections: [CARSection]
            do throws(StorageError) {
                guard !wanted.isStrange, let next = try await iterator.next() else { return }
                sections = wanted.take(next)
            } catch {
                guard error.code != .cancelled else {
                    try await ingest.commit()
                    throw error
                }
                return
            }
            try await ingest.write(sections)
            let bytes = sections.reduce(0) { $0 + UInt64($1.bytes.count) }
            try await note(sections.count, bytes, ingest, &fresh, &counts)
        }
    }

    /// Follows the links from a root, and asks for what is not in the store.
    private func walk(_ root: CID, _ ingest: Ingest, _ counts: inout Counts) async throws {
        var walk = DAGWalk(root: root)
        // The links of what came, which may not be found in the store before it lasts.
        var fetched: [CID: [CID]] = [:]
        var fresh: UInt64 = 0
        var size = BatchSize()
        while let cid = walk.next() {
            if let children = fetched.removeValue(forKey: cid) {
                walk.visit(children)
                continue
            }
            if let children = try await self.links(here: cid) {
                walk.visit(children)
                continue
            }
            var wanted = [cid]
            for next in walk.upcoming(size.count - 1) where fetched[next] == nil && !wanted.contains(next) {
                if try await !store.has(next) { wanted.append(next) }
            }
            let found = try await source.find(wanted, below: root)
            // What came is kept, whatever became of the rest.
            let blocks = wanted.compactMap { found.blocks[$0] }
            try await ingest.write(blocks)
            counts.givers.formUnion(found.givers)
            for block in blocks { fetched[block.cid] = try IPLD.links(of: block) }
            size.note(blocks)
            let bytes = blocks.reduce(0) { $0 + UInt64($1.bytes.count) }
            try await note(blocks.count, bytes, ingest, &fresh, &counts)
            _ = try found.all(wanted)
            walk.visit(fetched.removeValue(forKey: cid) ?? [])
        }
    }

    /// The links of a block that is in the store; nil where it is not, or is damaged there.
    private func links(here cid: CID) async throws -> [CID]? {
        let block: Block
        do throws(StoreError) {
            block = try await store.get(cid)
        } catch {
            guard [.notFound, .corrupt, .changed].contains(error.code) else { throw error }
            return nil
        }
        return try IPLD.links(of: block)
    }

    private func note(
        _ blocks: Int,
        _ bytes: UInt64,
        _ ingest: Ingest,
        _ fresh: inout UInt64,
        _ counts: inout Counts
    ) async throws {
        progress.bytes(bytes)
        counts.blocks += UInt64(blocks)
        counts.bytes += bytes
        fresh += bytes
        guard fresh >= Self.lasting else { return }
        fresh = 0
        try await ingest.commit()
    }
}
