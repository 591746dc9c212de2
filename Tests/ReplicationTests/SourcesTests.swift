import BlockStore
import IPLD
import Multiformats
@testable import Replication
import Storage
import StorageLaws
import TestKit
import Testing

/// Several sources together, and a backend as one.
@Suite(.scratch) struct SourcesTests: OverSources {
    let packing = FarPacking(scratch: Scratch.current + "/spools")

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
}
