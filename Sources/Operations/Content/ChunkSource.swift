internal import IPLD
internal import POSIX
internal import Storage

/// Content cut into chunks, some megabytes of them at a time; used by one task at a time.
final class ChunkSource: Sendable {
    private struct State {
        /// Bytes that were read and not given out.
        var left: [UInt8] = []
        var offset: UInt64 = 0
        var isAtEnd = false
    }

    /// How many bytes of content are given out at a time, at least, unless it ends.
    private static let batch = 8 << 20

    private let chunker: Chunker
    private let read: @Sendable (UInt64, Int) throws(FileError) -> [UInt8]
    private let state = Locked(State())

    /// Cuts what `read` gives from an offset on: as many bytes as it is asked for, fewer only at the end.
    init(_ chunker: Chunker, read: @escaping @Sendable (UInt64, Int) throws(FileError) -> [UInt8]) {
        self.chunker = chunker
        self.read = read
    }

    /// The next chunks; none at the end.
    func next() async throws(FileError) -> [[UInt8]] {
        try await BlockingThreads.shared.run { [self] () throws(FileError) in
            var state = state.read { $0 }
            let chunks =
                if case .size(let size) = chunker { try whole(size, &state) } else { try cut(&state) }
            let after = state
            self.state.change { $0 = after }
            return chunks
        }
    }

    /// Chunks of one length are read each into its own array, so that they are not copied.
    private func whole(_ size: Int, _ state: inout State) throws(FileError) -> [[UInt8]] {
        guard size >= 1 << 16 else { return try cut(&state) }
        var chunks: [[UInt8]] = []
        var bytes = 0
        while bytes < Self.batch, !state.isAtEnd {
            let chunk = try read(state.offset, size)
            state.offset += UInt64(chunk.count)
            state.isAtEnd = chunk.count < size
            if !chunk.isEmpty { chunks.append(chunk) }
            bytes += chunk.count
        }
        return chunks
    }

    private func cut(_ state: inout State) throws(FileError) -> [[UInt8]] {
        if !state.isAtEnd {
            let wanted = Self.batch + chunker.longest
            let more = try read(state.offset, wanted)
            state.offset += UInt64(more.count)
            state.isAtEnd = more.count < wanted
            state.left += more
        }
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
