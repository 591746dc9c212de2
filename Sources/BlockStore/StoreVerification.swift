internal import IPLD
public import Multiformats
internal import POSIX

/// What a verification of the whole store found.
public struct StoreReport: Sendable {
    /// Something that is wrong.
    public struct Problem: Sendable {
        /// The block, where one can be named.
        public let cid: CID?
        /// The file of the store, below its folder.
        public let place: String
        /// A sentence.
        public let message: String
    }

    /// A report of nothing.
    public init() {}

    /// The packs that were read.
    public var packs: UInt64 = 0
    /// The blocks that the index leads to, and that are there.
    public var blocks: UInt64 = 0
    /// The bytes of those blocks.
    public var bytes: UInt64 = 0
    /// Of those blocks, the ones that are in files outside of the store.
    public var references: UInt64 = 0
    /// Blocks that stand in a pack a second time, or that a later write replaced; they do no harm.
    public var unused: UInt64 = 0
    /// Blocks that were lost, before or now, and that nobody has stored again.
    public var lost: UInt64 = 0
    /// What is wrong; of very many problems, the first thousand.
    public var problems: [Problem] = []

    /// The most problems that are listed.
    static let maxProblems = 1000

    mutating func note(_ cid: CID?, _ place: String, _ message: String) {
        guard problems.count < Self.maxProblems else { return }
        problems.append(Problem(cid: cid, place: place, message: message))
    }
}

extension BlockStore {
    /// Reads every pack and checks every block against its CID and against the index; nothing is collected meanwhile.
    ///
    /// What is damaged leaves the index, so that it can be stored again and nobody counts on it. What was lost and is
    /// whole now, for its pack was away, or its file, is back in it.
    /// `progress` is told of bytes as they are read.
    public func verify(progress: @escaping @Sendable (UInt64) -> Void) async throws(StoreError) -> StoreReport {
        let lock = try await waitForCollectionLock(shared: true)
        defer { withExtendedLifetime(lock) {} }
        var report = StoreReport()
        let expected = try await BlockingThreads.shared.run { [self] () throws(StoreError) in try expectations() }
        for place in expected.damaged {
            report.note(nil, place, "The index is damaged; `ipfs-kit store rebuild-index` makes it again.")
        }
        for pack in expected.packs {
            try Self.checkCancellation()
            report.packs += 1
            try await verify(pack, &report, progress)
        }
        let told = report.problems.compactMap { $0.cid.map { BlockKey($0) } }
        for key in try await lost(among: expected.lost.subtracting(told)).sorted() {
            report.note(
                nil,
                "index",
                "The block whose hash is \(key.hexadecimal) was damaged before, and not stored again."
            )
        }
        report.lost = try await lost()
        return report
    }

    /// Throws where a pack lost something that the index leads to; only the lengths of the files are looked at.
    public func checkLengths() async throws(StoreError) {
        let problem = try await BlockingThreads.shared.run { [self] () throws(StoreError) in try shortPack() }
        if let problem { throw problem }
    }

    /// What is wrong with the first pack that is gone, or shorter than the index says, if that cost a block.
    func shortPack() throws(StoreError) -> StoreError? {
        var lengths: [PackID: UInt64] = [:]
        for pack in try index.packs() where pack.length > 0 {
            let length = try fileLength(pack.id) ?? 0
            if length < pack.length { lengths[pack.id] = length }
        }
        guard !lengths.isEmpty else { return nil }
        var lost: [PackID: UInt64] = [:]
        try index.each { entry in
            guard let place = entry.location, let length = lengths[place.pack], Self.end(of: place) > length else {
                return
            }
            lost[place.pack, default: 0] += 1
        }
        guard let pack = lost.keys.min(), let length = lengths[pack], let count = lost[pack] else { return nil }
        return StoreError(
            .damagedPack,
            "The pack \(path(of: pack)) has only \(length) bytes: \(count) blocks are lost that the index leads to."
        )
    }

    /// Where what the index leads to ends in its pack, as far as the index says.
    private static func end(of place: BlockLocation) -> UInt64 {
        // A reference leads to bytes elsewhere; an empty block may stand at the very end.
        place.pack.isReferences ? place.offset + 1 : place.offset + UInt64(place.length)
    }

