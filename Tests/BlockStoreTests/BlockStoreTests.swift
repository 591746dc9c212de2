import BlockStore
import Foundation
import IPLD
import Multiformats
import TestKit
import Testing

/// Blocks that are told apart by a number.
private func block(_ number: Int, length: Int = 100) -> Block {
    Block(codec: .raw, bytes: Array("block \(number) ".utf8) + [UInt8](repeating: UInt8(number % 251), count: length))
}

/// The names of the packs of a store.
func packs(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder + "/packs").sorted()
}

@Suite(.scratch) struct BlockStoreTests {
    private let folder: String

    init() { folder = Scratch.current + "/store" }

    @Test func `what was ingested is there for another opening of the store`() async throws {
        let blocks = (0..<50).map { block($0) }
        try await BlockStore(folder: folder).ingest { try await $0.write(blocks) }
        let store = try BlockStore(folder: folder)
        #expect(try await store.get(blocks.map(\.cid)).map(\.bytes) == blocks.map(\.bytes))
        #expect(try await store.totals().blocks == 50)
    }

    @Test func `a pack is a CAR that anybody can read`() async throws {
        let blocks = (0..<20).map { block($0) }
        try await BlockStore(folder: folder).ingest { try await $0.write(blocks) }
        var parser = CARParser()
        parser.feed(Array(try Data(contentsOf: URL(filePath: folder + "/packs/000001.car"))))
        var found: [CID] = []
        while let event = try parser.next() {
            if case .section(let section) = event { found.append(section.cid) }
        }
        try parser.finish()
        #expect(found == blocks.map(\.cid))
    }

    @Test func `a block is stored once, in one ingest and over several`() async throws {
        let store = try BlockStore(folder: folder)
        for _ in 0..<2 {
            try await store.ingest { try await $0.write([block(1), block(1), block(2)]) }
        }
        #expect(try await store.totals().blocks == 2)
        let length = try FileManager.default.attributesOfItem(atPath: folder + "/packs/000001.car")[.size] as? Int
        #expect(try #require(length) < 2 * (block(1).bytes.count + 60) + 40)
    }

    @Test func `what an ingest saw is what it wrote or compared, and nothing else of a pack`() async throws {
        let store = try BlockStore(folder: folder)
        func write(_ numbers: Int...) async throws -> SeenBlocks {
            try await store.ingest { ingest in
                try await ingest.write(numbers.map { block($0) })
                return ingest.seen
            }
        }
        let first = try await write(1, 2)
        _ = try await write(3)
        let second = try await write(4, 2)
        #expect(try packs(folder).count == 1)
        let places = try await store.locate((1...4).map { block($0).cid }).compactMap { $0 }
        #expect(places.map(first.contains) == [true, true, false, false])
        #expect(places.map(second.contains) == [false, true, false, true])
        var both = first
        both.formUnion(second)
        #expect(!both.contains(places[2]))
        #expect(both.contains(places[0]) && both.contains(places[1]))
    }

