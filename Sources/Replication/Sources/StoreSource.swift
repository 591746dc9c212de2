package import BlockStore
internal import Digests
internal import IPLD
package import Multiformats
package import Storage

/// The embedded store as a source of content.
package struct StoreSource: BlockSource {
    private let store: BlockStore

    package init(_ store: BlockStore) { self.store = store }

    package var isFar: Bool { false }

    /// What the configuration calls it.
    private static let name = "store"

    package func find(_ cids: [CID], below root: CID) async throws(ReplicationError) -> FoundBlocks {
        try await reading { (reader) throws(StoreError) in
            var found = FoundBlocks()
            for cid in cids {
                do throws(StoreError) {
                    found.blocks[cid] = try reader.get(cid)
                } catch {
                    guard error.isOfContent else { throw error }
                    found.problem = found.problem ?? .store(error)
                }
            }
            if !found.blocks.isEmpty { found.givers = [Self.name] }
            return found
        }
    }

    /// Its blocks lie where they were stored, and no CAR is made of them before somebody packs one.
    package func export(_ root: CID) async throws(ReplicationError) -> SourceStream? { nil }

    package func pack(
        _ root: CID,
        by packing: FarPacking,
        holding limit: UInt64
    ) async throws(ReplicationError) -> PackedDAG {
        try await pack(root, holding: limit)
    }

    package func expectWhole(_ root: CID, progress: Progress) async throws(ReplicationError) {
        let packed = try await pack(root)
        try await ReplicationError.ofSource { () async throws(StorageError) in
            for try await chunk in packed.body.look() { progress.bytes(UInt64(chunk.count)) }
        }
    }

    /// Lays out the CAR of a root; one of at most `limit` bytes is held in memory.
    ///
    /// Throws `notFound` for the first block that is missing, and `corrupt` for one whose bytes are wrong; raw blocks
    /// are looked up here, and read with the body.
    package func pack(_ root: CID, holding limit: UInt64 = 0) async throws(ReplicationError) -> PackedDAG {
        let store = store
        return try await reading { (reader) throws(StoreError) in
            let (layout, locations) = try Self.layout(root, reader)
            let places = Array(zip(layout.entries.map(\.cid), locations)).map { (cid: $0, location: $1) }
            return PackedDAG(layout, held: try Self.held(layout, places, limit, reader)) {
                (part, isAlone) async throws(StoreError) in
                if isAlone { return try await store.get(Array(places[part])) }
                return try await store.reading { (reader) throws(StoreError) in
                    var blocks: [Block] = []
                    blocks.reserveCapacity(part.count)
                    for place in places[part] { blocks.append(try reader.read(place.cid, at: place.location)) }
                    return blocks
                }
            }
        }
    }

    /// Throws unless every block of a root is kept here, as far as that can be told without reading leaves.
    package func expectHere(_ root: CID) async throws(ReplicationError) {
        _ = try await reading { (reader) throws(StoreError) in try Self.layout(root, reader) }
    }

    private func reading<Value: Sendable>(
        _ body: @escaping @Sendable (BlockReader) throws(StoreError) -> Value
    ) async throws(ReplicationError) -> Value {
        do throws(StoreError) {
            return try await store.reading(body)
        } catch {
            throw .store(error)
        }
    }

    /// Walks the DAG of a root; the places of its blocks in the order of the layout.
    private static func layout(
        _ root: CID,
        _ reader: BlockReader
    ) throws(StoreError) -> (layout: DAGLayout, locations: [BlockLocation?]) {
        var walk = DAGWalk(root: root)
        var layout = DAGLayout(of: root)
        var locations: [BlockLocation?] = []
        while let cid = walk.next() {
            let location = try reader.locate(cid)
            locations.append(location)
            do throws(DecodingProblem) {
                try layout.add(cid, length: location?.length ?? cid.hash.digest.count)
            } catch {
                throw StoreError(.problem(error.code), "The DAG of \(root) cannot be kept: \(error)", cid: cid)
            }
            // Raw blocks have no links, so their bytes need not be looked at.
            guard cid.codec != .raw else {
                try reader.expectFile(of: cid, location)
                continue
            }
            let block = try reader.read(cid, at: location)
            do throws(DecodingProblem) {
                walk.visit(try links(of: block))
            } catch {
                throw StoreError(error, linksOf: cid)
            }
        }
        return (layout, locations)
    }

    private static func held(
        _ layout: DAGLayout,
        _ places: [(cid: CID, location: BlockLocation?)],
        _ limit: UInt64,
        _ reader: BlockReader
    ) throws(StoreError) -> Body? {
        guard layout.length <= limit else { return nil }
        var bytes = layout.header
        bytes.reserveCapacity(Int(layout.length))
        for place in places {
            let block = try reader.read(place.cid, at: place.location)
            bytes += CARSection.prefix(for: place.cid, length: block.bytes.count)
            bytes += block.bytes
        }
        return Body(bytes, sha256: digest(.sha256, of: bytes))
    }
}
