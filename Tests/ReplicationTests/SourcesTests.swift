import BlockStore
import Catalog
import Foundation
import IPLD
import Multiformats
@testable import Replication
import Storage
import StorageLaws
import TestKit
import Testing

/// A source in memory that tells what it was asked for.
private struct SourceFake: BlockSource {
    let held: [CID: Block]
    /// The CAR that it gives, however good.
    var car: [UInt8]?
    /// How the CAR ends, unless with its last byte.
    var end: StorageError?
    /// What it says to everything.
    var problem: StorageError?
    let asked = Locked<[[CID]]>([])
    let exports = Locked(0)

    init(_ sections: [CARSection], car: [UInt8]? = nil, problem: StorageError? = nil) {
        held = Dictionary(sections.map { ($0.cid, $0.block) }) { first, _ in first }
        (self.car, self.problem) = (car, problem)
    }

    var isFar: Bool { true }

    func find(_ cids: [CID], below root: CID) async throws(ReplicationError) -> FoundBlocks {
        asked.change { $0.append(cids) }
        var found = FoundBlocks()
        for cid in cids {
            if problem == nil, let block = held[cid] {
                found.blocks[cid] = block
            } else {
                found.problem = .source(problem ?? StorageError(.notFound, "\(cid) is not in the fake."))
            }
        }
        if !found.blocks.isEmpty { found.givers = ["fake"] }
        return found
    }

    func export(_ root: CID) async throws(ReplicationError) -> SourceStream? {
        exports.change { $0 += 1 }
        if let problem { throw .source(problem) }
        guard let car else { return nil }
        let end = end
        let bytes = Pulled {
            let cursor = StreamCursor(Body(car).open())
            return { () async throws(StorageError) -> [UInt8]? in
                if let chunk = try await cursor.next() { return chunk }
                if let end { throw end }
                return nil
            }
        }
        return SourceStream(bytes, from: "fake")
    }
}

/// Content that is packed out of what comes from afar, and several sources together.
@Suite(.scratch) struct SourcesTests {
    private let archive = SampleArchive(seed: 1, leaves: 20)
    private let down = StorageError(.unavailable, "Nobody is there.", retry: .later)

    private let packing = FarPacking(scratch: Scratch.current + "/spools")

    private func several(_ sources: [any BlockSource], _ timing: Timing = Timing(now: { 0 })) -> SeveralSources {
        SeveralSources(sources, timing: timing)
    }

    private func pack(
        _ root: CID,
        from source: any BlockSource,
        holding limit: UInt64 = 0
    ) async throws(ReplicationError) -> PackedDAG {
        try await source.pack(root, by: packing, holding: limit)
    }

    private func error(_ body: () async throws(ReplicationError) -> Void) async -> ReplicationError? {
        do throws(ReplicationError) {
            try await body()
            return nil
        } catch {
            return error
        }
    }

    private func isSame(_ packed: PackedDAG, _ archive: SampleArchive) async throws -> Bool {
        var copied: [UInt8] = []
        try await packed.copy { pieces in for piece in pieces { copied += piece } }
        let bytes = try await packed.body.bytes()
        return bytes == archive.bytes && copied == archive.bytes && packed.layout.length == UInt64(bytes.count)
            && packed.layout.places == archive.places
    }

