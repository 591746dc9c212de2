internal import IPLD
internal import POSIX
internal import Storage

/// Content cut into chunks, some megabytes of them at a time; used by one task at a time.
final class ChunkSource: Sendable {
    /// Some chunks that follow one another, which may still have to be read.
    typealias Part = @Sendable () throws(FileError) -> [[UInt8]]

    private struct State {
        /// Bytes that were read and not given out.
        var left: [UInt8] = []
        var offset: UInt64 = 0
        var isAtEnd = false
    }

    /// How many bytes of content are given out at a time, at least, unless it ends.
    static let batch = 2 << 20

    private let chunker: Chunker
    private let read: @Sendable (UInt64, Int) async throws -> [UInt8]
    private let state = Locked(State())

    /// Cuts what `read` gives from an offset on: as many bytes as it is asked for, fewer only at the end.
    init(_ chunker: Chunker, read: @escaping @Sendable (UInt64, Int) async throws -> [UInt8]) {
        self.chunker = chunker
        self.read = read
    }

    /// The next chunks; none at the end, and none after it.
    func next() async throws -> [[UInt8]] {
        let (offset, isAtEnd) = state.read { ($0.offset, $0.isAtEnd) }
        let wanted = Self.batch + chunker.longest
        let more = isAtEnd ? [] : try await read(offset, wanted)
        return state.change { state in
            state.offset += UInt64(more.count)
            state.isAtEnd = more.count < wanted
            state.left += more
            return cut(&state)
        }
    }

    private func cut(_ state: inout State) -> [[UInt8]] {
        var chunks: [[UInt8]] = []
        var start = 0
        while let length = chunker.firstChunk(of: state.left.span.extracting(start...), isLast: state.isAtEnd) {
            chunks.append(Array(state.left[start..<start + length]))
            start += length
        }
        state.left.removeFirst(start)
        return chunks
    }
}

/// A file cut into chunks of one length, which can be read in any order.
final class FileParts: Sendable {
    private let file: File
    private let length: UInt64
    private let chunk: Int
    private let position = Locked<UInt64>(0)

    /// Cuts the first `length` bytes of a file into chunks of `chunk` bytes.
    init(file: File, length: UInt64, chunk: Int) {
        self.file = file
        self.length = length
        self.chunk = chunk
    }

    /// The next chunks, each read into an array of its own so that they are not copied; nil at the end.
    ///
    /// A part throws where the file has become shorter.
    func next() -> ChunkSource.Part? {
        let count = UInt64(max(1, ChunkSource.batch / chunk) * chunk)
        let start = position.change { position in
            defer { position += count }
            return position
        }
        guard start < length else { return nil }
        let end = min(start + count, length)
        return { [file, chunk] () throws(FileError) in
            var chunks: [[UInt8]] = []
            guard chunk >= 1 << 16 else {
                let bytes = try file.read(at: start, count: Int(end - start))
                guard bytes.count == Int(end - start) else { throw FileError("read all of", file.path, 5) }
                return stride(from: 0, to: bytes.count, by: chunk).map {
                    Array(bytes[$0..<min($0 + chunk, bytes.count)])
                }
            }
            for offset in stride(from: start, to: end, by: chunk) {
                let wanted = Int(min(UInt64(chunk), end - offset))
                let bytes = try file.read(at: offset, count: wanted)
                guard bytes.count == wanted else { throw FileError("read all of", file.path, 5) }
                chunks.append(bytes)
            }
            return chunks
        }
    }
}
