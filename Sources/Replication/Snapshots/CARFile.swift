internal import IPLD
internal import Multiformats
internal import POSIX
internal import Storage
internal import Synchronization

/// Writes a CAR whose root is known last: room for the header is kept, for its length does not depend on the root.
final class CARFileWriter: Sendable {
    private struct State {
        var end: UInt64
        var pieces: [ArraySlice<UInt8>] = []
        var pending = 0
    }

    private let file: File
    private let state: Mutex<State>

    init(path: String) throws(FileError) {
        file = try File(path, .createNew)
        let anyRoot = Block(codec: .dagCBOR, bytes: []).cid
        state = Mutex(State(end: UInt64(CARHeader(roots: [anyRoot]).encoded.count)))
    }

    /// Appends a block; throws for one that no reader would take.
    func append(_ block: Block) throws {
        try block.cid.checkLimits(length: block.bytes.count)
        try state.withLock { (state) throws(FileError) in
            let prefix = CARSection.prefix(for: block.cid, length: block.bytes.count)
            state.pieces += [prefix[...], block.bytes[...]]
            state.pending += prefix.count + block.bytes.count
            if state.pending >= 1 << 20 { try flush(&state) }
        }
    }

    /// Writes the header for `root`, and waits until the file is on the disk.
    func finish(root: CID) throws(FileError) {
        try state.withLock { (state) throws(FileError) in
            try flush(&state)
            try file.write(CARHeader(roots: [root]).encoded, at: 0)
        }
        try file.syncData()
    }

    private func flush(_ state: inout State) throws(FileError) {
        try file.write(pieces: state.pieces, at: state.end)
        state.end += UInt64(state.pending)
        state.pieces = []
        state.pending = 0
    }
}

/// A CAR in a file, whose blocks can be read in any order; every block was checked when it was opened.
final class CARFileReader: Sendable {
    let root: CID
    private let file: File
    private let places: [Multihash: (offset: UInt64, length: Int)]

    /// Reads the whole file once and checks every block.
    init(path: String) throws {
        file = try File(path, .readFile)
        var parser = CARParser(verifiesBlocks: true)
        var root: CID?
        var places: [Multihash: (offset: UInt64, length: Int)] = [:]
        var position: UInt64 = 0
        while true {
            let chunk = try file.read(at: position, count: 1 << 20)
            if chunk.isEmpty { break }
            position += UInt64(chunk.count)
            parser.feed(chunk)
            while let event = try parser.next() {
                switch event {
                case .header(let header): root = header.roots.first
                case .section(let section):
                    places[section.cid.hash] = (UInt64(section.dataOffset), section.bytes.count)
                }
            }
        }
        try parser.finish()
        guard let root else { throw DecodingProblem(.badRoots, "The archive \(path) names no root.") }
        self.root = root
        self.places = places
    }

    /// The DAG-CBOR value of a block.
    func node(_ cid: CID) throws -> Node {
        guard let place = places[cid.hash] else {
            throw DecodingProblem(.missing, "The block is not in the archive.", cid: cid)
        }
        return try Node(cbor: try file.read(at: place.offset, count: place.length))
    }
}

/// A file as a body.
func fileBody(_ path: String) throws(FileError) -> Body {
    let file = try File(path, .readFile)
    return Body(length: try file.length()) { range in
        Pulled {
            let position = Locked(range.lowerBound)
            return { () async throws(StorageError) in
                let from = position.read { $0 }
                guard from < range.upperBound else { return nil }
                let count = Int(min(1 << 20, range.upperBound - from))
                do throws(FileError) {
                    let bytes = try await BlockingThreads.shared.run { () throws(FileError) in
                        try file.read(at: from, count: count)
                    }
                    position.change { $0 = from + UInt64(bytes.count) }
                    return bytes.isEmpty ? nil : bytes
                } catch {
                    throw StorageError(.unexpected, error.description, cause: error)
                }
            }
        }
    }
}
