internal import POSIX
internal import Synchronization

/// Where every block is: a folder of sorted files, of which each commit adds one and merges the small ones of before.
///
/// It can be made again from the packs alone. Readers, in this and in other processes, never wait: a file is not changed
/// after it got its name, and stays readable for whoever has it open.
final class BlockIndex: Sendable {
    let folder: String
    private let listing = Mutex(Listing())

    /// The live segments, and the state of the folder in which they were found.
    private struct Listing {
        /// The newest first.
        var segments: [Segment] = []
        var stamp: Stamp?
    }

    /// When a folder was changed last.
    private struct Stamp: Equatable {
        let seconds: Int64
        let nanoseconds: UInt32

        /// Nil while another change might get the same time, for the clocks of file systems are coarse.
        init?(_ folder: String) throws(FileError) {
            let info = try fileInfo(folder)
            let age = currentMilliseconds() - (info.modified * 1000 + Int64(info.nanoseconds / 1_000_000))
            guard age > 50 else { return nil }
            seconds = info.modified
            nanoseconds = info.nanoseconds
        }
    }

    /// Opens the index in a folder, which is made where it is not there.
    init(folder: String) throws(StoreError) {
        self.folder = folder
        do throws(FileError) { try makeDirectory(folder) } catch { throw StoreError(error) }
    }

    /// Whether nothing was ever committed to it.
    func isNew() throws(StoreError) -> Bool { try liveNames().isEmpty }

    /// The live segments, the newest first, as they are now.
    func segments() throws(StoreError) -> [Segment] {
        try listing.withLock { (listing) throws(StoreError) in
            for _ in 0..<100 {
                // Taken before the list: a change after it shows in the next stamp.
                let stamp = try stamp()
                if let stamp, stamp == listing.stamp { return listing.segments }
                guard let segments = try open(try liveNames(), listing.segments) else { continue }
                listing = Listing(segments: segments, stamp: stamp)
                return segments
            }
            throw StoreError(.busy, "The index of the store changes faster than it can be read; try again later.")
        }
    }

    private func stamp() throws(StoreError) -> Stamp? {
        do throws(FileError) { return try Stamp(folder) } catch { throw StoreError(error) }
    }

    /// Opens segments by their names; nil where one is gone, for it was merged since.
    private func open(_ names: [SegmentName], _ known: [Segment]) throws(StoreError) -> [Segment]? {
        var segments: [Segment] = []
        for name in names {
            if let segment = known.first(where: { $0.name == name }) {
                segments.append(segment)
                continue
            }
            do throws(FileError) {
                guard let segment = try Segment(name, in: folder) else {
                    throw FileError("understand", folder + "/" + name.fileName, 0)
                }
                segments.append(segment)
            } catch {
                if error.code == .notFound { return nil }
                throw error.number == 0 ? StoreError.damagedIndex(error.path) : StoreError(error)
            }
        }
        return segments
    }

    /// The names of the segments that no other segment covers, the newest first.
    private func liveNames() throws(StoreError) -> [SegmentName] {
        let names = try names()
        let live = names.filter { name in !names.contains { $0 != name && $0.covers(name) } }
        return live.sorted { $0.commits.lowerBound > $1.commits.lowerBound }
    }

    /// The names of all segments, dead ones too.
    func names() throws(StoreError) -> [SegmentName] {
        do throws(FileError) {
            return try listDirectory(folder).compactMap { name in
                SegmentName(fileName: String(decoding: name, as: UTF8.self))
            }
        } catch {
            throw StoreError(error)
        }
    }

    /// Where blocks are, in the order of `keys`; nil for one that is not there.
    ///
    /// One that was there when the index was looked at last is said to be there still.
    func locate(_ keys: [BlockKey]) throws(StoreError) -> [BlockLocation?] {
        let known = listing.withLock { $0.segments }
        var found = try Self.locate(keys, in: known)
        guard found.contains(nil) else { return found }
        // What is not there may have come since.
        let fresh = try segments().filter { segment in !known.contains { $0 === segment } }
        guard !fresh.isEmpty else { return found }
        let missing = keys.indices.filter { found[$0] == nil }
        for (index, location) in zip(missing, try Self.locate(missing.map { keys[$0] }, in: fresh)) {
            found[index] = location
        }
        return found
    }

    /// Where blocks are by the newest state of the index, in which some may be elsewhere or nowhere.
    func locateNow(_ keys: [BlockKey]) throws(StoreError) -> [BlockLocation?] {
        try Self.locate(keys, in: try segments())
    }

    private static func locate(_ keys: [BlockKey], in segments: [Segment]) throws(StoreError) -> [BlockLocation?] {
        do throws(FileError) {
            var words: [UInt64] = []
            var found: [BlockLocation?] = []
            found.reserveCapacity(keys.count)
            for key in keys {
                var location: BlockLocation?
                for segment in segments {
                    guard let entry = try segment.find(key, &words)?.entry else { continue }
                    location = entry.location
                    break
                }
                found.append(location)
            }
            return found
        } catch {
            throw StoreError(error)
        }
    }

    /// The packs, and the length of each that counts: what lies beyond was never committed.
    func packs() throws(StoreError) -> [(id: PackID, length: UInt64)] {
        Self.longest(try segments().flatMap(\.packs))
    }

    /// Each pack once, with the greatest of its lengths, in the order of their numbers.
    static func longest(_ packs: [(id: PackID, length: UInt64)]) -> [(id: PackID, length: UInt64)] {
        var lengths: [PackID: UInt64] = [:]
        for pack in packs { lengths[pack.id] = max(lengths[pack.id] ?? 0, pack.length) }
        return lengths.map { ($0.key, $0.value) }.sorted { $0.id < $1.id }
    }

    /// The number of blocks and of their bytes.
    func totals() throws(StoreError) -> (blocks: UInt64, bytes: UInt64) {
        let segments = try segments()
        // The only segment holds each key once, and none that was removed, or its header would not be enough.
        if segments.count == 1, segments[0].name.commits.lowerBound == 1 {
            return (segments[0].count, segments[0].header.bytes)
        }
        var totals: (blocks: UInt64, bytes: UInt64) = (0, 0)
        try each { entry in
            totals.blocks += 1
            totals.bytes += UInt64(entry.length)
        }
        return totals
    }

    /// Hands every block to `body`, in the order of the keys.
    func each(_ body: (IndexEntry) -> Void) throws(StoreError) {
        let segments = try segments()
        do throws(FileError) {
            var sources: [EntryCursor] = []
            for segment in segments { sources.append(try EntryCursor(segment)) }
            try merge(sources) { (entry) throws(FileError) in
                if !entry.isRemoved { body(entry) }
            }
        } catch {
            throw StoreError(error)
        }
    }
}
