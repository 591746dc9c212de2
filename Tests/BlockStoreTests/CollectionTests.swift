import BlockStore
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

    @Test func `a root that is not there is passed over, a damaged one ends the work`() async throws {
        let store = try BlockStore(folder: folder)
        let root = node([leaf(1)])
        try await store.ingest { try await $0.write([root, leaf(1), leaf(2)]) }
        let report = try await store.collect(isDryRun: true) { [leaf(9).cid, root.cid] }
        #expect(report.liveBlocks == 2)
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
            let isFree = try File(folder + "/lock", .update).lock(wait: false)
            #expect(!isFree, "a collection could begin now")
            pinned.roots.withLock { $0 = [leaf(1).cid] }
        }
        try await protected
        _ = try await other.collect(waste: 0) {
            let isFree = try File(folder + "/lock", .update).lock(shared: true, wait: false)
            #expect(!isFree, "something could be stored now")
            return pinned.roots.withLock { $0 }
        }
        #expect(try await store.get(leaf(1).cid).bytes == leaf(1).bytes)
        #expect(try await store.totals().blocks == 1)
    }

    @Test func `a damaged block cannot be given up while a collection looks at the index`() async throws {
        let store = try BlockStore(folder: folder)
        let other = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write((0..<10).map(leaf)) }
        let roots = (0..<10).map { leaf($0).cid }
        let report = try await withThrowingTaskGroup(of: Void.self) { group in
            let report = try await store.collect(waste: 0) {
                // It has to wait until the collection is over.
                group.addTask { try await other.discardDamaged(leaf(3).cid) }
                return roots
            }
            try await group.waitForAll()
            return report
        }
        #expect(report.liveBlocks == 10 && report.deadBlocks == 0)
        #expect(try await other.totals().blocks == 9)
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
        let after = try await reopened.verify { _ in }
        #expect(after.problems.isEmpty)
        try bytes.dropLast(100).write(to: URL(filePath: path))
        let cut = try await BlockStore(folder: folder).verify { _ in }
        #expect(!cut.problems.isEmpty)
    }
}
