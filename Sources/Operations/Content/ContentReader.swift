internal import BlockStore
internal import IPLD
internal import Multiformats
internal import POSIX
internal import Storage

/// Reads UnixFS content out of blocks.
struct ContentReader: Sendable {
    /// Gives blocks, checked, in the order of their CIDs.
    let blocks: @Sendable ([CID]) async throws -> [Block]
    let progress: Progress

    /// Reads out of the store.
    init(store: BlockStore, progress: Progress) {
        self.init(progress: progress) { try await store.get($0) }
    }

    /// Reads out of what `blocks` gives.
    init(progress: Progress, blocks: @escaping @Sendable ([CID]) async throws -> [Block]) {
        self.blocks = blocks
        self.progress = progress
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
            throw KitError(.refused, "“\(path)” leads to a value inside a block.", hint: "ipfs-kit dag get \(path)")
        }
        let name = path.split(separator: "/").last.map { String($0) } ?? path
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
                let name = String(decoding: path.segments[followed], as: UTF8.self)
                let place = ContentPath(root: path.root, segments: Array(path.segments[..<followed]))
                throw KitError(
                    .notFound,
                    "There is no “\(name)” in \(place).",
                    hint: "ipfs-kit ls \(place)",
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

    /// How many bytes of content are on their way at once, and in how many parts.
    private static let ahead = 8 << 20
    private static let parts = 4

    /// The bytes of a file, or of the part of it in `range`, passed to `sink` piece by piece.
    ///
    /// While the sink has some pieces, the blocks of the next ones are read and checked.
    func read(
        _ root: Block,
        _ range: Range<UInt64>? = nil,
        _ sink: (ArraySlice<UInt8>) async throws -> Void
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
        try await inOrder(width: Self.parts) { () -> [CID]? in
            let upcoming = walk.upcoming(Self.ahead)
            let wanted = upcoming.filter { fetched[$0] == nil && !underway.contains($0) }
            guard !wanted.isEmpty else { return nil }
            // A CID may be there several times.
            let part = Array(Set(wanted.prefix(max(1, upcoming.count / Self.parts))))
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

    /// Writes what `block` stands for to `path`, where nothing may be yet.
    ///
    /// Names come from strangers: none may lead out of its directory, and nothing is written through a link. Permissions and
    /// times that were kept are given back, but for the bits that let a program run as somebody else.
    func extract(_ block: Block, to path: String) async throws { try await extract(block, to: Array(path.utf8)) }

    private func extract(_ block: Block, to path: [UInt8]) async throws {
        switch try UnixFSEntry(block) {
        case .file, .raw: try await extractFile(block, to: path)
        case .directory, .shardedDirectory:
            try await files { () throws(FileError) in try makeNewDirectory(path) }
            try await entries(of: block) { entry in
                guard Self.isSafe(entry.name) else {
                    throw KitError(
                        .refused,
                        "The directory \(block.cid) has an entry whose name cannot be that of a file.",
                        cid: block.cid
                    )
                }
                try await extract(try await self.block(entry.cid), to: path + [0x2F] + entry.name)
            }
        case .symlink(let target):
            guard !target.isEmpty, !target.contains(0) else {
                throw KitError(.refused, "The link \(block.cid) has a target that cannot be written.", cid: block.cid)
            }
            try await files { () throws(FileError) in try makeLink(path, to: target) }
        default:
            throw KitError(.refused, "\(block.cid) is neither a file nor a directory.", cid: block.cid)
        }
        let metadata = try FileMetadata(of: block)
        guard !metadata.isEmpty else { return }
        let isLink = if case .symlink = try UnixFSEntry(block) { true } else { false }
        try await files { () throws(FileError) in
            if let mode = metadata.mode, !isLink { try setPermissions(path, mode & 0o777) }
            if let time = metadata.modified { try setModified(path, time.seconds, time.nanoseconds) }
        }
    }

    private func extractFile(_ block: Block, to path: [UInt8]) async throws {
        let file = try await files { () throws(FileError) in try File(path, .createNew, permissions: 0o644) }
        var offset: UInt64 = 0
        var pieces: [ArraySlice<UInt8>] = []
        var pending = 0
        func flush() async throws {
            let (batch, start) = (pieces, offset)
            try await files { () throws(FileError) in try file.write(pieces: batch, at: start) }
            offset += UInt64(pending)
            pieces = []
            pending = 0
        }
        try await read(block) { bytes in
            pieces.append(bytes)
            pending += bytes.count
            if pending >= 4 << 20 { try await flush() }
        }
        try await flush()
        progress.items()
    }

    private static func isSafe(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name != [0x2E] && name != [0x2E, 0x2E] && !name.contains(0x2F) && !name.contains(0)
    }

    private func files<Value: Sendable>(
        _ work: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(FileError) -> Value {
        try await BlockingThreads.shared.run(work)
    }
}
