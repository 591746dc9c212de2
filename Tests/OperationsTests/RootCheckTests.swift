import BlockStore
import Catalog
import IPLD
import Multiformats
@testable import Operations
import TestKit
import Testing

/// Whether a DAG may be kept: all of it must be in the store, and readable.
@Suite(.scratch) struct RootCheckTests {
    private let leaves = (0..<3).map { Block(codec: .raw, bytes: Array("leaf number \($0)".utf8)) }

    /// A node over leaves, and one over that.
    private func nodes() throws -> (low: Block, high: Block) {
        let low = Block(codec: .dagCBOR, bytes: try Node.list(leaves.map { .link($0.cid) }).cbor())
        return (low, Block(codec: .dagCBOR, bytes: try Node.list([.link(low.cid)]).cbor()))
    }

    @Test func `a flaw of a block is one of all that leads to it, and of nothing else`() async throws {
        let store = try BlockStore(folder: Scratch.current + "/store")
        let (low, high) = try nodes()
        try await store.ingest { try await $0.write([high, low, leaves[0], leaves[2]]) }
        let roots = [high.cid, leaves[0].cid, low.cid, leaves[1].cid]
        let flaws = try await RootCheck.flaws(of: roots, in: store, seen: SeenBlocks())
        #expect(flaws.map { $0?.code } == [.notFound, nil, .notFound, .notFound])
        #expect(flaws[0]?.cid == leaves[1].cid && flaws[2]?.cid == leaves[1].cid)
        try await store.ingest { try await $0.write([leaves[1]]) }
        #expect(try await RootCheck.flaws(of: roots, in: store, seen: SeenBlocks()).allSatisfy { $0 == nil })
    }

    @Test func `a leaf that is known and cannot be read keeps its root from being kept`() async throws {
        let store = try BlockStore(folder: Scratch.current + "/store")
        let (low, high) = try nodes()
        let seen = try await store.ingest { ingest in
            try await ingest.write([high, low] + leaves)
            return ingest.seen
        }
        for name in try Trees.files(in: store.folder + "/packs") {
            var content = try bytes(at: store.folder + "/packs/" + name)
            content[content.count - 1] ^= 1
            try write(content, to: store.folder + "/packs/" + name)
        }
        // Who has just written the bytes need not read them; nobody else may rely on that.
        #expect(try await RootCheck.flaws(of: [high.cid], in: store, seen: seen)[0] == nil)
        let flaw = try await RootCheck.flaws(of: [high.cid], in: store, seen: SeenBlocks())[0]
        #expect(flaw?.code == .corrupt && flaw?.cid == leaves[2].cid)
    }
}
