import BlockStore
import Foundation
import IPLD
import Multiformats
import TestKit
import Testing

/// The folder of the packs may be a disk of its own, and that disk may be away.
@Suite(.scratch) struct PackFolderTests {
    /// What stands where the disk of the packs was.
    enum Instead: CaseIterable { case empty, nothing }

    private static func block(_ text: String) -> Block { Block(codec: .raw, bytes: Array(text.utf8)) }

    private func store(_ name: String, with text: String) async throws -> BlockStore {
        let store = try BlockStore(folder: Scratch.current + "/" + name)
        try await store.ingest { try await $0.write([Self.block(text)]) }
        return store
    }

    private func move(_ from: String, _ to: String) throws {
        try FileManager.default.moveItem(atPath: from, toPath: to)
    }

    @Test(arguments: Instead.allCases)
    func `nothing is acknowledged into what took the place of the packs`(_ instead: Instead) async throws {
        let folder = try await store("store", with: "first").folder
        let packs = folder + "/packs"
        try move(packs, folder + "/disk")
        switch instead {
        case .empty: try FileManager.default.createDirectory(atPath: packs, withIntermediateDirectories: false)
        case .nothing: break
        }

        let fresh = Self.block("second")
        let error = await #expect(throws: StoreError.self) {
            try await BlockStore(folder: folder).ingest { try await $0.write([fresh]) }
        }
        #expect(error?.code == .packsAway)
        try move(packs, folder + "/behind")
        try move(folder + "/disk", packs)
        let store = try BlockStore(folder: folder)
        #expect(try await store.has(fresh.cid) == false)
        try await store.ingest { try await $0.write([fresh]) }
        #expect(try await store.get(Self.block("first").cid).bytes == Array("first".utf8))
    }

    @Test(arguments: [false, true])
    func `where the packs are lost, the store goes on`(_ isFolderLost: Bool) async throws {
        let folder = try await store("store", with: "first").folder
        // Somebody emptied the folder, or it is gone as well.
        for name in try packs(folder) { try FileManager.default.removeItem(atPath: folder + "/packs/" + name) }
        if isFolderLost { try FileManager.default.removeItem(atPath: folder + "/packs") }
        let store = try BlockStore(folder: folder)
        if isFolderLost { try await store.rebuild() }
        let again = Self.block("second")
        try await store.ingest { try await $0.write([again]) }
        #expect(try await BlockStore(folder: folder).get(again.cid).bytes == again.bytes)
    }
}
