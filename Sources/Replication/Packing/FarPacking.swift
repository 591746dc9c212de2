internal import BlockStore
internal import Digests
internal import IPLD
internal import Multiformats
internal import Storage

/// How the CARs of what comes from afar are packed: everything is fetched once, and laid out from where it is kept
/// meanwhile (decision 0012).
///
/// Whoever packs has one of his own, so that a slow backend keeps no other from packing.
package struct FarPacking: Sendable {
    /// A folder for files that are needed for a while.
    let scratch: String
    /// How many may be in files at once.
    private let files = Permits(2)

    package init(scratch: String) { self.scratch = scratch }

    /// Fetches everything below a root from a source, and lays it out.
    ///
    /// A CAR that breaks off, or is damaged, brings what it brings: whether something is missing the walk tells, and it
    /// asks for that by its CID.
    func pack(
        _ root: CID,
        from source: any BlockSource,
        holding limit: UInt64
    ) async throws(ReplicationError) -> PackedDAG {
        var spool = Spool(in: scratch)
        if try await !fill(spool, with: root, from: source) {
            // It is longer than memory has room for: nobody waits in line with a stream in his hand.
            spool = Spool(in: scratch)
            spool.allowFile(try await place())
            _ = try await fill(spool, with: root, from: source)
        }
        let layout = try await layout(root, from: source, spool)
        let cids = layout.cids
        var held: Body?
        do throws(StoreError) {
            if layout.length <= limit {
                var bytes = layout.header
                for block in try await spool.blocks(cids) {
                    bytes += CARSection.prefix(for: block.cid, length: block.bytes.count)
                    bytes += block.bytes
                }
                held = Body(bytes, sha256: digest(.sha256, of: bytes))
            }
        } catch {
            throw .store(error)
        }
        return PackedDAG(layout, held: held) { [spool] (part, _) async throws(StoreError) in
            try await spool.blocks(Array(cids[part]))
        }
    }

    private func place() async throws(ReplicationError) -> Permits.Permit {
        do throws(StorageError) { return try await files.take() } catch { throw .storage(error) }
    }

    /// Puts the blocks of a CAR into a spool, where there is a CAR; false where it needs a file that it may not have.
    private func fill(
        _ spool: Spool,
        with root: CID,
        from source: any BlockSource
    ) async throws(ReplicationError) -> Bool {
        guard let stream = try await source.export(root)?.bytes else { return true }
        var iterator = VerifiedSections(stream, root: root).makeAsyncIterator()
        var wanted = WantedSections(root: root)
        while true {
            let sections: [CARSection]
            do throws(StorageError) {
                guard !wanted.isStrange, let next = try await iterator.next() else { return true }
                sections = wanted.take(next)
            } catch {
                if error.code == .cancelled { throw .storage(error) }
                return true
            }
            guard !spool.needsFile(for: sections.reduce(0) { $0 + $1.bytes.count }) else { return false }
            try await add(sections.map { ($0.cid, $0.bytes) }, to: spool)
        }
    }

    private func add(
        _ blocks: [(cid: CID, bytes: ArraySlice<UInt8>)],
        to spool: Spool
    ) async throws(ReplicationError) {
        do throws(StoreError) { try await spool.add(blocks) } catch { throw .store(error) }
    }

    /// Walks the DAG over what is in the spool; what no CAR brought is asked for by its CID.
    private func layout(
        _ root: CID,
        from source: any BlockSource,
        _ spool: Spool
    ) async throws(ReplicationError) -> DAGLayout {
        var walk = DAGWalk(root: root)
        var layout = DAGLayout(of: root)
        var size = BatchSize()
        while let cid = walk.next() {
            if spool.length(of: cid) == nil {
                let wanted = [cid] + walk.upcoming(size.count - 1).filter { spool.length(of: $0) == nil }
                let blocks = try await source.blocks(wanted, below: root)
                size.note(blocks)
                if spool.needsFile(for: blocks.reduce(0) { $0 + $1.bytes.count }) { spool.allowFile(try await place()) }
                try await add(blocks.map { ($0.cid, $0.bytes[...]) }, to: spool)
            }
            do throws(DecodingProblem) {
                try layout.add(cid, length: spool.length(of: cid) ?? 0)
            } catch {
                let message = "The DAG of \(root) cannot be kept: \(error)"
                throw .store(StoreError(.problem(error.code), message, cid: cid))
            }
            guard cid.codec != .raw else { continue }
            do throws(StoreError) {
                let block = try await spool.block(cid)
                do throws(DecodingProblem) { walk.visit(try links(of: block)) } catch {
                    throw StoreError(error, linksOf: cid)
                }
            } catch {
                throw .store(error)
            }
        }
        return layout
    }
}
