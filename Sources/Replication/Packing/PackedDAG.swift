internal import BlockStore
internal import Digests
internal import IPLD
internal import Multiformats
internal import POSIX
package import Storage

/// A DAG that was laid out, with what gives the bytes of its CAR: every block is checked while they are read.
package struct PackedDAG: Sendable {
    /// Gives the blocks of some entries of the layout, in their order, each checked; whether nobody else reads at the
    /// same time, so that all cores may work on it.
    typealias Reader = @Sendable (Range<Int>, _ isAlone: Bool) async throws(StoreError) -> [Block]

    package let layout: DAGLayout
    /// The CAR in memory, where that was asked for and it is short enough.
    package let held: Body?
    private let reader: Reader

    init(_ layout: DAGLayout, held: Body? = nil, reader: @escaping Reader) {
        (self.layout, self.held, self.reader) = (layout, held, reader)
    }

    /// The same, where blocks that turn out to be damaged or gone when they are read come from somebody else.
    func falling(
        back other: @escaping @Sendable ([CID]) async throws(ReplicationError) -> [Block]
    ) -> PackedDAG {
        PackedDAG(layout, held: held) { [layout, reader] (part, isAlone) async throws(StoreError) in
            do throws(StoreError) {
                return try await reader(part, isAlone)
            } catch {
                guard error.isOfContent else { throw error }
                do throws(ReplicationError) {
                    return try await other(layout.entries[part].map(\.cid))
                } catch let other {
                    if other.isCancellation { throw StoreError(.cancelled, other.description) }
                    // Who does not answer takes nothing from what was seen here.
                    throw StoreError(error.code, "\(error.message) \(other)", cid: error.cid)
                }
            }
        }
    }

    /// The CAR as a body: its bytes are read, and checked, while they are sent.
    package var body: Body {
        held
            ?? Body(length: layout.length) { [self] range in
                Pulled {
                    let first = layout.index(at: range.lowerBound)
                    let state = Locked(Reading(next: first, waiting: [], header: range.lowerBound))
                    return { () async throws(StorageError) in try await chunk(range, state) }
                }
            }
    }

    /// Hands the bytes of the CAR to `sink` in order; several parts of it are read and checked at once.
    package func copy(to sink: @escaping ([[UInt8]]) async throws -> Void) async throws {
        try await sink([layout.header])
        var next = 0
        try await inOrder { () -> Range<Int>? in
            let first = next
            next = layout.end(of: first, 0..<layout.length, Self.batch / 2)
            return first == next ? nil : first..<next
        } work: { (part: Range<Int>) -> [[UInt8]] in
            Self.sections(try await reader(part, false))
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

    /// How many bytes are read at once.
    private static let batch = 2 << 20

    private func chunk(
        _ range: Range<UInt64>,
        _ state: Locked<Reading>
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
            let last = layout.end(of: first, range, Self.batch)
            var start = first < last ? layout.entries[first].offset : range.upperBound
            var chunks: [[UInt8]] = []
            if reading.header < UInt64(layout.header.count) {
                chunks.append(layout.header)
                start = 0
                reading.header = .max
            } else if first == last {
                return nil
            }
            do throws(StoreError) {
                chunks += Self.sections(try await reader(first..<last, true))
            } catch {
                throw StorageError(error)
            }
            reading.waiting = cut(chunks, from: start, to: range).reversed()
            reading.next = last
            let read = reading
            state.change { $0 = read }
        }
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
}

extension StorageError {
    /// Whether what failed is where the content is read from, and not where it goes.
    var isOfSource: Bool { cause is StoreError || cause is ReplicationError }

    /// What a failure of the source of the content means for an upload.
    init(_ error: StoreError) {
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
