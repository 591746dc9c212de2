internal import IPLD
internal import Multiformats
package import POSIX
package import Storage
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

    /// How long the file is with one block more.
    func length(with block: Block) -> UInt64 {
        let section = UInt64(CARSection.length(for: block.cid, length: block.bytes.count))
        return state.withLock { $0.end + UInt64($0.pending) } + section
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

/// Blocks of archives that stand one behind the other in a file, to be read in any order.
///
/// Each was checked when its archive was taken. One that is damaged is not there, and neither is what cannot be read
/// behind damage.
struct CARFileReader: Sendable {
    private let file: File
    private var places: [Multihash: (offset: UInt64, length: Int)] = [:]
    /// What was damaged first.
    private(set) var problem: DecodingProblem?

    /// Reads nothing yet.
    init(path: String) throws(FileError) { file = try File(path, .readFile) }

    /// Takes the archive that begins at an offset, and is the rest of the file, and returns its root.
    mutating func take(from start: UInt64) throws -> CID? {
        var parser = CARParser(verifiesBlocks: true)
        var root: CID?
        var position = start
        while !parser.isOver {
            let chunk = try file.read(at: position, count: 1 << 20)
            if chunk.isEmpty { break }
            position += UInt64(chunk.count)
            parser.feed(chunk)
            while !parser.isOver {
                do throws(DecodingProblem) {
                    guard let event = try parser.next() else { break }
                    switch event {
                    case .header(let header): root = header.roots.first
                    case .section(let section):
                        places[section.cid.hash] = (start + UInt64(section.dataOffset), section.bytes.count)
                    }
                } catch {
                    note(error)
                }
            }
        }
        if !parser.isOver { do throws(DecodingProblem) { try parser.finish() } catch { note(error) } }
        return root
    }

    /// Notes why something that is needed may not be there.
    mutating func note(_ problem: DecodingProblem) { self.problem = self.problem ?? problem }

    /// The DAG-CBOR value of a block.
    func node(_ cid: CID) throws -> Node {
        guard let place = places[cid.hash] else {
            throw problem ?? DecodingProblem(.missing, "The block is not in the archive.", cid: cid)
        }
        return try Node(cbor: try file.read(at: place.offset, count: place.length))
    }
}

/// The bytes of an archive of a few blocks.
func archive(_ root: CID, _ blocks: [Block]) -> [UInt8] {
    blocks.reduce(into: CARHeader(roots: [root]).encoded) { bytes, block in
        bytes += CARSection.prefix(for: block.cid, length: block.bytes.count)
        bytes += block.bytes
    }
}

/// A file as a body.
func fileBody(_ path: String) throws(FileError) -> Body { try fileBody(try File(path, .readFile)) }

/// The bytes of an open file as a body.
package func fileBody(_ file: File) throws(FileError) -> Body {
    Body(length: try file.length()) { range in
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
