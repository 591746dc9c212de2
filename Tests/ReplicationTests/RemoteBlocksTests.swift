import IPLD
import Multiformats
@testable import Replication
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

/// Blocks that are read out of the CARs of a backend.
@Suite(.scratch) struct RemoteBlocksTests {
    private let memory = MemoryService()
    private let small = SampleArchive(seed: 1)
    private let large = SampleArchive(seed: 2, leaves: 2000)

    private func backend(_ service: any StorageService) -> OpenBackend {
        OpenBackend(
            name: "far",
            content: CARArchive(Checked(service, backend: "far")),
            meter: Meter(),
            quota: nil,
            lanes: 2
        )
    }

    private let said = Locked<[String]>([])

    private func blocks(
        _ archive: SampleArchive,
        _ service: any StorageService,
        knowsLength: Bool = true,
        cache: String = "cache"
    ) throws -> RemoteBlocks {
        let path = try CARArchive.name(of: archive.root).text
        return RemoteBlocks(
            of: archive.root,
            at: knowsLength ? Location(path, length: UInt64(archive.bytes.count)) : nil,
            on: backend(service),
            cache: BlockCache(Scratch.current + "/" + cache),
            notice: { [said] sentence in said.change { $0.append(sentence) } }
        )
    }

    private func store(_ archive: SampleArchive) async throws {
        _ = try await CARArchive(memory).store(archive.upload)
    }

    /// A CAR that has an index is read in parts, one that has none whole; what was read once is not asked for again.
    @Test(arguments: [false, true]) func onlyWhatIsNeededIsFetched(_ isLarge: Bool) async throws {
        let archive = isLarge ? large : small
        try await store(archive)
        let wanted = archive.sections[2].block
        let counted = FaultyService(memory)
        #expect(try await blocks(archive, counted).blocks([wanted.cid]) == [wanted])
        #expect(counted.count(.get) == (isLarge ? 2 : 1) && counted.count(.stat) == 0, "\(counted.calls)")
        // Another process, with the same cache.
        let again = FaultyService(memory)
        #expect(try await blocks(archive, again).blocks([wanted.cid, wanted.cid]) == [wanted, wanted])
        #expect(again.calls.isEmpty)
        // The index is at hand: another block is one request.
        if isLarge {
            let other = archive.sections[1500].block
            #expect(try await blocks(archive, again).blocks([other.cid]) == [other])
            #expect(again.count(.get) == 1)
        }
        #expect(said.read { $0 }.isEmpty)
    }

    /// Blocks that lie near to each other come in one request, and in the order in which they were asked for.
    @Test func neighboursComeTogether() async throws {
        try await store(large)
        let wanted = [700, 3, 701, 4, 702, 3].map { large.sections[$0].block }
        let counted = FaultyService(memory)
        #expect(try await blocks(large, counted).blocks(wanted.map(\.cid)) == wanted)
        #expect(counted.count(.get) == 1 + 2, "\(counted.calls)")
    }

