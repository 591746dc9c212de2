internal import IPLD
internal import Multiformats
internal import POSIX
internal import Replication
internal import Storage

/// Reads UnixFS content out of blocks.
struct ContentReader: Sendable {
    /// Gives blocks, checked, in the order of their CIDs.
    let blocks: @Sendable ([CID]) async throws -> [Block]
    let progress: Progress
    /// Whether blocks come from afar, so that none is asked for that can be done without.
    let isFar: Bool
    /// Gives a CAR with a part of what is below a block, where there is such a thing.
    private let extent: @Sendable (ContentExtent, CID) async throws -> (any ByteStream)?

    /// Reads out of what `blocks` gives, and `extent` where many of them are wanted together.
    init(
        progress: Progress,
        isFar: Bool = false,
        extent: @escaping @Sendable (ContentExtent, CID) async throws -> (any ByteStream)? = { _, _ in nil },
        blocks: @escaping @Sendable ([CID]) async throws -> [Block]
    ) {
        self.blocks = blocks
        self.isFar = isFar
        self.extent = extent
        self.progress = progress
    }

    /// A reader for a part of what is below a block, which is asked for at once where that can be; what does not come
    /// so, or is not what it should be, is asked for block by block.
    func ahead(_ wanted: ContentExtent, of block: Block) async -> ContentReader {
        guard let links = try? links(of: block), !links.isEmpty, let stream = try? await extent(wanted, block.cid)
        else { return self }
        let (streamed, blocks) = (StreamedBlocks(stream), blocks)
        return ContentReader(progress: progress, isFar: isFar) { cids in
            let found = await streamed.take(cids)
            let rest = cids.filter { found[$0] == nil }
            let others = rest.isEmpty ? [] : try await blocks(rest)
            var all = found
            for block in others { all[block.cid] = block }
            return cids.compactMap { all[$0] }
        }
    }

    /// One block.
    func block(_ cid: CID) async throws -> Block {
        guard let block = try await blocks([cid]).first else { throw KitError(.notFound, "\(cid) is not there.") }
        return block
    }

    /// The block that a path such as `CID/photos/a.jpg` leads to, and the last name in it.
    ///
    /// Links are given back themselves; they are not followed.
    func resolve(_ path: String) async throws -> (block: Block, name: String) {
        let end = try await end(of: path)
        guard end.value == nil else {
            throw KitError(
                .refused,
                "“\(path)” leads to a value inside a block.",
                hint: Hint(DAGGet.self, ["path": path])
            )
        }
        // As bytes: a letter may be joined to the slash before it.
        let name = path.utf8.split(separator: 0x2F).last.flatMap { String(validating: $0, as: UTF8.self) } ?? path
        return (try await block(end.cid), name)
    }

    /// Where a path leads.
    func end(of text: String) async throws -> PathWalk.End {
        let path: ContentPath
        do throws(FormatProblem) {
            path = try ContentPath(text)
        } catch {
            throw KitError(error, in: text)
        }
        var walk = PathWalk(path)
        while true {
            switch try walk.next() {
            case .need(let cid): try walk.supply(try await block(cid))
            case .end(let end): return end
            case .absent(let followed):
                let name = shownName(path.segments[followed])
                let place = ContentPath(root: path.root, segments: Array(path.segments[..<followed]))
                throw KitError(
                    .notFound,
                    "There is no “\(name)” in \(place).",
                    hint: Hint(List.self, ["path": place]),
                    cid: path.root
                )
            }
        }
    }

    /// Hands the entries of a directory to `body`, one after another.
    func entries(of directory: Block, _ body: (DirectoryEntry) async throws -> Void) async throws {
        var walk = try DirectoryWalk(root: directory)
        while let step = try walk.next() {
            switch step {
            case .need(let cid): try walk.supply(try await block(cid))
            case .entry(let entry): try await body(entry)
            }
        }
    }

    /// How many bytes of content are on their way at once.
    private static let ahead = 8 << 20
    /// In how many parts they are, each of which takes a request where they come from afar.
    private var parts: Int { isFar ? 4 : 8 }

    /// The bytes of a file, or of the part of it in `range`, passed to `sink` piece by piece.
    ///
    /// While the sink has some pieces, the blocks of the next ones are read and checked.
    func read(
        _ root: Block,
        _ range: Range<UInt64>? = nil,
        _ sink: @escaping (ArraySlice<UInt8>) async throws -> Void
    ) async throws {
        let blocks = blocks
        var walk = try FileWalk(root: root, range: range)
        var fetched: [CID: Block] = [:]
        var underway: Set<CID> = []
        func pass(_ pieces: [ArraySlice<UInt8>]) async throws {
            for piece in pieces {
                try Task.checkCancellation()
                try await sink(piece)
                progress.bytes(UInt64(piece.count))
            }
        }
        try await pass(Self.pieces(&walk, fetched))
        let parts = parts
        try await inOrder(lanes: isFar ? parts : nil) { () -> [CID]? in
            let upcoming = walk.upcoming(Self.ahead)
            let wanted = upcoming.filter { fetched[$0] == nil && !underway.contains($0) }
            guard !wanted.isEmpty else { return nil }
            // A CID may be there several times.
            let part = Array(Set(wanted.prefix(max(1, upcoming.count / parts))))
            underway.formUnion(part)
            return part
        } work: { (part: [CID]) -> [Block] in
            try await blocks(part)
        } take: { (part: [Block]) in
            for block in part {
                fetched[block.cid] = block
                underway.remove(block.cid)
            }
            try await pass(Self.pieces(&walk, fetched))
            let upcoming = Set(walk.upcoming(Self.ahead))
            fetched = fetched.filter { upcoming.contains($0.key) }
        }
    }

    /// The pieces that the blocks at hand give.
    private static func pieces(
        _ walk: inout FileWalk,
        _ fetched: [CID: Block]
    ) throws(DecodingProblem) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        while let step = try walk.next() {
            switch step {
            case .bytes(let bytes): pieces.append(bytes)
            case .need(let cid):
                guard let block = fetched[cid] else { return pieces }
                try walk.supply(block)
            }
        }
        return pieces
    }
}