    /// Damages the block that was stored last.
    private func damageEnd(ofStore folder: String) throws {
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder + "/packs").first)
        let pack = URL(filePath: folder + "/packs/" + name)
        var bytes = try [UInt8](Data(contentsOf: pack))
        bytes[bytes.count - 1] ^= 1
        try Data(bytes).write(to: pack)
    }

    // MARK: Packing

    /// Whatever order the blocks come in, and however the export ends, the CAR is the one of the root.
    @Test(arguments: ["whole", "cut", "ended", "failed", "damaged", "shuffled", "none"])
    func theArchiveIsThatOfTheRoot(_ what: String) async throws {
        let sections = archive.sections
        var source = SourceFake(sections)
        let cut = sections[11].offset
        switch what {
        case "whole": source.car = archive.bytes
        case "cut": source.car = Array(archive.bytes[..<(cut + 7)])
        case "ended": source.car = Array(archive.bytes[..<cut])
        case "failed": (source.car, source.end) = (Array(archive.bytes[..<cut]), down)
        case "damaged":
            source.car = archive.bytes
            source.car?[sections[11].dataOffset + 3] ^= 1
        case "shuffled":
            source.car =
                CARHeader(roots: [archive.root]).encoded
                + (sections.reversed() + sections).flatMap {
                    CARSection.prefix(for: $0.cid, length: $0.bytes.count) + $0.bytes
                }
        default: break
        }
        for limit in [0, UInt64.max >> 1] {
            let packed = try await pack(archive.root, from: source, holding: limit)
            #expect(try await isSame(packed, archive))
            #expect((packed.held != nil) == (limit > 0))
        }
        let asked = Set(source.asked.read { $0 }.joined())
        let missing: Range<Int> =
            switch what {
            case "whole", "shuffled": 0..<0
            // What came in one piece with what is damaged is not looked at.
            case "none", "damaged": 0..<sections.count
            default: 11..<sections.count
            }
        #expect(asked == Set(sections[missing].map(\.cid)))
        #expect(source.exports.read { $0 } == 2)
    }

    /// What nothing in the DAG leads to is not kept, and of a CAR that has much of it the rest is not read.
    @Test func strangersInAnExportAreLeftOut() async throws {
        let sections = archive.sections
        let blob = [UInt8](repeating: 7, count: 4 << 20)
        var source = SourceFake(sections)
        source.car = Array(archive.bytes[..<sections[1].offset])
        for number in UInt8(0)..<20 {
            let block = Block(codec: .raw, bytes: blob + [number])
            source.car? += CARSection.prefix(for: block.cid, length: block.bytes.count) + block.bytes
        }
        source.car? += archive.bytes[sections[1].offset...]
        #expect(try await isSame(pack(archive.root, from: source), archive))
        #expect(Set(source.asked.read { $0 }.joined()) == Set(sections[1...].map(\.cid)))
        let store = try BlockStore(folder: Scratch.current + "/store")
        let counts = try await StoreFetch(into: store, from: source, progress: .silent).bring(archive.root)
        #expect(counts.blocks == UInt64(sections.count))
        #expect(try await store.totals().blocks == UInt64(sections.count))
    }

    /// A leaf of the store that is damaged is found when the CAR is read: another source may have it.
    @Test(arguments: [true, false]) func aDamagedLeafIsReadElsewhere(_ isElsewhere: Bool) async throws {
        let folder = Scratch.current + "/store"
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write(archive.sections.map(\.block)) }
        try damageEnd(ofStore: folder)
        let other = isElsewhere ? SourceFake(archive.sections) : SourceFake([], problem: down)
        let packed = try await pack(archive.root, from: several([StoreSource(store), other]))
        guard !isElsewhere else {
            #expect(try await isSame(packed, archive))
            return
        }
        let error = await #expect(throws: StorageError.self) { try await packed.body.bytes() }
        #expect(error?.code == .corrupt && error?.message.contains("Nobody is there.") == true)
    }

    /// What no export brings and nobody gives by its CID makes the root unpackable.
    @Test func aCutExportIsNeverWhole() async throws {
        let sections = archive.sections
        let source = SourceFake(Array(sections[..<11]), car: Array(archive.bytes[..<sections[11].offset]))
        let error = await error { () async throws(ReplicationError) in _ = try await pack(archive.root, from: source) }
        guard case .source(let error)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error.code == .notFound)
    }

    /// More than memory has room for lies in a file that has no name; two lie there at once, and a third one waits.
    @Test func muchIsKeptInFilesWithoutNames() async throws {
        let large = SampleArchive(seed: 3, leaves: 3000)
        let source = SourceFake(large.sections, car: large.bytes)
        var packed: [PackedDAG] = [try await pack(large.root, from: source), try await pack(large.root, from: source)]
        #expect(source.asked.read { $0 }.isEmpty && source.exports.read { $0 } == 4)
        let folder = Scratch.current + "/spools"
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        for one in packed { #expect(try await isSame(one, large)) }
        let part: Range<UInt64> = 1_000_000..<1_700_000
        #expect(try await packed[0].body.bytes(part) == Array(large.bytes[1_000_000..<1_700_000]))
        async let third = pack(large.root, from: source)
        #expect(try await holds { source.exports.read { $0 } == 5 })
        packed.removeLast()
        #expect(try await isSame(await third, large))
        #expect(source.exports.read { $0 } == 6)
    }

    /// What rots where it is kept meanwhile is not sent.
    @Test func whatIsKeptIsCheckedAgain() async throws {
        let spool = Spool(in: Scratch.current + "/spools")
        let (one, other) = (archive.sections[1].block, archive.sections[2].block)
        try await spool.add([(one.cid, one.bytes[...]), (other.cid, one.bytes[...])])
        #expect(try await spool.block(one.cid) == one)
        await #expect(throws: StoreError.self) { try await spool.block(other.cid) }
    }

    // MARK: Several

    @Test func theFirstThatHasABlockGivesIt() async throws {
        let sections = archive.sections
        let (odd, all) = (
            SourceFake(sections.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)), SourceFake(sections)
        )
        let wanted = sections.map(\.cid) + [sections[3].cid]
        let blocks = try await several([odd, all]).blocks(wanted, below: archive.root)
        #expect(blocks == sections.map(\.block) + [sections[3].block])
        let asked = all.asked.read { $0 }
        #expect(
            asked.count == 1
                && Set(asked[0]) == Set(sections.enumerated().filter { $0.offset % 2 == 0 }.map(\.element.cid))
        )
    }

    /// Each has a part only: together they are packed as one.
    @Test func partsMakeAWhole() async throws {
        let sections = archive.sections
        let sources = [SourceFake(Array(sections[..<9])), SourceFake(Array(sections[7...]))]
        #expect(try await isSame(pack(archive.root, from: several(sources)), archive))
        let lacking = [sources[0], SourceFake(Array(sections[10...]))]
        let failure = await error { () async throws(ReplicationError) in
            _ = try await pack(archive.root, from: several(lacking))
        }
        #expect(failure?.isOfContent == true && failure?.description.contains("\(sections[9].cid)") == true)
    }

    /// Who does not answer may have what nobody else has: that is no absence.
    @Test func silenceIsNoAbsence() async throws {
        let sections = archive.sections
        let (silent, empty) = (SourceFake([], problem: down), SourceFake([]))
        for sources in [[silent, empty], [empty, silent]] {
            let joined = several(sources)
            let failure = await error { () async throws(ReplicationError) in
                _ = try await joined.blocks([sections[1].cid], below: archive.root)
            }
            #expect(failure?.isOfContent == false, "\(String(describing: failure))")
            let unpacked = await error { () async throws(ReplicationError) in
                _ = try await pack(archive.root, from: joined)
            }
            #expect(unpacked?.isOfContent == false, "\(String(describing: unpacked))")
        }
        let absent = await error { () async throws(ReplicationError) in
            _ = try await several([empty, empty]).blocks([sections[1].cid], below: archive.root)
        }
        #expect(absent?.isOfContent == true)
        // Somebody else has it.
        let all = SourceFake(sections)
        let blocks = try await several([silent, all]).blocks([sections[1].cid], below: archive.root)
        #expect(blocks == [sections[1].block])
    }

    /// What one has damaged, and the others have not, is damaged: nobody may take it for absent.
    @Test func damageIsNoAbsence() async throws {
        let root = archive.root
        let empty = SourceFake([])
        for code in [StorageError.Code.corrupt, .changed] {
            let damaged = SourceFake([], problem: StorageError(code, "Its bytes are others."))
            for sources in [[damaged, empty], [empty, damaged]] {
                let failure = await error { () async throws(ReplicationError) in
                    _ = try await several(sources).blocks([root], below: root)
                }
                guard case .source(let told)? = failure else {
                    Issue.record("\(String(describing: failure))")
                    continue
                }
                #expect(told.code == code)
                #expect(told.message.contains("others.") && told.message.contains("not in the fake"))
            }
        }
        // The store tells in its own words.
        let folder = Scratch.current + "/store"
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write([archive.sections[0].block]) }
        try damageEnd(ofStore: folder)
        let failure = await error { () async throws(ReplicationError) in
            _ = try await several([StoreSource(store), empty]).blocks([root], below: root)
        }
        guard case .store(let told)? = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(told.code == .corrupt && told.cid == root)
    }

    /// One that does not answer is left alone for a while, and asked again then: nobody is given up for good.
    @Test func whoNeverAnswersRests() async throws {
        let sections = archive.sections
        let (silent, all) = (SourceFake([], problem: down), SourceFake(sections))
        let time = Locked(Duration.zero)
        let joined = several([silent, all], Timing(now: { 0 }, uptime: { time.read { $0 } }))
        for section in sections { _ = try await joined.blocks([section.cid], below: archive.root) }
        #expect(silent.asked.read { $0.count } == 3)
        #expect(all.asked.read { $0.count } == sections.count)
        for (minute, asked) in [(1, 4), (2, 5)] {
            time.change { $0 = .seconds(60 * minute) }
            for section in sections { _ = try await joined.blocks([section.cid], below: archive.root) }
            #expect(silent.asked.read { $0.count } == asked)
        }
    }

    /// What one of them says of a block that it has not takes nothing from the blocks that it has.
    @Test func eachIsAskedOnce() async throws {
        let sections = archive.sections
        let some = SourceFake([sections[1], sections[4]])
        let found = try await several([some, SourceFake(Array(sections[5...]))]).find(
            sections.map(\.cid),
            below: archive.root
        )
        #expect(some.asked.read { $0.count } == 1)
        #expect(Set(found.blocks.keys) == Set(([sections[1], sections[4]] + sections[5...]).map(\.cid)))
        #expect(found.problem?.isOfContent == true && found.givers == ["fake"])
    }

    // MARK: A backend

    private func backend(_ service: any StorageService) -> BackendSource {
        let open = OpenBackend(
            name: "far",
            content: CARArchive(Checked(service, backend: "far")),
            meter: Meter(),
            quota: nil,
            lanes: 2
        )
        return BackendSource(open, name: "far") { root in
            let cache = BlockCache(Scratch.current + "/cache")
            return BackendSource.Place(
                root,
                RemoteBlocks(of: root, at: nil, on: open, cache: cache, notice: { _ in }),
                isRoot: true,
                at: nil
            )
        }
    }

    /// A root that a backend keeps is read as its CAR, and a damaged one block by block.
    @Test func aBackendIsPackedFromItsArchive() async throws {
        let (memory, large) = (MemoryService(), SampleArchive(seed: 2, leaves: 2000))
        for one in [archive, large] {
            _ = try await CARArchive(memory).store(one.upload)
            let counted = FaultyService(memory)
            #expect(try await isSame(pack(one.root, from: backend(counted)), one))
            try await backend(counted).expectWhole(one.root, progress: .silent)
        }
        let absent = await error { () async throws(ReplicationError) in
            _ = try await pack(archive.root, from: backend(MemoryService()))
        }
        #expect(
            absent?.isOfContent == true && absent?.description.hasPrefix("far: ") == true,
            "\(String(describing: absent))"
        )
    }

    // MARK: Into the store

    /// What came before the end stays, and is not asked for again.
    @Test func aFetchGoesOnWhereItStopped() async throws {
        let sections = archive.sections
        let store = try BlockStore(folder: Scratch.current + "/store")
        let half = SourceFake(Array(sections[..<8]), car: Array(archive.bytes[..<sections[5].offset]))
        func bring(_ source: SourceFake) async throws(ReplicationError) -> StoreFetch.Counts {
            try await StoreFetch(into: store, from: source, progress: .silent).bring(archive.root)
        }
        #expect(await error { () async throws(ReplicationError) in _ = try await bring(half) } != nil)
        #expect(try await store.locate(sections[..<8].map(\.cid)).allSatisfy { $0 != nil })
        // What came in another way is not asked for either.
        try await store.ingest { try await $0.write([sections[15].block]) }
        let rest = SourceFake(sections, car: archive.bytes)
        let counts = try await bring(rest)
        #expect(rest.exports.read { $0 } == 0 && counts.blocks == UInt64(sections.count - 9))
        #expect(!rest.asked.read { $0.joined().contains(sections[15].cid) })
        try await StoreSource(store).expectWhole(archive.root, progress: .silent)
        #expect(try await bring(SourceFake([])).blocks == 0)
    }

    /// A leaf has no links, and is read all the same: what is damaged here comes anew.
    @Test func aDamagedLeafIsFetched() async throws {
        let folder = Scratch.current + "/store"
        let store = try BlockStore(folder: folder)
        #expect(archive.sections.last?.cid.codec == .raw)
        try await store.ingest { try await $0.write(archive.sections.map(\.block)) }
        try damageEnd(ofStore: folder)
        let source = SourceFake(archive.sections)
        let counts = try await StoreFetch(into: store, from: source, progress: .silent).bring(archive.root)
        #expect(counts.blocks == 1 && counts.givers == ["fake"])
        try await StoreSource(store).expectWhole(archive.root, progress: .silent)
    }

    /// A pin that cannot be read fails, and keeps no other from the backend.
    @Test(arguments: [StorageError.Code.unavailable, .notFound, .corrupt])
    func aSourceThatFailsIsNotTheBackend(_ code: StorageError.Code) async throws {
        let sample = try await EngineSample()
        for number in 0..<40 { try await sample.pin(number) }
        let lost = (100..<130).map { EngineSample.block($0) }
        try await sample.catalog.addPins(
            lost.map { Pin(cid: $0.cid, createdAt: sample.catalog.time) },
            reason: "test"
        )
        let failing = SourceFake([], problem: StorageError(code, "The node says so."))
        let memory = sample.service()
        let report = try await sample.sync(memory, source: several([StoreSource(sample.store), failing]))
        #expect(report.uploaded == 40 && report.failures.count == 30 && report.stopped == nil, "\(report)")
        for block in lost { #expect(try await sample.status(block.cid) != .stored) }
        #expect(try await sample.isDirty() == true)
    }
}
