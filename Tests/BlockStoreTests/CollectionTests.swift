@testable import BlockStore
import Foundation
import IPLD
import Multiformats
import POSIX
import Synchronization
import TestKit
import Testing

private func leaf(_ number: Int) -> Block {
    Block(codec: .raw, bytes: Array("leaf \(number)".utf8) + [UInt8](repeating: UInt8(number % 251), count: 500))
}

private func node(_ children: [Block]) -> Block {
    let links = children.map { PBLink(cid: $0.cid, name: [], tsize: 1) }
    return Block(codec: .dagPB, bytes: PBNode(links: links).encoded())
}

private final class Pinned: Sendable {
    let roots = Mutex<[CID]>([])
}

@Suite(.scratch) struct CollectionTests {
    private let folder: String

    init() { folder = Scratch.current + "/store" }

    private func packs() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder + "/packs").filter { $0.hasSuffix(".car") }.sorted()
    }

    @Test func `what a root leads to stays, and all else goes`() async throws {
        let store = try BlockStore(folder: folder)
        let kept = (0..<50).map(leaf)
        let lost = (100..<160).map(leaf)
        let root = node(kept)
        try await store.ingest { try await $0.write(kept + lost + [root]) }
        let report = try await store.collect { [root.cid] }
        #expect(report.liveBlocks == 51 && report.deadBlocks == 60 && report.packs == 1)
        #expect(try await store.get(kept.map(\.cid)).map(\.bytes) == kept.map(\.bytes))
        for block in lost { #expect(try await !store.has(block.cid)) }
        #expect(try packs() == ["000002.car"])
        let again = try await store.collect { [root.cid] }
        #expect(again.packs == 0 && again.deadBlocks == 0)
        let sound = try await store.verify { _ in }
        #expect(sound.problems.isEmpty)
        // Another opening, and one without the index, find the same.
        try FileManager.default.removeItem(atPath: folder + "/index")
        #expect(try await BlockStore(folder: folder).totals().blocks == 51)
    }

    @Test func `a dry run, and waste below the bound, change nothing`() async throws {
        let store = try BlockStore(folder: folder)
        let kept = (0..<50).map(leaf)
        try await store.ingest { try await $0.write(kept + [leaf(1000)]) }
        let roots = kept.map(\.cid)
        let dry = try await store.collect(waste: 0, isDryRun: true) { roots }
        let patient = try await store.collect(waste: 0.25) { roots }
        #expect(dry.packs == 1 && patient.packs == 0)
        #expect(try await store.has(leaf(1000).cid))
        let thorough = try await store.collect(waste: 0) { roots }
        #expect(thorough.packs == 1)
        #expect(try await !store.has(leaf(1000).cid))
    }

    @Test func `one block may be raw to one root and a node to another`() async throws {
        let store = try BlockStore(folder: folder)
        let child = leaf(1)
        let parent = node([child])
        try await store.ingest { try await $0.write([child, parent, leaf(2)]) }
        let asRaw = CID.v1(.raw, parent.cid.hash)
        _ = try await store.collect(waste: 0) { [parent.cid, asRaw] }
        #expect(try await store.has(child.cid))
    }

    @Test func `a block that is missing or damaged below a root ends the work`() async throws {
        let store = try BlockStore(folder: folder)
        let root = node([leaf(1)])
        try await store.ingest { try await $0.write([root, leaf(1), leaf(2)]) }
        for missing in [leaf(9).cid, node([leaf(1), leaf(9)]).cid] {
            let error = await #expect(throws: StoreError.self) { _ = try await store.collect { [missing, root.cid] } }
            #expect(error?.code == .incomplete)
        }
        #expect(try await store.has(leaf(2).cid))
        let path = folder + "/packs/000001.car"
        var bytes = try Data(contentsOf: URL(filePath: path))
        let place = try #require(bytes.range(of: Data(root.bytes)))
        bytes[place.lowerBound + 10] ^= 1
        try bytes.write(to: URL(filePath: path))
        let reopened = try BlockStore(folder: folder)
        await #expect(throws: StoreError.self) { _ = try await reopened.collect(waste: 0) { [root.cid] } }
        #expect(try await reopened.has(leaf(2).cid))
    }

    @Test func `a damaged live block keeps its pack`() async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<20).map(leaf)) }
        let path = folder + "/packs/000001.car"
        var bytes = try Data(contentsOf: URL(filePath: path))
        let place = try #require(bytes.range(of: Data(leaf(3).bytes)))
        bytes[place.lowerBound] ^= 1
        try bytes.write(to: URL(filePath: path))
        let reopened = try BlockStore(folder: folder)
        let roots = (0..<5).map { leaf($0).cid }
        await #expect(throws: StoreError.self) { _ = try await reopened.collect { roots } }
        #expect(try packs().contains("000001.car"))
        #expect(try await reopened.get(leaf(4).cid).bytes == leaf(4).bytes)
    }

    @Test func `somebody who reads where blocks were finds them where they are`() async throws {
        let store = try BlockStore(folder: folder)
        let other = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<30).map(leaf)) }
        let roots = (0..<10).map { leaf($0).cid }
        let places = try await other.locate(roots)
        _ = try await other.get(roots[0])
        _ = try await store.collect { roots }
        let found = try await other.get(Array(zip(roots, places)))
        #expect(found.map(\.cid) == roots)
    }

    @Test func `what is pinned before a collection gets to run is kept`() async throws {
        let store = try BlockStore(folder: folder)
        let other = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<10).map(leaf)) }
        let pinned = Pinned()
        // Whenever the collection gets to run, it has to wait for the protection to end before it asks for the roots.
        async let protected: Void = store.protecting {
            let found = try await store.locate((0..<10).map { leaf($0).cid })
            #expect(!found.contains(nil))
            let isFree = try File(folder + "/lock", .update).tryLock()
            #expect(!isFree, "a collection could begin now")
            pinned.roots.withLock { $0 = [leaf(1).cid] }
        }
        try await protected
        _ = try await other.collect(waste: 0) {
            let isFree = try File(folder + "/lock", .update).tryLock(shared: true)
            #expect(!isFree, "something could be stored now")
            return pinned.roots.withLock { $0 }
        }
        #expect(try await store.get(leaf(1).cid).bytes == leaf(1).bytes)
        #expect(try await store.totals().blocks == 1)
    }

    @Test func `what is given up by another process while a collection begins is noticed`() async throws {
        let store = try BlockStore(folder: folder)
        let other = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<10).map(leaf)) }
        let roots = (0..<10).map { leaf($0).cid }
        let error = await #expect(throws: StoreError.self) {
            _ = try await store.collect(waste: 0) {
                let key = BlockKey(roots[3])
                let place = try #require(try other.index.locateNow([key])[0])
                try other.index.forget([(key, place)])
                return roots
            }
        }
        #expect(error?.code == .incomplete && error?.cid == roots[3])
        #expect(try await other.totals().blocks == 9)
        #expect(try packs() == ["000001.car"])
    }

    enum Loss: CaseIterable { case entry, header, segment, newest, older, pack, foreign }

    @Test(arguments: Loss.allCases) func `nothing is removed by an index that is not whole`(loss: Loss) async throws {
        let store = try BlockStore(folder: folder)
        // Two segments: the second commit is too small to take the first one in.
        try await store.ingest { try await $0.write((0..<600).map(leaf)) }
        try await store.ingest { try await $0.write((600..<610).map(leaf)) }
        let generation = try await store.generation()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/index")
        let segments = names.filter { $0.hasSuffix(".idx") }.sorted().map { folder + "/index/" + $0 }
        try #require(segments.count == 2)
        var bytes = try Data(contentsOf: URL(filePath: segments[0]))
        switch loss {
        case .entry: bytes[14 * 8 + 3 * 48 + 5] ^= 1
        case .header: bytes[20] ^= 1
        case .segment: try FileManager.default.removeItem(atPath: segments[0])
        case .newest: try FileManager.default.removeItem(atPath: segments[1])
        case .older: bytes = try Data(contentsOf: URL(filePath: segments[1]))
        case .pack: try Data().write(to: URL(filePath: folder + "/packs/000001.car"))
        case .foreign:
            let other = try BlockStore(folder: Scratch.current + "/other")
            try await other.ingest { try await $0.write((0..<600).map(leaf)) }
            let theirs = try FileManager.default.contentsOfDirectory(atPath: other.folder + "/index")
            let segment = try #require(theirs.first { $0.hasSuffix(".idx") })
            bytes = try Data(contentsOf: URL(filePath: other.folder + "/index/" + segment))
        }
        if loss != .segment, loss != .newest, loss != .pack { try bytes.write(to: URL(filePath: segments[0])) }
        let opened = try BlockStore(folder: folder)
        let error = await #expect(throws: StoreError.self) {
            _ = try await opened.collect(waste: 0, atLeast: generation) { [leaf(1).cid] }
        }
        #expect(error?.code == (loss == .pack ? .damagedPack : .damagedIndex))
        guard loss != .pack else { return }
        try await opened.rebuild(atLeast: generation)
        #expect(try await opened.get((0..<610).map { leaf($0).cid }).count == 610)
        #expect(try await opened.collect(waste: 0, atLeast: generation) { [leaf(1).cid] }.liveBlocks == 1)
    }

    /// What is wrong where the rest of the store is in order.
    enum Spot: CaseIterable { case entryOfTheOnlySegment, endOfThePack, nameOfALiveBlock }

    @Test(arguments: Spot.allCases) func `what is damaged beside what is looked at keeps everything`(
        spot: Spot
    ) async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<40).map(leaf)) }
        let segments = try FileManager.default.contentsOfDirectory(atPath: folder + "/index")
        let segment = try #require(segments.first { $0.hasSuffix(".idx") })
        let path = folder + (spot == .entryOfTheOnlySegment ? "/index/\(segment)" : "/packs/000001.car")
        var bytes = try Data(contentsOf: URL(filePath: path))
        switch spot {
        case .entryOfTheOnlySegment: bytes[14 * 8 + 3 * 48 + 5] ^= 1
        case .endOfThePack: bytes.removeLast(7)
        case .nameOfALiveBlock: bytes[try #require(bytes.range(of: Data(leaf(3).bytes))).lowerBound - 5] ^= 1
        }
        try bytes.write(to: URL(filePath: path))
        let opened = try BlockStore(folder: folder)
        let error = await #expect(throws: StoreError.self) {
            _ = try await opened.collect(waste: 0) { (0..<5).map { leaf($0).cid } }
        }
        #expect(error?.code == (spot == .entryOfTheOnlySegment ? .damagedIndex : .damagedPack))
        #expect(try packs() == ["000001.car"])
        #expect(try Data(contentsOf: URL(filePath: folder + "/packs/000001.car")).count >= 40 * 500)
    }

    @Test func `a block that one codec reads and another cannot ends the work in any order`() async throws {
        let store = try BlockStore(folder: folder)
        let parent = Block(codec: .dagCBOR, bytes: try Node.list([.link(leaf(1).cid)]).cbor())
        try await store.ingest { try await $0.write([leaf(1), parent, leaf(2)]) }
        let other = CID.v1(.dagPB, parent.cid.hash)
        for roots in [[parent.cid, other], [other, parent.cid]] {
            await #expect(throws: StoreError.self) { _ = try await store.collect(waste: 0) { roots } }
        }
        #expect(try await store.has(leaf(2).cid))
    }

    @Test func `the number of a pack that is gone is not used again`() async throws {
        let store = try BlockStore(folder: folder)
        var used: Set<String> = []
        for number in 0..<4 {
            try await store.ingest { try await $0.write([leaf(number)]) }
            let now = try packs()
            #expect(used.isDisjoint(with: now), "\(now)")
            used.formUnion(now)
            _ = try await store.collect(waste: 0) { [] }
            #expect(try packs().isEmpty)
        }
    }

    @Test func `packs of somebody who was stopped are removed`() async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write([leaf(1)]) }
        try Data("torn".utf8).write(to: URL(filePath: folder + "/packs/000007.car"))
        _ = try await store.collect { [leaf(1).cid] }
        #expect(try packs() == ["000001.car"])
        #expect(try await store.get(leaf(1).cid).bytes == leaf(1).bytes)
    }

    @Test func `verification names damage, and the rebuilt index leaves it out`() async throws {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<20).map(leaf)) }
        let path = folder + "/packs/000001.car"
        var bytes = try Data(contentsOf: URL(filePath: path))
        let place = try #require(bytes.range(of: Data(leaf(3).bytes)))
        bytes[place.lowerBound] ^= 1
        try bytes.write(to: URL(filePath: path))
        let reopened = try BlockStore(folder: folder)
        let problems = try await reopened.verify { _ in }.problems
        #expect(problems.map(\.cid) == [leaf(3).cid])
        try await reopened.rebuild()
        #expect(try await reopened.totals().blocks == 19)
        // It is damaged still, and nobody has brought it back.
        let after = try await reopened.verify { _ in }
        #expect(after.problems.map(\.cid) == [leaf(3).cid])
        try bytes.dropLast(100).write(to: URL(filePath: path))
        let cut = try await BlockStore(folder: folder).verify { _ in }
        #expect(!cut.problems.isEmpty)
    }
}
