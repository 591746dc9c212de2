internal import POSIX
internal import Synchronization

/// Entries in any order, sorted in pieces that fit into memory and kept in a folder of their own until they are merged.
final class EntryRuns: Sendable {
    private let folder: String
    private let count = Mutex<UInt64>(0)
    private let pending = (0..<writers).map { _ in Pending() }

    /// What one thread has collected.
    private final class Pending: Sendable {
        let entries = Mutex<[IndexEntry]>([])
    }

    /// How many threads may add entries, each under a number of its own.
    static let writers = 2

    /// How many entries are sorted in memory at once by each of them: 12 MiB, and as much again for sorting.
    private static let longest = 1 << 18

    /// Begins with none, whatever was left there by somebody who was stopped.
    init(in folder: String) throws(StoreError) {
        self.folder = folder
        do throws(FileError) {
            try? removeTree(folder)
            try makeDirectory(folder)
        } catch {
            throw StoreError(error)
        }
    }

    /// Adds entries.
    func add(_ entries: [IndexEntry], writer: Int) throws(StoreError) {
        try pending[writer].entries.withLock { (pending) throws(StoreError) in
            pending += entries
            if pending.count >= Self.longest { try write(&pending) }
        }
    }

    /// Makes runs of all that was added.
    func finish() throws(StoreError) {
        for part in pending {
            try part.entries.withLock { (pending) throws(StoreError) in try write(&pending) }
        }
    }

    /// Sorts entries into a run, and empties the list.
    private func write(_ entries: inout [IndexEntry]) throws(StoreError) {
        guard !entries.isEmpty else { return }
        entries.sort { $0.key != $1.key ? $0.key < $1.key : $0.isBetter(than: $1) }
        let number = count.withLock { count in
            count += 1
            return count
        }
        do throws(FileError) {
            var writer = try SegmentWriter(in: folder, most: 0, of: .none, epoch: 0)
            for entry in entries { try writer.append(entry) }
            _ = try writer.finish(SegmentName(number...number), packs: [], isLasting: false)
        } catch {
            throw StoreError(error)
        }
        entries.removeAll(keepingCapacity: true)
    }

    /// All runs.
    func segments() throws(StoreError) -> [Segment] {
        do throws(FileError) {
            return try (0..<count.withLock { $0 }).map { (number) throws(FileError) in
                guard let segment = try Segment(SegmentName(number + 1...number + 1), in: folder) else {
                    throw FileError("understand", folder, 0)
                }
                return segment
            }
        } catch {
            throw StoreError(error)
        }
    }

    /// Removes the folder.
    func remove() { try? removeTree(folder) }
}
