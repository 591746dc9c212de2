internal import BlockStore
internal import IPLD
internal import Multiformats

/// Says of DAGs whether each is whole in the store and may be kept.
///
/// Known is not readable: every block is read, but for leaves whose bytes were seen by who asks. Blocks that several of
/// them share are looked at once, so that an archive that names all its blocks as roots does not cost the square of
/// their number.
struct RootCheck {
    /// A block whose links are being followed.
    private struct Open {
        let cid: CID
        let links: [CID]
        var next = 0
        var flaw: StoreError?
    }

    private let seen: SeenBlocks
    private var whole: Set<CID> = []
    private var flaws: [CID: StoreError] = [:]
    private var open: [Open] = []

    private init(_ seen: SeenBlocks) { self.seen = seen }

    /// What keeps each of the roots from being kept: the first block that is missing, or that cannot be followed; nil
    /// for one that is whole.
    static func flaws(
        of roots: [CID],
        in store: BlockStore,
        seen: SeenBlocks
    ) async throws(StoreError) -> [StoreError?] {
        try await store.reading { (reader) throws(StoreError) in
            var check = RootCheck(seen)
            var flaws: [StoreError?] = []
            for root in roots { flaws.append(try check.flaw(of: root, reader)) }
            return flaws
        }
    }

    private mutating func flaw(of root: CID, _ reader: BlockReader) throws(StoreError) -> StoreError? {
        try enter(root, reader)
        while let top = open.indices.last {
            if open[top].flaw == nil, open[top].next < open[top].links.count {
                let child = open[top].links[open[top].next]
                open[top].next += 1
                try enter(child, reader)
            } else {
                let done = open.removeLast()
                settle(done.cid, done.flaw)
            }
        }
        return flaws[root]
    }

    /// Looks at a block, and leaves it open where it has links.
    private mutating func enter(_ cid: CID, _ reader: BlockReader) throws(StoreError) {
        if whole.contains(cid) { return }
        if let flaw = flaws[cid] { return settle(cid, flaw) }
        do throws(StoreError) {
            let links = try links(of: cid, reader)
            if links.isEmpty { settle(cid, nil) } else { open.append(Open(cid: cid, links: links)) }
        } catch {
            guard error.code != .cancelled else { throw error }
            settle(cid, error)
        }
    }

    /// Notes what is known of a block; a flaw is one of what leads to it as well.
    private mutating func settle(_ cid: CID, _ flaw: StoreError?) {
        guard let flaw else {
            whole.insert(cid)
            return
        }
        flaws[cid] = flaw
        if let parent = open.indices.last { open[parent].flaw = flaw }
    }

    private func links(of cid: CID, _ reader: BlockReader) throws(StoreError) -> [CID] {
        let location = try reader.locate(cid)
        try cid.checkStorable(length: location?.length ?? cid.hash.digest.count)
        if cid.codec == .raw, let location, seen.contains(location) { return [] }
        let block = try reader.read(cid, at: location)
        do throws(DecodingProblem) {
            return try IPLD.links(of: block)
        } catch {
            throw StoreError(.problem(error.code), "The links of \(cid) cannot be followed: \(error)", cid: cid)
        }
    }
}