    @Test func whatNobodyKnowsHereIsAskedFor() async throws {
        for archive in [small, large] {
            try await store(archive)
            let wanted = archive.sections[1].block
            #expect(try await blocks(archive, memory, knowsLength: false).blocks([wanted.cid]) == [wanted])
        }
        let other = SampleArchive(seed: 9)
        let error = await #expect(throws: StorageError.self) {
            try await blocks(other, memory, knowsLength: false).blocks([other.root])
        }
        #expect(error?.code == .notFound && error?.backend == "far")
    }

    @Test(arguments: [false, true]) func aBlockThatIsNotInTheArchiveIsNotFound(_ isLarge: Bool) async throws {
        let archive = isLarge ? large : small
        try await store(archive)
        let foreign = SampleArchive(seed: 5).sections[1].cid
        let error = await #expect(throws: StorageError.self) { try await blocks(archive, memory).blocks([foreign]) }
        #expect(error?.code == .notFound)
        #expect(try await blocks(archive, memory).have(archive.sections[1].cid))
        #expect(try await !blocks(archive, memory).have(foreign))
    }

    /// Other bytes are never given.
    @Test(arguments: [false, true]) func aDamagedBlockIsNotGiven(_ isLarge: Bool) async throws {
        let archive = isLarge ? large : small
        try await store(archive)
        let section = archive.sections[2]
        var bytes = archive.bytes
        bytes[section.dataOffset] ^= 1
        memory.tamper(try CARArchive.name(of: archive.root), bytes)
        let error = await #expect(throws: StorageError.self) { try await blocks(archive, memory).blocks([section.cid]) }
        #expect(error?.code == .corrupt && error?.message.contains(section.cid.description) == true)
        let good = archive.sections[3].block
        #expect(try await blocks(archive, memory).blocks([good.cid]) == [good])
    }

    /// What is damaged or not there takes nothing from the blocks beside it.
    @Test(arguments: [false, true]) func whatCanBeHadIsGiven(_ isLarge: Bool) async throws {
        let archive = isLarge ? large : small
        try await store(archive)
        let (damaged, foreign) = (archive.sections[2], SampleArchive(seed: 5).sections[1].cid)
        var bytes = archive.bytes
        bytes[damaged.dataOffset] ^= 1
        memory.tamper(try CARArchive.name(of: archive.root), bytes)
        let good = [1, 3].map { archive.sections[$0].block }
        let found = try await blocks(archive, memory).find([damaged.cid, foreign] + good.map(\.cid))
        #expect(Set(found.blocks.values) == Set(good))
        #expect(found.problem?.code == .corrupt || found.problem?.code == .notFound)
    }

    /// Who does not answer for one block is not asked for all the others.
    @Test func whoDoesNotAnswerIsNotAskedOn() async throws {
        try await store(large)
        let wanted = (0..<40).map { large.sections[$0 * 50].cid }
        let failing = FaultyService(memory, [Fault(.get, times: 2...Int.max, .fail(StorageError.passing))])
        let found = try await blocks(large, failing).find(wanted)
        #expect(found.problem?.code == .unavailable && found.blocks.isEmpty)
        #expect(failing.count(.get) <= 1 + 4, "\(failing.calls)")
    }

    /// Where no index is left, or one that is none, all is read once, and that is said.
    @Test(
        arguments: [
            nil, [], [1, 2, 3], [UInt8](repeating: 0xFF, count: 5000), [UInt8](repeating: 0xFF, count: 9 << 20),
        ] as [[UInt8]?]
    )
    func anIndexIsMadeWhereThereIsNone(_ index: [UInt8]?) async throws {
        try await store(large)
        memory.tamper(try #require(CARName.ofIndex(of: CARArchive.name(of: large.root))), index)
        let wanted = large.sections[900].block
        #expect(try await blocks(large, memory).blocks([wanted.cid]) == [wanted])
        #expect(said.read { $0 }.count == 1)
        let again = FaultyService(memory)
        let other = large.sections[901].block
        #expect(try await blocks(large, again).blocks([other.cid]) == [other])
        #expect(again.count(.get) == 1 && said.read { $0 }.count == 1)
    }

    /// What lies in the cache may be that of another CAR, or damaged: then the backend is asked.
    @Test func anIndexThatIsWrongIsFetchedAnew() async throws {
        try await store(large)
        let cache = BlockCache(Scratch.current + "/cache")
        var index = CARIndex()
        for section in large.sections { index.add(section.cid, offset: UInt64(section.offset) + 1) }
        for bytes in [index.encoded(.multihashSorted), CARIndex().encoded(.multihashSorted), [1, 2, 3]] {
            await cache.keep(index: bytes, of: large.root)
            let wanted = large.sections[Int.random(in: 1...1999)].block
            #expect(try await blocks(large, memory).blocks([wanted.cid]) == [wanted])
            #expect(await cache.index(of: large.root) != bytes)
        }
    }

    /// An index beside the CAR that has rotted says neither that a block is missing nor that the CAR is damaged.
    @Test(arguments: [0, 1, 2]) func anIndexThatHasRottedSaysNothing(_ damage: Int) async throws {
        try await store(large)
        let wanted = large.sections[900].block
        var index = CARIndex()
        for section in large.sections where damage != 1 || section.cid != wanted.cid {
            index.add(section.cid, offset: UInt64(section.offset) + (damage == 2 ? 1 : 0))
        }
        var bytes = damage == 0 ? CARIndex().encoded(.multihashSorted) : index.encoded(.multihashSorted)
        if damage == 2 { bytes += [0] }
        memory.tamper(try #require(CARName.ofIndex(of: CARArchive.name(of: large.root))), bytes)
        #expect(try await blocks(large, memory).blocks([wanted.cid]) == [wanted])
        #expect(said.read { $0 }.count == 1)
        // What is not there, the CAR has said.
        let foreign = SampleArchive(seed: 5).sections[1].cid
        let error = await #expect(throws: StorageError.self) { try await blocks(large, memory).blocks([foreign]) }
        #expect(error?.code == .notFound)
    }

    @Test func aServiceWithoutRangesGivesOnlyShortArchives() async throws {
        let service = MemoryService(capabilities: [.write, .delete])
        for archive in [small, large] { _ = try await CARArchive(service).store(archive.upload) }
        #expect(try await blocks(small, service).blocks([small.root]).map(\.cid) == [small.root])
        let error = await #expect(throws: StorageError.self) { try await blocks(large, service).blocks([large.root]) }
        #expect(error?.code == .unsupported && error?.message.contains("ipfs-kit restore") == true)
    }

    /// A service that sends everything is told of once, and what it sends is right.
    @Test func thatRangesAreIgnoredIsSaidOnce() async throws {
        try await store(large)
        let ignorant = AlteredService(memory) { service in
            service.onGet = { [memory] (name, range, version) async throws(StorageError) in
                let object = try await memory.get(name, range, version: version)
                let (length, version) = (object.length, object.version)
                return OpenObject(object.stream, length: length, version: version, ignoresRange: range != nil)
            }
        }
        let blocks = try blocks(large, ignorant)
        for number in [1, 500, 1000] {
            let wanted = large.sections[number].block
            #expect(try await blocks.blocks([wanted.cid]) == [wanted])
        }
        #expect(said.read { $0 }.count == 1)
    }
}

/// What was read is kept in a folder that may be damaged, filled and removed.
@Suite(.scratch) struct BlockCacheTests {
    private func block(_ number: Int, length: Int = 1000) -> Block {
        Block(codec: .raw, bytes: Array(repeating: UInt8(truncatingIfNeeded: number), count: length) + "\(number)".utf8)
    }

    @Test func aDamagedFileIsNoBlock() async throws {
        let cache = BlockCache(Scratch.current)
        await cache.keep([block(1)])
        #expect(await cache.block(block(1).cid) == block(1))
        let files = try Trees.files(in: Scratch.current)
        #expect(files.count == 1)
        try write([1, 2, 3], to: Scratch.current + "/" + files[0])
        #expect(await cache.block(block(1).cid) == nil)
        #expect(try Trees.files(in: Scratch.current).isEmpty)
    }

    /// What was used last stays, and neither bytes nor files go beyond the limit by much.
    @Test(arguments: [(bytes: UInt64(64_000), files: 1000), (bytes: 1 << 30, files: 48)])
    func whatWasNotUsedForLongestGoes(_ limit: (bytes: UInt64, files: Int)) async throws {
        for number in 0..<200 {
            // Each process looks how full it is.
            await BlockCache(Scratch.current, limit: limit).keep([block(number)])
        }
        let left = try Trees.files(in: Scratch.current).count
        #expect((30...64).contains(left), "\(left)")
        #expect(await BlockCache(Scratch.current, limit: limit).block(block(199).cid) == block(199))
    }
}
