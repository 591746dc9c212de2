internal import POSIX
internal import Synchronization

/// Where every block is: a folder of sorted files, of which each commit adds one and merges the small ones of before.
///
/// It can be made again from the packs alone. Readers, in this and in other processes, do not wait: a file is not
/// changed after it got its name, and stays readable for whoever has it open. The names say which commits there are,
/// and so how new the index is and whether a part of it is lost; times of files say nothing.
final class BlockIndex: Sendable {
    let folder: String
    /// The store that the index belongs to; nil while nobody knows.
    let store = Mutex<StoreIdentity?>(nil)
    /// How many commits somebody has seen, who keeps that elsewhere.
    let expected = Mutex<UInt64>(0)
    /// The live segments as they were when the folder was looked at last, the newest first.
    private let known = Mutex<[Segment]>([])

    /// Opens the index in a folder, which is made where it is not there.
    init(folder: String) throws(StoreError) {
        self.folder = folder
        do throws(FileError) { try makeDirectory(folder) } catch { throw StoreError(error) }
    }

    /// Whether nothing was ever committed to it, or all of it is lost.
    func isNew() throws(StoreError) -> Bool { try names().isEmpty }

    /// The live segments, the newest first, as they are now.
    func segments() throws(StoreError) -> [Segment] {
        for _ in 0..<20 {
            if let segments = try look() { return segments }
        }
        // Names come and go while a folder is read; under the lock nobody changes them.
        let lock = try lock(shared: true)
        defer { withExtendedLifetime(lock) {} }
        return try segmentsAlone()
    }

    /// The live segments for whoever holds the lock of the index; throws `corrupt` where a part of it is lost or
    /// damaged.
    func segmentsAlone() throws(StoreError) -> [Segment] {
        if let segments = try look() { return segments }
        let last = Self.live(try names()).first?.commits.upperBound ?? 0
        throw last < expected.withLock { $0 } ? StoreError.oldIndex(folder) : .damagedIndex(folder)
    }

    /// How many commits there were; 0 before the first.
    func generation() throws(StoreError) -> UInt64 { try segments().first?.name.commits.upperBound ?? 0 }

    /// The epoch of the index: another number after each loss of what was in the store.
    func epoch() throws(StoreError) -> UInt64 { try segments().first?.header.epoch ?? 0 }

    /// The live segments; nil where they do not follow one another without a gap, or one is not there any more.
    private func look() throws(StoreError) -> [Segment]? {
        let names = Self.live(try names())
        // One that is lost with all its segments is new, and is made again.
        guard Self.isComplete(names), names.first.map({ $0.commits.upperBound >= expected.withLock { $0 } }) ?? true
        else {
            return nil
        }
        return try known.withLock { (known) throws(StoreError) in
            guard let segments = try open(names, known) else { return nil }
            known = segments
            return segments
        }
    }

    /// Whether segments hold every commit from the first one on.
    static func isComplete(_ names: [SegmentName]) -> Bool {
        var next: UInt64 = 1
        for name in names.reversed() {
            guard name.commits.lowerBound == next else { return false }
            next = name.commits.upperBound + 1
        }
        return true
    }

    /// Opens segments by their names; nil where one is gone, for it was merged since.
    private func open(_ names: [SegmentName], _ known: [Segment]) throws(StoreError) -> [Segment]? {
        var segments: [Segment] = []
        for name in names {
            if let segment = known.first(where: { $0.name == name }) {
                segments.append(segment)
                continue
            }
            let found: Segment?
            do throws(FileError) {
                found = try Segment(name, in: folder)
            } catch {
                if error.code == .notFound, (try? fileInfo(folder + "/" + name.fileName)) == nil { return nil }
                throw error.meansGone ? .damagedIndex(folder + "/" + name.fileName) : StoreError(error)
            }
            guard let found, belongsHere(found) else {
                throw StoreError.damagedIndex(folder + "/" + name.fileName)
            }
            segments.append(found)
        }
        return segments
    }

    func belongsHere(_ segment: Segment) -> Bool {
        // Those of the first version do not say whose they are.
        guard segment.header.store != .none, let store = store.withLock({ $0 }) else { return true }
        return segment.header.store == store
    }

    /// The store that a segment names, for one that does not know itself.
    func readableIdentity() throws(StoreError) -> StoreIdentity? {
        try headers().first { $0.store != .none }?.store
    }

