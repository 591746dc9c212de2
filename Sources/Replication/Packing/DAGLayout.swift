package import BlockStore
internal import Digests
internal import IPLD
package import Multiformats
package import Storage

/// The deterministic CARv1 of a DAG, laid out without reading its content: one root, depth first, each block once.
///
/// It is byte for byte what Kubo's `dag export` writes.
package struct DAGLayout: Sendable {
    /// A section of the CAR.
    struct Entry: Sendable {
        let cid: CID
        let location: BlockLocation?
        /// The offset of the section's first byte in the CAR.
        let offset: UInt64
    }

    package let root: CID
    /// The length of the CAR in bytes.
    package let length: UInt64
    let header: [UInt8]
    let entries: [Entry]

    /// The number of blocks.
    package var blockCount: Int { entries.count }

    /// The sum of the lengths of the blocks, in bytes.
    package var blockBytes: UInt64 {
        entries.reduce(0) { $0 + UInt64($1.location?.length ?? $1.cid.hash.digest.count) }
    }

    /// The CIDs of the DAG in the order of the CAR.
    package var cids: [CID] { entries.map(\.cid) }

    /// Where the sections of the CAR lie.
    package var places: [SectionPlace] { entries.map { SectionPlace($0.cid, at: $0.offset) } }

    /// Walks the DAG of `root` in the store.
    ///
    /// Throws `notFound` for the first block that is missing, and `corrupt` for one whose bytes are wrong.
    package init(of root: CID, in store: BlockStore) async throws(StoreError) {
        self = try await store.reading { (reader) throws(StoreError) in try DAGLayout(of: root, reader) }
    }

    /// Walks the DAG of `root` in the store and packs its CAR, where that has at most `limit` bytes, all in one go.
    static func packed(
        _ root: CID,
        in store: BlockStore,
        limit: UInt64
    ) async throws(StoreError) -> (layout: DAGLayout, body: Body?) {
        try await store.reading { (reader) throws(StoreError) in
            let layout = try DAGLayout(of: root, reader)
            guard layout.length <= limit else { return (layout, nil) }
            var bytes = layout.header
            bytes.reserveCapacity(Int(layout.length))
            for entry in layout.entries {
                let block = try reader.read(entry.cid, at: entry.location)
                bytes += CARSection.prefix(for: entry.cid, length: block.bytes.count)
                bytes += block.bytes
            }
            return (layout, Body(bytes, sha256: digest(.sha256, of: bytes)))
        }
    }

    private init(of root: CID, _ reader: BlockReader) throws(StoreError) {
        var walk = DAGWalk(root: root)
        var entries: [Entry] = []
        let header = CARHeader(roots: [root]).encoded
        var offset = UInt64(header.count)
        while let cid = walk.next() {
            let location = try reader.locate(cid)
            entries.append(Entry(cid: cid, location: location, offset: offset))
            let length = location?.length ?? cid.hash.digest.count
            do throws(DecodingProblem) { try cid.checkLimits(length: length) } catch {
                throw StoreError(.problem(error.code), "The DAG of \(root) cannot be kept: \(error)", cid: cid)
            }
            offset += UInt64(CARSection.length(for: cid, length: length))
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
        self.root = root
        self.header = header
        self.entries = entries
        length = offset
    }
}
