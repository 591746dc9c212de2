package import BlockStore
internal import IPLD
internal import Multiformats
internal import POSIX
package import Storage

extension DAGLayout {
    /// The CAR as a body: its bytes are read from the store, and checked, while they are sent.
    package func body(from store: BlockStore) -> Body {
        Body(length: length) { [self] range in
            Pulled {
                let state = Locked(Reading(next: index(at: range.lowerBound), waiting: [], header: range.lowerBound))
                return { () async throws(StorageError) in try await chunk(range, state, store) }
            }
        }
    }

    /// Hands the bytes of the CAR to `sink` in order; several parts of it are read and checked at once.
    package func copy(from store: BlockStore, to sink: @escaping ([[UInt8]]) async throws -> Void) async throws {
        try await sink([header])
        var next = 0
        try await inOrder { () -> Range<Int>? in
            let first = next
            next = end(of: first, 0..<length, Self.batch / 2)
            return first == next ? nil : first..<next
        } work: { (part: Range<Int>) -> [[UInt8]] in
            try await store.reading { (reader) throws(StoreError) in
                var blocks: [Block] = []
                blocks.reserveCapacity(part.count)
                for entry in entries[part] { blocks.append(try reader.read(entry.cid, at: entry.location)) }
                return Self.sections(blocks)
            }
        } take: { (pieces: [[UInt8]]) in
            try await sink(pieces)
        }
    }

    /// How far a reading of the body has got.
    private struct Reading: Sendable {
        /// The entry to be read next.
        var next: Int
        /// Chunks that were read and not given out, the next one last.
        var waiting: [[UInt8]]
        /// The offset of the first byte that is still to come from the header, or `.max`.
        var header: UInt64
    }

    /// How many bytes are read from the store at once.
    private static let batch = 2 << 20

    private func chunk(
        _ range: Range<UInt64>,
        _ state: Locked<Reading>,
        _ store: BlockStore
    ) async throws(StorageError) -> [UInt8]? {
        while true {
            try StorageError.checkCancellation()
            var reading = state.read { $0 }
            if let chunk = reading.waiting.popLast() {
                let left = reading
                state.change { $0 = left }
                return chunk
            }
            let first = reading.next
            let last = end(of: first, range)
            let entries = entries[first..<last]
            var start = entries.first?.offset ?? range.upperBound
            var chunks: [[UInt8]] = []
            if reading.header < UInt64(header.count) {
                chunks.append(header)
                start = 0
                reading.header = .max
            } else if entries.isEmpty {
                return nil
            }
            chunks += try await read(entries, from: store)
            reading.waiting = cut(chunks, from: start, to: range).reversed()
            reading.next = last
            let read = reading
            state.change { $0 = read }
        }
    }

    /// The sections of some entries.
    private func read(
        _ entries: ArraySlice<Entry>,
        from store: BlockStore
    ) async throws(StorageError) -> [[UInt8]] {
        let blocks: [Block]
        do throws(StoreError) {
            blocks = try await store.get(entries.map { ($0.cid, $0.location) })
        } catch {
            throw StorageError(error)
        }
        return Self.sections(blocks)
    }

    /// The sections of blocks: small ones joined, the bytes of large blocks alone so that they are not copied.
    private static func sections(_ blocks: [Block]) -> [[UInt8]] {
        var chunks: [[UInt8]] = []
        var small: [UInt8] = []
        for block in blocks {
            small += CARSection.prefix(for: block.cid, length: block.bytes.count)
            if block.bytes.count >= 1 << 17 {
                chunks.append(small)
                chunks.append(block.bytes)
                small = []
            } else {
                small += block.bytes
            }
        }
        if !small.isEmpty { chunks.append(small) }
        return chunks
    }

    /// The parts of chunks, which lie one after another from `start` on, that are in `range`.
    private func cut(_ chunks: [[UInt8]], from start: UInt64, to range: Range<UInt64>) -> [[UInt8]] {
        var position = start
        var result: [[UInt8]] = []
        for chunk in chunks {
            let span = position..<position + UInt64(chunk.count)
            position = span.upperBound
            let wanted = span.clamped(to: range)
            guard !wanted.isEmpty else { continue }
            if wanted == span {
                result.append(chunk)
            } else {
                result.append(
                    Array(chunk[Int(wanted.lowerBound - span.lowerBound)..<Int(wanted.upperBound - span.lowerBound)])
                )
            }
        }
        return result
    }

    /// The entry whose section holds the byte at `offset`, or the first one for a byte of the header.
    private func index(at offset: UInt64) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].offset <= offset { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }

    /// The end of the entries that are read in one go from `first` on.
    private func end(of first: Int, _ range: Range<UInt64>, _ batch: Int = batch) -> Int {
        var last = first
        var bytes = 0
        while last < entries.count, entries[last].offset < range.upperBound, bytes < batch {
            bytes += entries[last].location?.length ?? 64
            last += 1
        }
        return last
    }
}

extension StorageError {
    /// What a failure of the source of the content means for an upload.
    package init(_ error: StoreError) {
        let code: Code =
            switch error.code {
            case .cancelled: .cancelled
            case .problem(.unsupported): .unsupported
            case .corrupt, .changed, .notFound, .incomplete, .problem: .corrupt
            default: .unexpected
            }
        self.init(code, error.message, cause: error)
    }
}
