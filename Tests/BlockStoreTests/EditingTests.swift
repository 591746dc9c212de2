import BlockStore
import Foundation
import IPLD
import Multiformats
import TestKit
import Testing

/// Directories that are changed inside a store.
@Suite(.scratch) struct EditingTests {
    private static let profile = ImportProfile.unixfsV1_2025
    private let folder = Scratch.current + "/store"

    private static func leaf(_ number: Int) -> FileLeaf { FileLeaf(Array("\(number)".utf8), profile: profile) }

    private static func built(_ numbers: some Sequence<Int>) throws -> (root: DAGEntry, blocks: [Block]) {
        var builder = DirectoryBuilder(profile: profile)
        for number in numbers { try builder.add(name: "entry-\(number)", leaf(number).entry) }
        var blocks: [Block] = []
        let root = try builder.build { blocks.append($0) }
        return (root, blocks)
    }

    @Test func changesGiveTheRootThatABuildGivesAndFewBlocks() async throws {
        let store = try BlockStore(folder: folder)
        let before = try Self.built(0..<20_000)
        try await store.ingest { try await $0.write(before.blocks) }
        let count = try await store.totals().blocks
        let root = try await store.edit(before.root.cid, profile: Self.profile) { editor throws(DecodingProblem) in
            try editor.remove([Array("entry-0".utf8)])
            try editor.put([Array("entry-20000".utf8)], Self.leaf(20_000).entry)
        }
        #expect(try root == Self.built(1...20_000).root)
        let added = try await store.totals().blocks - count
        #expect(added <= 10, "\(added) blocks")
        // Another process finds them.
        #expect(try await BlockStore(folder: folder).get(root.cid).cid == root.cid)
    }

    @Test func whatIsMissingIsAFailureOfTheStoreAndWhatIsRefusedIsNot() async throws {
        let store = try BlockStore(folder: folder)
        let absent = try Self.built(0..<10).root.cid
        let missing = try await #require(throws: StoreError.self) {
            try await store.edit(absent, profile: Self.profile) { _ in }
        }
        #expect(missing.code == .notFound && missing.cid == absent)
        let refused = try await #require(throws: DecodingProblem.self) {
            try await store.edit(nil, profile: Self.profile) { editor throws(DecodingProblem) in
                try editor.put([Array("no".utf8), Array("such".utf8)], Self.leaf(1).entry)
            }
        }
        #expect(refused.code == .missing)
        #expect(try await store.totals().blocks == 0)
    }
}