    /// The packs that are there, with the length of each that counts.
    public func packs() async throws(StoreError) -> [(name: String, length: UInt64)] {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            try packsThere().map { ($0.id.fileName, $0.length) }
        }
    }

    /// The packs of the index that are on the disk, with the length of each that counts.
    func packsThere() throws(StoreError) -> [(id: PackID, length: UInt64)] {
        var packs: [(id: PackID, length: UInt64)] = []
        for pack in try index.packs() where pack.length > 0 {
            if let length = try fileLength(pack.id) { packs.append((pack.id, min(length, pack.length))) }
        }
        return packs
    }

    private static func checkCancellation() throws(StoreError) {
        if Task.isCancelled { throw StoreError(.cancelled, "The work was stopped.") }
    }

    /// What the index says of a pack.
    private struct Expectation: Sendable {
        let id: PackID
        let length: UInt64
        let blocks: UInt64

        /// Its file, below the folder of the store.
        var place: String { "packs/" + id.fileName }
    }

    /// What the index says.
    private struct Expectations: Sendable {
        var packs: [Expectation] = []
        /// Files of the index that are damaged.
        var damaged: [String] = []
        /// Blocks that were found damaged, as many as are told.
        var lost: Set<BlockKey> = []
    }

    /// What the index says of the packs and the blocks; what is wrong with the index itself is a problem of its own.
    private func expectations() throws(StoreError) -> Expectations {
        let damaged = try index.damaged().map { "index/" + $0.name.fileName }
        let packs = try index.packs().filter { $0.length > 0 }
        let lengths = Dictionary(packs.map { ($0.id, $0.length) }) { first, _ in first }
        var counts: [PackID: UInt64] = [:]
        var lost: Set<BlockKey> = []
        // What was stored since the packs were listed is beyond their ends, and not looked at.
        try index.each { entry in
            guard let place = entry.location else {
                if lost.count < StoreReport.maxProblems { lost.insert(entry.key) }
                return
            }
            guard Self.end(of: place) <= lengths[place.pack] ?? 0 else { return }
            counts[place.pack, default: 0] += 1
        }
        let expected = packs.map { Expectation(id: $0.id, length: $0.length, blocks: counts[$0.id] ?? 0) }
        return Expectations(packs: expected, damaged: damaged, lost: lost)
    }

    /// What a section of a pack turned out to be.
    private struct Finding: Sendable {
        /// The block that it stands for; nil where it begins with no CID.
        var cid: CID?
        /// What the index should say.
        var offset: UInt64
        var length = 0
        var reference: Reference?
        var problem: String?
        /// Whether the bytes are those of another block.
        var isDamaged = false
    }

    private func verify(
        _ pack: Expectation,
        _ report: inout StoreReport,
        _ progress: @Sendable (UInt64) -> Void
    ) async throws(StoreError) {
        guard try await isFile(pack.id) else {
            // What has nothing that anybody looks for may be gone.
            guard pack.blocks > 0 else { return }
            report.note(nil, pack.place, "The pack is gone, and with it \(pack.blocks) blocks.")
            try await forgetLost(in: pack)
            return
        }
        var reader = try PackReader(path(of: pack.id), upTo: pack.length)
        var indexed: UInt64 = 0
        while true {
            try Self.checkCancellation()
            let before = reader
            let (stretch, after) = try await Self.next(before)
            reader = after
            if let stretch {
                progress(after.offset - before.offset)
                indexed += try await check(stretch, of: pack, &report)
                continue
            }
            guard after.offset < pack.length else { break }
            report.note(nil, pack.place, "What follows byte \(after.offset) of \(pack.length) is no section.")
            guard try await Self.find(&reader) else { break }
        }
        if pack.blocks != indexed {
            report.note(
                nil,
                pack.place,
                "The index has \(pack.blocks) blocks of the pack, and \(indexed) were found there."
            )
            try await forgetLost(in: pack)
        }
    }

    private func isFile(_ pack: PackID) async throws(StoreError) -> Bool {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in try fileLength(pack) != nil }
    }

    /// Takes out of the index what it says of a pack and what is not there; the pack is read once more for that.
    private func forgetLost(in pack: Expectation) async throws(StoreError) {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            var found: Set<UInt64> = []
            if try fileLength(pack.id) != nil {
                var reader = try PackReader(path(of: pack.id), upTo: pack.length)
                while true {
                    guard let stretch = try reader.next() else {
                        guard try reader.findNext() else { break }
                        continue
                    }
                    for section in stretch.sections {
                        let finding = Self.find(section, of: stretch, in: pack.id)
                        if finding.cid != nil { found.insert(finding.offset) }
                    }
                }
            }
            var lost: [(key: BlockKey, location: BlockLocation)] = []
            try index.each { entry in
                guard let place = entry.location, place.pack == pack.id, Self.end(of: place) <= pack.length,
                    !found.contains(place.offset)
                else { return }
                lost.append((entry.key, place))
            }
            try index.forget(lost)
        }
    }

    private static func find(_ section: PackSections.Section, of stretch: PackSections, in pack: PackID) -> Finding {
        pack.isReferences ? reference(section, of: stretch) : block(section, of: stretch)
    }

    /// Goes on behind what is no section, if there is anything.
    static func find(_ reader: inout PackReader) async throws(StoreError) -> Bool {
        let before = reader
        let (isThere, after) = try await BlockingThreads.shared.run { () throws(StoreError) in
            var reader = before
            let isThere = try reader.findNext()
            return (isThere, reader)
        }
        reader = after
        return isThere
    }

    static func next(_ before: PackReader) async throws(StoreError) -> (PackSections?, PackReader) {
        try await BlockingThreads.shared.run { () throws(StoreError) in
            var reader = before
            let stretch = try reader.next()
            return (stretch, reader)
        }
    }

    /// Checks sections; gives how many of them are what the index leads to.
    private func check(
        _ stretch: PackSections,
        of pack: Expectation,
        _ report: inout StoreReport
    ) async throws(StoreError) -> UInt64 {
        let id = pack.id
        let findings = await sideBySide(stretch.sections, weight: { $0.end - $0.start + 64 }) { section in
            Self.find(section, of: stretch, in: id)
        }
        let places = try await locate(findings.compactMap(\.cid))
        let nowhere = zip(findings.compactMap(\.cid), places).compactMap { $1 == nil ? BlockKey($0) : nil }
        var lost = try await lost(among: Set(nowhere))
        var indexed: UInt64 = 0
        var damaged: [(BlockKey, BlockLocation)] = []
        var back: [IndexEntry] = []
        var hasGone = false
        for (finding, place) in zip(findings.filter { $0.cid != nil }, places) {
            guard let place, place.pack == pack.id, place.offset == finding.offset else {
                guard place == nil, let cid = finding.cid, lost.contains(BlockKey(cid)) else {
                    report.unused += 1
                    continue
                }
                if let found = try await takenBack(finding, of: cid, in: pack, &report) {
                    back.append(found)
                    // It may stand there once more.
                    lost.remove(found.key)
                }
                continue
            }
            if finding.isDamaged, let cid = finding.cid { damaged.append((BlockKey(cid), place)) }
            indexed += 1
            report.blocks += 1
            report.bytes += UInt64(place.length)
            var problem = finding.problem
            if let reference = finding.reference {
                report.references += 1
                problem = try await check(reference, at: place)
                // Also where it stays, for its file may come back, what was seen whole is looked at again.
                hasGone = hasGone || problem != nil
            }
            if let problem { report.note(finding.cid, pack.place, problem) }
        }
        if hasGone { try await BlockingThreads.shared.run { [index] () throws(StoreError) in try index.beginEpoch() } }
        if !back.isEmpty {
            let back = back
            try await BlockingThreads.shared.run { [index] () throws(StoreError) in try index.takeBack(back) }
        }
        if !damaged.isEmpty {
            let damaged = damaged
            try await BlockingThreads.shared.run { [index] () throws(StoreError) in try index.forget(damaged) }
        }
        return indexed
    }

    /// What the index should say of a section whose block was lost, where it is whole here; nil where it is damaged
    /// still, which is told.
    private func takenBack(
        _ finding: Finding,
        of cid: CID,
        in pack: Expectation,
        _ report: inout StoreReport
    ) async throws(StoreError) -> IndexEntry? {
        let place = BlockLocation(pack: pack.id, offset: finding.offset, length: finding.length)
        var problem = finding.problem
        if let reference = finding.reference { problem = try await check(reference, at: place) }
        if let problem {
            report.note(cid, pack.place, problem + " It was damaged before, and not stored again.")
            return nil
        }
        report.blocks += 1
        report.bytes += UInt64(finding.length)
        if finding.reference != nil { report.references += 1 }
        return IndexEntry(BlockKey(cid), at: place)
    }

    /// Those of some blocks that were found damaged, or gone, and not stored since.
    private func lost(among keys: Set<BlockKey>) async throws(StoreError) -> Set<BlockKey> {
        guard !keys.isEmpty else { return [] }
        return try await BlockingThreads.shared.run { [index] () throws(StoreError) in
            var lost: Set<BlockKey> = []
            for key in keys where try index.isLost(key) { lost.insert(key) }
            return lost
        }
    }

    private static func block(_ section: PackSections.Section, of stretch: PackSections) -> Finding {
        guard let (cid, start) = stretch.cid(of: section) else { return Finding(offset: 0) }
        var finding = Finding(cid: cid, offset: stretch.offset + UInt64(start), length: section.end - start)
        do throws(FormatProblem) {
            if try !cid.hash.verify(stretch.bytes.span.extracting(start..<section.end)) {
                finding.problem = "The block \(cid) is damaged: its bytes have another hash."
                finding.isDamaged = true
            }
        } catch {
            finding.problem = "The block \(cid) cannot be checked: \(error.message)"
        }
        return finding
    }

    private static func reference(_ section: PackSections.Section, of stretch: PackSections) -> Finding {
        let reference = stretch.block(of: section).flatMap { Reference($0) }
        return Finding(
            cid: reference?.cid,
            offset: stretch.offset + UInt64(section.start),
            length: reference?.length ?? 0,
            reference: reference
        )
    }

    /// What is wrong with the file that a reference leads to.
    private func check(_ reference: Reference, at place: BlockLocation) async throws(StoreError) -> String? {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            do throws(StoreError) {
                _ = try readReferred(reference.cid, place)
                return nil
            } catch {
                guard error.code == .changed || error.code == .corrupt else { throw error }
                return error.message
            }
        }
    }
}
