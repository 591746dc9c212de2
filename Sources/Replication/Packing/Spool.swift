internal import BlockStore
internal import IPLD
internal import Multiformats
internal import POSIX
internal import Storage

/// Blocks of one DAG that come from afar, kept while its CAR is packed, sent and perhaps sent again: the first of them
/// in memory, and all of them in a file without a name when they become more.
///
/// Whoever adds blocks has checked them; they are checked again when they are read.
final class Spool: Sendable {
    private struct Place {
        let offset: UInt64
        let length: Int
    }

    private struct State {
        var places: [Multihash: Place] = [:]
        /// What was added, as long as there is no file.
        var bytes: [UInt8] = []
        var length: UInt64 = 0
        var file: File?
        /// The place among those who have a file.
        var permit: Permits.Permit?
    }

    /// So much is kept in memory.
    private static let most = 1 << 20

    private let folder: String
    private let state = Locked(State())

    /// A spool whose file, where it needs one, is made in `folder`.
    init(in folder: String) { self.folder = folder }

    /// The length of a block that is there; nil where it is not.
    func length(of cid: CID) -> Int? {
        cid.hash.code == .identity ? cid.hash.digest.count : state.read { $0.places[cid.hash]?.length }
    }

    /// Whether so many more bytes are too many for memory, and it was not said that there may be a file.
    func needsFile(for count: Int) -> Bool {
        state.read { $0.permit == nil && $0.bytes.count + count > Self.most }
    }

    /// Lets it have a file, for as long as it is there.
    func allowFile(_ permit: Permits.Permit) { state.change { $0.permit = permit } }

    /// Adds blocks; one that is there is not added again.
    func add(_ blocks: [(cid: CID, bytes: ArraySlice<UInt8>)]) async throws(StoreError) {
        let fresh = state.change { state in
            var pieces: [ArraySlice<UInt8>] = []
            let start = state.length
            for block in blocks where block.cid.hash.code != .identity && state.places[block.cid.hash] == nil {
                state.places[block.cid.hash] = Place(offset: state.length, length: block.bytes.count)
                state.length += UInt64(block.bytes.count)
                pieces.append(block.bytes)
            }
            let isShort = state.file == nil && state.length <= UInt64(Self.most)
            if isShort { for piece in pieces { state.bytes += piece } }
            return (start: start, pieces: isShort ? [] : pieces)
        }
        guard !fresh.pieces.isEmpty else { return }
        do throws(FileError) {
            try await BlockingThreads.shared.run { [self] () throws(FileError) in
                try file().write(pieces: fresh.pieces, at: fresh.start)
            }
        } catch {
            throw StoreError(error)
        }
    }

    /// A block that is there, checked.
    func block(_ cid: CID) async throws(StoreError) -> Block { try await blocks([cid])[0] }

    /// Blocks that are there, in the order of `cids`, each checked.
    func blocks(_ cids: [CID]) async throws(StoreError) -> [Block] {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            var blocks: [Block] = []
            blocks.reserveCapacity(cids.count)
            for cid in cids {
                let bytes = if let content = cid.inlineContent { content } else { try bytes(of: cid) }
                let block = Block(cid: cid, bytes: bytes)
                do throws(DecodingProblem) {
                    try block.verify()
                } catch {
                    throw StoreError(
                        .inputOutput,
                        "The block \(cid) was kept for a while, and damaged: \(error)",
                        cid: cid
                    )
                }
                blocks.append(block)
            }
            return blocks
        }
    }

    private func bytes(of cid: CID) throws(StoreError) -> [UInt8] {
        let (file, bytes, place) = state.read { state -> (File?, [UInt8], Place?) in
            guard let place = state.places[cid.hash] else { return (nil, [], nil) }
            guard state.file == nil else { return (state.file, [], place) }
            let start = Int(place.offset)
            return (nil, Array(state.bytes[start..<start + place.length]), place)
        }
        guard let place else { throw StoreError(.notFound, "The block \(cid) was not fetched.", cid: cid) }
        do throws(FileError) {
            return try file?.read(at: place.offset, count: place.length) ?? bytes
        } catch {
            throw StoreError(error)
        }
    }

    /// The file, which has no name, so that nothing of it is left whatever happens.
    private func file() throws(FileError) -> File {
        if let file = state.read({ $0.file }) { return file }
        try makeDirectory(folder, permissions: 0o700)
        let path = temporaryName(beside: folder + "/spool")
        let file = try File(path, .createNew)
        try removeFile(path)
        try file.write(state.read { $0.bytes }, at: 0)
        state.change { state in
            state.file = file
            state.bytes = []
        }
        return file
    }
}
