import BlockStore
import Foundation
import IPLD
import Multiformats
import TestKit
import Testing

@Suite(.scratch) struct ReferenceTests {
    private let folder: String
    private let path: String
    private let content: [UInt8]
    private let leaves: [Block]
    private let references: [Reference]

    init() throws {
        folder = Scratch.current + "/store"
        path = Scratch.current + "/original"
        content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 7 * 31) }
        leaves = [0, 1, 2].map { [content] in Block(codec: .raw, bytes: Array(content[$0 * 30_000..<($0 + 1) * 30_000]))
        }
        references = leaves.enumerated().map { [path] index, leaf in
            Reference(cid: leaf.cid, path: path, offset: UInt64(index) * 30_000, length: 30_000)
        }
        try Data(content).write(to: URL(filePath: path))
    }

    private func filled() async throws -> BlockStore {
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.refer(to: references) }
        return store
    }

    @Test func `blocks are read out of the file, also after the index was made again`() async throws {
        let store = try await filled()
        #expect(try await store.get(leaves.map(\.cid)).map(\.bytes) == leaves.map(\.bytes))
        #expect(try packs(folder) == ["000001.ref"])
        try FileManager.default.removeItem(atPath: folder + "/index")
        let reopened = try BlockStore(folder: folder)
        #expect(try await reopened.get(leaves.map(\.cid)).map(\.bytes) == leaves.map(\.bytes))
        let report = try await reopened.verify { _ in }
        #expect(report.problems.isEmpty && report.references == 3 && report.bytes == 90_000)
    }

    enum Change: CaseIterable { case otherBytes, shorter, gone, directory, pipe, shifted }

    /// Changes the file so that its last block is not there, and says whether other content can be seen there.
    private func change(_ change: Change) throws -> Bool {
        let url = URL(filePath: path)
        switch change {
        case .otherBytes:
            // The same length and the same time of change.
            let time = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate]
            var bytes = content
            bytes[70_000] ^= 1
            try Data(bytes).write(to: url)
            try FileManager.default.setAttributes([.modificationDate: time as Any], ofItemAtPath: path)
        case .shorter: try Data(content.prefix(75_000)).write(to: url)
        case .gone: try FileManager.default.removeItem(at: url)
        case .directory:
            try FileManager.default.removeItem(at: url)
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        case .pipe:
            try FileManager.default.removeItem(at: url)
            #expect(unsafe mkfifo(path, 0o600) == 0)
        case .shifted: try Data([0] + content).write(to: url)
        }
        return [.otherBytes, .shorter, .shifted].contains(change)
    }

    @Test(arguments: Change.allCases) func `a changed file is an error that names it, never other bytes`(
        change: Change
    ) async throws {
        let store = try await filled()
        _ = try self.change(change)
        let error = await #expect(throws: StoreError.self) { _ = try await store.get(leaves[2].cid) }
        #expect(error?.code == .changed)
        #expect(error?.cid == leaves[2].cid)
        #expect(error?.message.contains(path) == true)
        let report = try await store.verify { _ in }
        #expect(report.problems.contains { $0.cid == leaves[2].cid })
        // A copy takes the place of the reference.
        try await store.ingest { try await $0.write([leaves[2]]) }
        #expect(try await store.get(leaves[2].cid).bytes == leaves[2].bytes)
    }

    @Test(arguments: Change.allCases) func `an index that is made again knows what files do not have`(
        change: Change
    ) async throws {
        let store = try await filled()
        let isSeen = try self.change(change)
        // The disk of a file that cannot be looked at may come back.
        let expected = [change == .shifted, change == .shifted, isSeen]
        for _ in 0..<2 {
            try await store.rebuild()
            let places = try await store.locate(leaves.map(\.cid))
            #expect(places.map { $0 == nil } == expected)
            #expect(try await (store.lost() > 0) == isSeen)
        }
        try await store.ingest { try await $0.write(leaves) }
        #expect(try await store.lost() == 0)
    }

    @Test func `what somebody else stored again is looked for there`() async throws {
        let store = try await filled()
        let places = try await store.locate(leaves.map(\.cid))
        _ = try change(.gone)
        let others = try BlockStore(folder: folder)
        try await others.ingest { try await $0.write([leaves[0]]) }
        let cids = leaves.map(\.cid)
        try await store.reading { (reader) throws(StoreError) in
            try reader.expectFile(of: cids[0], places[0])
            #expect(throws: StoreError.self) { try reader.expectFile(of: cids[1], places[1]) }
        }
    }

    @Test func `a damaged reference is told until its block is stored again`() async throws {
        let pack = URL(filePath: folder + "/packs/000001.ref")
        _ = try await filled()
        var bytes = try Data(contentsOf: pack)
        let place = try #require(bytes.firstRange(of: Data(leaves[1].cid.bytes)))
        for offset in place { bytes[offset] ^= 0x5A }
        try bytes.write(to: pack)
        let store = try BlockStore(folder: folder)
        await #expect(throws: StoreError.self) { try await store.get(leaves[1].cid) }
        for _ in 0..<2 { #expect(try await store.verify { _ in }.problems.count == 1) }
        try await store.ingest { try await $0.refer(to: references) }
        #expect(try await store.get(leaves.map(\.cid)).map(\.bytes) == leaves.map(\.bytes))
        #expect(try await store.verify { _ in }.problems.isEmpty)
    }

    @Test func `references that nobody needs go, and those beside them stay`() async throws {
        let store = try await filled()
        let own = Block(codec: .raw, bytes: [1, 2, 3])
        try await store.ingest { try await $0.write([own]) }
        let some = try await store.collect(waste: 0) { [leaves[0].cid] }
        #expect(some.deadBlocks == 3)
        #expect(try await !store.has(leaves[1].cid))
        #expect(try await store.get(leaves[0].cid).bytes == leaves[0].bytes)
        #expect(try await store.verify { _ in }.references == 1)
        #expect(try await !store.has(own.cid))
        _ = try await store.collect(waste: 0) { [] }
        #expect(try await store.totals().blocks == 0)
        #expect(try packs(folder).isEmpty)
        #expect(try [UInt8](Data(contentsOf: URL(filePath: path))) == content)
    }
}