    @Test func `an ingest that fails leaves nothing behind`() async throws {
        struct Stop: Error {}
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write([block(1)]) }
        let before = try Data(contentsOf: URL(filePath: folder + "/packs/000001.car"))
        await #expect(throws: Stop.self) {
            try await store.ingest { ingest in
                try await ingest.write([block(2)])
                throw Stop()
            }
        }
        #expect(try Data(contentsOf: URL(filePath: folder + "/packs/000001.car")) == before)
        await #expect(throws: StoreError.self) { try await store.get(block(2).cid) }
        try await store.ingest { try await $0.write([block(3)]) }
        #expect(try await store.get(block(3).cid).bytes == block(3).bytes)
    }

    @Test func `what a killed process appended is cut off by a collection, and by nobody before`() async throws {
        try await BlockStore(folder: folder).ingest { try await $0.write([block(1)]) }
        let path = URL(filePath: folder + "/packs/000001.car")
        let whole = try Data(contentsOf: path)
        // A section that was begun and never indexed.
        let longer = whole + CARSection.prefix(for: block(9).cid, length: 4000) + [1, 2, 3]
        try longer.write(to: path)
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write([block(2)]) }
        #expect(try await store.get([block(1).cid, block(2).cid]).count == 2)
        #expect(try Data(contentsOf: path) == longer)
        _ = try await store.collect { [block(1).cid, block(2).cid] }
        #expect(try Data(contentsOf: path) == whole)
        #expect(try await store.get([block(1).cid, block(2).cid]).count == 2)
    }

    @Test func `what is damaged is forgotten by whoever sees it, and stored again`() async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<10).map { block($0) }) }
        let epoch = try await store.epoch()
        let path = URL(filePath: folder + "/packs/000001.car")
        var bytes = try Data(contentsOf: path)
        let place = try #require(bytes.firstRange(of: Data(block(4).bytes)))
        bytes[place.lowerBound + 20] ^= 1
        try bytes.write(to: path)
        let reader = try BlockStore(folder: folder)
        await #expect(throws: StoreError.self) { try await reader.get(block(4).cid) }
        for store in [reader, try BlockStore(folder: folder)] {
            #expect(try await !store.has(block(4).cid))
            #expect(try await store.epoch() != epoch)
            let report = try await store.verify { _ in }
            #expect(report.problems.map(\.cid) == [block(4).cid])
        }
        let counts = try await reader.ingest { ingest in
            try await ingest.write([block(4), block(5)])
            return ingest.counts
        }
        #expect(counts.newBlocks == 1 && counts.knownBlocks == 1)
        #expect(try await BlockStore(folder: folder).get(block(4).cid).bytes == block(4).bytes)
        #expect(try await reader.verify { _ in }.problems.isEmpty)
    }

    @Test func `an empty block at the end of a pack is one of its blocks`() async throws {
        let empty = Block(codec: .raw, bytes: [])
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write([block(1), empty]) }
        let report = try await store.verify { _ in }
        #expect(report.problems.isEmpty && report.blocks == 2)
    }

    @Test(arguments: [false, true]) func `damage that was seen is told until it is stored again`(
        isGone: Bool
    ) async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<10).map { block($0) }) }
        let path = URL(filePath: folder + "/packs/000001.car")
        var bytes = try Data(contentsOf: path)
        if isGone {
            try FileManager.default.removeItem(at: path)
            try FileManager.default.createDirectory(at: path, withIntermediateDirectories: false)
        } else {
            // Nothing there says any more which block it was.
            let place = try #require(bytes.firstRange(of: Data(block(4).bytes)))
            let length = block(4).cid.bytes.count
            bytes.replaceSubrange(place.lowerBound - length..<place.lowerBound, with: Data(repeating: 0, count: length))
            bytes[place.lowerBound] ^= 1
            try bytes.write(to: path)
        }
        let reader = try BlockStore(folder: folder)
        // Whoever asks again is told the same; what never was there is something else.
        for _ in 0..<2 {
            let error = await #expect(throws: StoreError.self) { try await reader.get(block(4).cid) }
            #expect(error?.code == .corrupt)
        }
        let missing = await #expect(throws: StoreError.self) { try await reader.get(block(99).cid) }
        #expect(missing?.code == .notFound)
        #expect(try await !reader.verify { _ in }.problems.isEmpty)
        if isGone { try FileManager.default.removeItem(at: path) }
        try await reader.ingest { try await $0.write((0..<10).map { block($0) }) }
        #expect(try await reader.get((0..<10).map { block($0).cid }).count == 10)
    }

    @Test func `known is compared with what is at hand, and written again where it is damaged`() async throws {
        try await BlockStore(folder: folder).ingest { try await $0.write((0..<10).map { block($0) }) }
        let path = URL(filePath: folder + "/packs/000001.car")
        var bytes = try Data(contentsOf: path)
        let place = try #require(bytes.firstRange(of: Data(block(4).bytes)))
        bytes[place.lowerBound + 20] ^= 1
        try bytes.write(to: path)
        // Nobody has seen the damage before.
        let store = try BlockStore(folder: folder)
        let counts = try await store.ingest { ingest in
            try await ingest.write((0..<10).map { block($0) })
            return ingest.counts
        }
        #expect(counts.healedBlocks == 1 && counts.knownBlocks == 9 && counts.newBlocks == 0)
        #expect(try await BlockStore(folder: folder).get((0..<10).map { block($0).cid }).count == 10)
    }

    @Test func `a store is known again, also without its files that say which one it is`() async throws {
        let store = try BlockStore(folder: folder)
        let identity = try #require(store.identity)
        #expect(try BlockStore(folder: folder).identity == identity)
        #expect(try BlockStore(folder: Scratch.current + "/other").identity != identity)
        try FileManager.default.removeItem(atPath: folder + "/identity")
        #expect(try BlockStore(folder: folder).identity == identity)
        try await store.ingest { try await $0.write([block(1)]) }
        try FileManager.default.removeItem(atPath: folder + "/identity")
        try FileManager.default.removeItem(atPath: folder + "/index")
        let lost = try BlockStore(folder: folder)
        #expect(lost.identity == nil)
        #expect(try await lost.has(block(1).cid))
        try await lost.rebuild(identity: identity)
        #expect(try BlockStore(folder: folder).identity == identity)
    }

    @Test func `the owner of a store and how far it came are noted`() throws {
        let store = try BlockStore(folder: folder)
        #expect(try BlockStore.owner(ofStoreIn: folder) == nil)
        for mark in [7, 123_456_789, 8] as [UInt64] {
            try store.note(BlockStore.Owner(name: "abc", mark: mark, generation: 3))
            #expect(try BlockStore.owner(ofStoreIn: folder) == BlockStore.Owner(name: "abc", mark: mark, generation: 3))
        }
        var bytes = try Data(contentsOf: URL(filePath: folder + "/owner"))
        bytes[4] ^= 1
        try bytes.write(to: URL(filePath: folder + "/owner"))
        #expect(try BlockStore.owner(ofStoreIn: folder) == nil)
    }

    @Test func `damage on the disk is an error that names the block, never other bytes`() async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write([block(1), block(2)]) }
        let path = URL(filePath: folder + "/packs/000001.car")
        var bytes = try Data(contentsOf: path)
        bytes[bytes.count - 5] ^= 1
        try bytes.write(to: path)
        let reopened = try BlockStore(folder: folder)
        #expect(try await reopened.get(block(1).cid).bytes == block(1).bytes)
        let error = await #expect(throws: StoreError.self) { try await reopened.get(block(2).cid) }
        #expect(error?.code == .corrupt)
        #expect(error?.cid == block(2).cid)
        try await reopened.ingest { try await $0.write([block(2)]) }
        #expect(try await reopened.get(block(2).cid).bytes == block(2).bytes)
    }

    @Test func `a pack that was cut short or removed is damage`() async throws {
        try await BlockStore(folder: folder).ingest { try await $0.write((0..<10).map { block($0, length: 5000) }) }
        let path = URL(filePath: folder + "/packs/000001.car")
        try (try Data(contentsOf: path).prefix(30_000)).write(to: path)
        let store = try BlockStore(folder: folder)
        var codes: Set<StoreError.Code> = []
        for number in 0..<10 {
            do throws(StoreError) { _ = try await store.get(block(number, length: 5000).cid) } catch {
                codes.insert(error.code)
            }
        }
        #expect(codes == [.corrupt])
        // New blocks do not go into a pack that lost its end.
        try await store.ingest { try await $0.write([block(77)]) }
        #expect(try packs(folder).count == 2)
        #expect(try await store.get(block(77).cid).bytes == block(77).bytes)
    }

    @Test func `the index is made again from the packs alone, without what is damaged`() async throws {
        try await BlockStore(folder: folder).ingest { try await $0.write((0..<30).map { block($0) }) }
        let path = URL(filePath: folder + "/packs/000001.car")
        var bytes = try Data(contentsOf: path)
        let place = try #require(bytes.firstRange(of: Data("block 7 ".utf8)))
        bytes[place.lowerBound] ^= 0xFF
        try bytes.write(to: path)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasPrefix("index") {
            try FileManager.default.removeItem(atPath: folder + "/" + name)
        }
        let store = try BlockStore(folder: folder)
        #expect(try await store.totals().blocks == 29)
        #expect(try await store.has(block(29).cid))
        #expect(try await store.has(block(7).cid) == false)
    }

    @Test func `nothing is forgotten of a pack that cannot be looked at`() async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<3).map { block($0) }) }
        let pack = folder + "/packs/000001.car"
        try FileManager.default.moveItem(atPath: pack, toPath: folder + "/away")
        // The system refuses to say whether a name that is too long is there; as it does where a disk fails.
        let link = String(repeating: "x", count: 300)
        try FileManager.default.createSymbolicLink(atPath: pack, withDestinationPath: link)
        await #expect(throws: StoreError.self) { try await store.rebuild() }
        await #expect(throws: StoreError.self) { try await store.checkLengths() }
        await #expect(throws: StoreError.self) { try await store.verify { _ in } }
        await #expect(throws: StoreError.self) { try await store.collect(waste: 0) { [block(0).cid] } }
        try FileManager.default.removeItem(atPath: pack)
        try FileManager.default.moveItem(atPath: folder + "/away", toPath: pack)
        #expect(try await store.lost() == 0)
        #expect(try await store.get((0..<3).map { block($0).cid }).count == 3)
    }

    @Test func `several writers at once do not disturb each other`() async throws {
        let folder = folder
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    // A store of its own for each, as several processes have.
                    let store = try BlockStore(folder: folder)
                    for round in 0..<5 {
                        try await store.ingest { ingest in
                            try await ingest.write((0..<20).map { block(writer * 1000 + round * 20 + $0) })
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let store = try BlockStore(folder: folder)
        for writer in 0..<4 {
            let cids = (0..<100).map { block(writer * 1000 + $0).cid }
            #expect(try await store.get(cids).count == 100)
        }
    }

    @Test func `an identity CID carries its block`() async throws {
        let store = try BlockStore(folder: folder)
        let cid = CID.v1(.raw, try Multihash(code: .identity, digest: Array("inline".utf8)))
        #expect(try await store.has(cid))
        #expect(try await store.get(cid).bytes == Array("inline".utf8))
        try await store.ingest { try await $0.write([Block(cid: cid, bytes: Array("inline".utf8))]) }
        #expect(try await store.totals().blocks == 0)
    }
}