    /// Whether the index is of the time when segments did not say whose they are.
    func isOfFirstVersion() throws(StoreError) -> Bool { try headers().contains { $0.version == 1 } }

    /// The headers of the segments that can be read, the newest first.
    private func headers() throws(StoreError) -> [SegmentHeader] {
        try names().sorted { $0.commits.upperBound > $1.commits.upperBound }.compactMap { name in
            (try? Segment(name, in: folder))?.header
        }
    }

    /// The segments that no other one covers, the newest first.
    static func live(_ names: [SegmentName]) -> [SegmentName] {
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

    /// Waits for the lock of the index, which is given back when the file is dropped.
    func lock(shared: Bool) throws(StoreError) -> File {
        do throws(FileError) {
            let lock = try File.ofLock(folder + "/lock")
            try lock.lock(shared: shared)
            return lock
        } catch {
            throw StoreError(error)
        }
    }

    /// Where blocks are, in the order of `keys`; nil for one that is not there.
    ///
    /// One that was there when the index was looked at last is said to be there still.
    func locate(_ keys: [BlockKey]) throws(StoreError) -> [BlockLocation?] {
        let before = known.withLock { $0 }
        var found = try Self.locate(keys, in: before)
        guard found.contains(nil) else { return found }
        // What is not there may have come since.
        let fresh = try segments().filter { segment in !before.contains { $0 === segment } }
        guard !fresh.isEmpty else { return found }
        let missing = keys.indices.filter { found[$0] == nil }
        for (index, location) in zip(missing, try Self.locate(missing.map { keys[$0] }, in: fresh)) {
            found[index] = location
        }
        return found
    }

    /// Where blocks were when this process looked at the index last.
    func locateKnown(_ keys: [BlockKey]) throws(StoreError) -> [BlockLocation?] {
        try Self.locate(keys, in: known.withLock { $0 })
    }

    /// Where blocks are by the newest state of the index, in which some may be elsewhere or nowhere.
    func locateNow(_ keys: [BlockKey]) throws(StoreError) -> [BlockLocation?] {
        try Self.locate(keys, in: try segments())
    }

    /// Whether a block was there, and was found damaged.
    func isLost(_ key: BlockKey) throws(StoreError) -> Bool { try Self.isLost(key, in: try segments()) }

    static func isLost(_ key: BlockKey, in segments: [Segment]) throws(StoreError) -> Bool {
        guard segments.contains(where: { $0.header.lost > 0 }) else { return false }
        do throws(FileError) {
            var words: [UInt64] = []
            for segment in segments {
                if let entry = try segment.find(key, &words)?.entry { return entry.isRemoved }
            }
            return false
        } catch {
            throw StoreError(error)
        }
    }

    /// How many blocks were found damaged, and were neither stored again nor collected.
    func lost() throws(StoreError) -> UInt64 {
        // What was stored again is noted in a newer segment than the loss.
        guard try segments().contains(where: { $0.header.lost > 0 }) else { return 0 }
        var lost: UInt64 = 0
        try each { entry in lost += entry.isRemoved ? 1 : 0 }
        return lost
    }

    static func locate(_ keys: [BlockKey], in segments: [Segment]) throws(StoreError) -> [BlockLocation?] {
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
        // The only segment holds each key once; where none of them is lost, its header is enough.
        if segments.count == 1, segments[0].header.lost == 0, segments[0].header.version > 1 {
            return (segments[0].count, segments[0].header.bytes)
        }
        var totals: (blocks: UInt64, bytes: UInt64) = (0, 0)
        try each { entry in
            guard !entry.isRemoved else { return }
            totals.blocks += 1
            totals.bytes += UInt64(entry.length)
        }
        return totals
    }

    /// Hands the newest entry of every block to `body`, in the order of the keys, also of those that were lost.
    func each(_ body: (IndexEntry) -> Void) throws(StoreError) {
        let segments = try segments()
        do throws(FileError) {
            var sources: [EntryCursor] = []
            for segment in segments { sources.append(try EntryCursor(segment)) }
            _ = try merge(sources) { (entry) throws(FileError) in
                body(entry)
            }
        } catch {
            throw StoreError(error)
        }
    }

    /// The live segments whose entries are not as they were written.
    func damaged() throws(StoreError) -> [Segment] {
        var damaged: [Segment] = []
        for segment in try segments() {
            do throws(FileError) {
                if try !segment.isSound() { damaged.append(segment) }
            } catch {
                throw StoreError(error)
            }
        }
        return damaged
    }
}
