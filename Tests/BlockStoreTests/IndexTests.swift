@testable import BlockStore
import Foundation
import IPLD
import Multiformats
import Samples
import TestKit
import Testing

private func block(_ number: Int) -> Block {
    Block(codec: .raw, bytes: Array("block \(number) ".utf8) + [UInt8](repeating: 7, count: number % 50))
}

@Suite(.scratch) struct IndexTests {
    private let folder: String

    init() { folder = Scratch.current + "/store" }

    private func files(_ name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder + "/" + name).sorted()
    }

    private func segments() throws -> [String] { try files("index").filter { $0.hasSuffix(".idx") } }

    @Test(arguments: [1, 2, 3]) func `whatever happens to it, the store has what it should`(seed: UInt64) async throws {
        var chance = SeededNumbers(seed: seed)
        // Two openings, as two processes have, of which one may know less than the other.
        var stores = [try BlockStore(folder: folder), try BlockStore(folder: folder)]
        var expected: Set<Int> = []
        for round in 0..<100 {
            let store = stores[Int.random(in: 0...1, using: &chance)]
            switch Int.random(in: 0..<20, using: &chance) {
            case 0..<11:
                let numbers = (0..<Int.random(in: 1...200, using: &chance)).map { _ in
                    Int.random(in: 0..<4000, using: &chance)
                }
                try await store.ingest { try await $0.write(numbers.map(block)) }
                expected.formUnion(numbers)
            case 11..<14:
                guard let number = expected.min() else { continue }
                let key = BlockKey(block(number).cid)
                let place = try #require(try store.index.locateNow([key])[0])
                try store.index.forget([(key, place)])
                expected.remove(number)
            case 14..<16:
                let kept = Set(expected.filter { _ in Int.random(in: 0..<4, using: &chance) > 0 })
                let roots = kept.map { block($0).cid }
                _ = try await store.collect(waste: 0) { roots }
                expected = kept
            case 16:
                // What was discarded is in the packs still, and sound: it comes back.
                let before = try await store.totals().blocks
                try await store.rebuild()
                #expect(try await store.totals().blocks >= before)
                let back = try await store.locate((0..<4000).map { block($0).cid })
                expected.formUnion(back.indices.filter { back[$0] != nil })
            case 17: stores = [try BlockStore(folder: folder), stores[0]]
            default:
                let numbers = (0..<100).map { _ in Int.random(in: 0..<4000, using: &chance) }
                for store in stores {
                    let found = try await store.locate(numbers.map { block($0).cid })
                    for (number, place) in zip(numbers, found) where expected.contains(number) {
                        #expect(place != nil, "seed \(seed), round \(round): block \(number) is not found")
                    }
                }
            }
            #expect(try segments().count <= 12)
        }
        let last = try BlockStore(folder: folder)
        #expect(try await last.totals().blocks == UInt64(expected.count))
        let numbers = expected.sorted()
        #expect(try await last.get(numbers.map { block($0).cid }).map(\.bytes) == numbers.map { block($0).bytes })
        let report = try await last.verify { _ in }
        // What was found damaged stays told, or is sound after all, and back.
        #expect(UInt64(report.problems.count) == (try last.index.lost()))
        #expect(report.blocks >= UInt64(expected.count))
        #expect(try await last.totals().blocks == report.blocks)
    }

    @Test(arguments: [true, false]) func `a disk that was away has lost nothing`(isChecked: Bool) async throws {
        let store = try BlockStore(folder: folder)
        let blocks = (0..<20).map { block($0) }
        try await store.ingest { try await $0.write(blocks) }
        let files = FileManager.default
        try files.moveItem(atPath: folder + "/packs", toPath: folder + "/away")
        try files.createDirectory(atPath: folder + "/packs", withIntermediateDirectories: true)
        let other = try BlockStore(folder: folder)
        if isChecked {
            #expect(try await other.verify { _ in }.lost == 20)
        } else {
            await #expect(throws: StoreError.self) { try await other.get(blocks[7].cid) }
        }
        try files.removeItem(atPath: folder + "/packs")
        try files.moveItem(atPath: folder + "/away", toPath: folder + "/packs")
        let report = try await other.verify { _ in }
        #expect(report.problems.isEmpty && report.lost == 0 && report.blocks == 20)
        #expect(try await other.get(blocks.map(\.cid)) == blocks)
        #expect(try await other.verify { _ in }.blocks == 20)
    }

    @Test func `many commits leave few segments, and the larger ones are not written again each time`() async throws {
        let store = try BlockStore(folder: folder)
        for round in 0..<300 {
            try await store.ingest { try await $0.write((0..<20).map { block(round * 20 + $0) }) }
        }
        #expect(try segments().count <= 6)
        let missing = try await store.locate((0..<6000).map { block($0).cid }).filter { $0 == nil }.count
        #expect(missing == 0)
    }

    @Test func `a damaged index is said to be, and made again`() async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<5000).map(block)) }
        let path = URL(filePath: folder + "/index/" + (try #require(segments().first)))
        let good = try Data(contentsOf: path)
        // In the header, in the tables at the end, in the entries; and cut.
        var damaged = [good, good, good, good.dropLast(8)]
        damaged[0][9] ^= 1
        damaged[1][good.count - 20] ^= 1
        damaged[2][good.count / 2] ^= 1
        for (number, bytes) in damaged.enumerated() {
            try bytes.write(to: path)
            let opened = try BlockStore(folder: folder)
            if number == 2 {
                let report = try await opened.verify { _ in }
                #expect(report.problems.contains { $0.place.hasPrefix("index/") })
            } else {
                let error = await #expect(throws: StoreError.self) { _ = try await opened.locate([block(1).cid]) }
                #expect(error?.code == .damagedIndex)
            }
        }
        let opened = try BlockStore(folder: folder)
        try await opened.rebuild()
        #expect(try await opened.get((0..<5000).map { block($0).cid }).count == 5000)
        #expect(try segments().count == 1)
    }

    enum Damage: CaseIterable { case length, longer, shorter, cid, header, torn }

    @Test(arguments: Damage.allCases) func `what lies behind damage is found again, and nothing is cut off`(
        damage: Damage
    ) async throws {
        let blocks =
            (0..<60).map { block($0 * 13) } + [Block(codec: .raw, bytes: [UInt8](repeating: 9, count: 200_000))]
        try await BlockStore(folder: folder).ingest { try await $0.write(blocks) }
        let path = URL(filePath: folder + "/packs/000001.car")
        var bytes = try Data(contentsOf: path)
        // The section of the thirtieth block: a length of one byte, a CID of 36 bytes, the block.
        let place = try #require(bytes.range(of: Data(blocks[30].bytes))).lowerBound - 37
        var lost: Set<Int> = [30]
        switch damage {
        case .length: bytes[place] = 0x80
        case .longer: bytes[place] = 0x7F
        case .shorter: bytes[place] -= 5
        case .cid: bytes[place + 1] = 0xFF
        case .header:
            bytes[0] = 0xFF
            lost = []
        case .torn:
            bytes += CARSection.prefix(for: blocks[1].cid, length: 4000) + [1, 2, 3]
            lost = []
        }
        try bytes.write(to: path)
        try FileManager.default.removeItem(atPath: folder + "/index")
        let store = try BlockStore(folder: folder)
        let found = try await store.locate(blocks.map(\.cid))
        #expect(Set(found.indices.filter { found[$0] == nil }) == lost)
        // Whatever is written afterwards, and collected, what was found stays.
        try await store.ingest { try await $0.write([block(9999)]) }
        let kept = blocks.indices.filter { !lost.contains($0) }.map { blocks[$0].cid } + [block(9999).cid]
        #expect(try await store.get(kept).map(\.cid) == kept)
        try FileManager.default.removeItem(atPath: folder + "/index")
        let again = try BlockStore(folder: folder)
        _ = try await again.collect(waste: 0) { kept }
        #expect(try await again.get(kept).map(\.cid) == kept)
        _ = try await again.collect(waste: 0) { Array(kept.dropFirst()) }
        #expect(try await again.get(Array(kept.dropFirst())).count == kept.count - 1)
        let problems = try await again.verify { _ in }.problems.map(\.message)
        #expect(problems.isEmpty, "\(problems)")
    }

    @Test func `what was damaged at one place is not forgotten at another`() async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write([block(1), block(2)]) }
        let key = BlockKey(block(1).cid)
        let place = try #require(try store.index.locateNow([key])[0])
        let elsewhere = BlockLocation(pack: place.pack, offset: place.offset + 1, length: place.length)
        try store.index.forget([(key, elsewhere)])
        #expect(try await store.has(block(1).cid))
        #expect(try await store.lost() == 0)
        try store.index.forget([(key, place)])
        #expect(try await !store.has(block(1).cid))
        #expect(try await store.lost() == 1)
    }

    @Test func `what was lost is known until a collection has proof that nobody needs it`() async throws {
        let store = try BlockStore(folder: folder)
        // Two segments, so that a join has something to do.
        try await store.ingest { try await $0.write((0..<600).map(block)) }
        try await store.ingest { try await $0.write((600..<610).map(block)) }
        let key = BlockKey(block(3).cid)
        try store.index.forget([(key, try #require(try store.index.locateNow([key])[0]))])
        _ = try await store.collect(isDryRun: true) { [block(1).cid] }
        #expect(try await store.lost() == 1)
        await #expect(throws: StoreError.self) { _ = try await store.collect { [block(3).cid] } }
        #expect(try await store.lost() == 1)
        _ = try await store.collect { [block(1).cid] }
        #expect(try await store.lost() == 0)
    }

    @Test func `an index that is made again is as new as what is known of it, and of another epoch`() async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write([block(1)]) }
        let epoch = try await store.epoch()
        try await store.rebuild(atLeast: 50)
        #expect(try await store.generation() >= 50)
        #expect(try await store.epoch() != epoch)
    }

    @Test(arguments: [true, false]) func `an index that went back is not relied upon, whatever comes after`(
        isNoted: Bool
    ) async throws {
        let store = try BlockStore(folder: folder)
        // More than are merged into every commit.
        try await store.ingest { try await $0.write((0..<600).map(block)) }
        let before = try segments()
        try await store.ingest { try await $0.write([block(1000)]) }
        let generation = try await store.generation()
        if isNoted { try store.note(BlockStore.Owner(name: "abc", mark: 1, generation: generation)) }
        for name in try segments() where !before.contains(name) {
            try FileManager.default.removeItem(atPath: folder + "/index/" + name)
        }
        let reopened = try BlockStore(folder: folder)
        if !isNoted { reopened.expect(generation: generation) }
        for number in 2000..<2004 {
            let error = await #expect(throws: StoreError.self) {
                try await reopened.ingest { try await $0.write([block(number)]) }
            }
            #expect(error?.code == .damagedIndex)
        }
        let error = await #expect(throws: StoreError.self) { try await reopened.get(block(1000).cid) }
        #expect(error?.code == .damagedIndex)
        try await reopened.rebuild()
        #expect(try await reopened.get(block(1000).cid) == block(1000))
        #expect(try await reopened.generation() > generation)
    }

    @Test(arguments: [true, false]) func `an index that is made again forgets no loss`(isPackGone: Bool) async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<40).map(block)) }
        let pack = folder + "/packs/000001.car"
        if isPackGone {
            try FileManager.default.removeItem(atPath: pack)
        } else {
            var content = try Data(contentsOf: URL(filePath: pack))
            content[content.count - 1] ^= 1
            try content.write(to: URL(filePath: pack))
        }
        let reopened = try BlockStore(folder: folder)
        try await reopened.rebuild()
        #expect(try await reopened.lost() == (isPackGone ? 40 : 1))
        let error = await #expect(throws: StoreError.self) { try await reopened.get(block(39).cid) }
        #expect(error?.code == .corrupt)
        try await reopened.ingest { try await $0.write((0..<40).map(block)) }
        #expect(try await reopened.lost() == 0)
        try await reopened.rebuild()
        #expect(try await reopened.lost() == 0)
    }

    enum Impostor: CaseIterable { case folder, pipe, danglingLink, linkToIt }

    @Test(arguments: Impostor.allCases) func `what is no pack keeps no other from being read and written`(
        impostor: Impostor
    ) async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<40).map(block)) }
        let pack = folder + "/packs/000001.car"
        try FileManager.default.moveItem(atPath: pack, toPath: folder + "/moved")
        switch impostor {
        case .folder: try FileManager.default.createDirectory(atPath: pack, withIntermediateDirectories: true)
        case .pipe: #expect(unsafe mkfifo(pack, 0o600) == 0)
        case .danglingLink:
            try FileManager.default.createSymbolicLink(atPath: pack, withDestinationPath: folder + "/none")
        case .linkToIt: try FileManager.default.createSymbolicLink(atPath: pack, withDestinationPath: folder + "/moved")
        }
        let reopened = try BlockStore(folder: folder)
        #expect(try await reopened.verify { _ in }.problems.isEmpty == (impostor == .linkToIt))
        try await reopened.rebuild()
        try await reopened.ingest { try await $0.write((0..<41).map(block)) }
        #expect(try await reopened.get((0..<41).map { block($0).cid }).count == 41)
        _ = try await reopened.collect(waste: 0) { (0..<41).map { block($0).cid } }
    }

    @Test func `what somebody left who was stopped in a commit is removed`() async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write([block(1)]) }
        let old = URL(filePath: folder + "/index/" + (try #require(segments().first)))
        let copy = try Data(contentsOf: old)
        try await store.ingest { try await $0.write([block(2)]) }
        // A segment that was merged and not removed yet, and one that never got its name.
        try copy.write(to: old)
        try Data("torn".utf8).write(to: URL(filePath: folder + "/index/.segment.1.2.part"))
        let opened = try BlockStore(folder: folder)
        #expect(try await opened.totals().blocks == 2)
        try await opened.ingest { try await $0.write([block(3)]) }
        #expect(try segments().count == 1)
        #expect(try files("index").count == 2)
    }

    @Test func `keys that were chosen to fall together are found`() async throws {
        // Identity of all but the last bytes: hashes of other functions get keys of their own.
        let store = try BlockStore(folder: folder)
        let blocks = try (0..<3000).map { number in
            let bytes = Array("block \(number)".utf8)
            return Block(cid: CID.v1(.raw, try Multihash(.sha512, of: bytes.span)), bytes: bytes)
        }
        var digest = [UInt8](repeating: 0xAA, count: 32)
        // Not the hashes of anything, which nobody checks when they are written.
        let alike = try (0..<3000).map { number in
            digest[30] = UInt8(number / 256)
            digest[31] = UInt8(number % 256)
            return Block(cid: CID.v1(.raw, try Multihash(code: .sha256, digest: digest)), bytes: [1])
        }
        try await store.ingest { try await $0.write(blocks + alike) }
        let found = try await store.locate((blocks + alike).map(\.cid))
        #expect(!found.contains(nil) && Set(found).count == 6000)
        #expect(try await store.get(blocks[1234].cid).bytes == blocks[1234].bytes)
        digest[0] = 0
        let other = CID.v1(.raw, try Multihash(code: .sha256, digest: digest))
        #expect(try await !store.has(other))
    }

    @Test func `one key under two codecs is one block`() async throws {
        let store = try BlockStore(folder: folder)
        let one = block(1)
        try await store.ingest { try await $0.write([one]) }
        #expect(try await store.get(CID.v1(.dagCBOR, one.cid.hash)).bytes == one.bytes)
    }

    @Test func `a block that could not be read back is refused`() async throws {
        let store = try BlockStore(folder: folder)
        let large = Block(codec: .raw, bytes: [UInt8](repeating: 1, count: 8 << 20))
        await #expect(throws: StoreError.self) { try await store.ingest { try await $0.write([large]) } }
        #expect(try await store.totals().blocks == 0)
    }
}
