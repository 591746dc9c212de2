import BlockStore
import Catalog
import IPLD
import Multiformats
@testable import Replication
import Storage
import TestKit
import Testing

/// What counts as whole: a copy that is read back, a store, a snapshot.
@Suite(.scratch) struct ReadBackTests {
    /// A node over two leaves, and a node over that; with archives that are not theirs.
    struct Tree {
        let leaves = ["one", "two"].map { Block(codec: .raw, bytes: Array("leaf \($0)".utf8)) }
        let node: Block
        let root: Block

        init() throws {
            node = Block(codec: .dagCBOR, bytes: try Node.list(leaves.map { .link($0.cid) }).cbor())
            root = Block(codec: .dagCBOR, bytes: try Node.list([.link(node.cid)]).cbor())
        }

        var blocks: [Block] { [root, node] + leaves }
    }

    /// What is wrong with an archive.
    enum Flaw: String, CaseIterable {
        case none, lastLeaf, firstLeaf, node, root, otherRoot, noRoot, byte, cut
        /// All blocks are there, and behind them another one begins.
        case tail
        /// A block that leads on under its own codec stands there as one without links, before anybody asked for it.
        case otherCodec
        /// Nobody can say what it links to.
        case unknownCodec
    }

    private func archive(_ tree: Tree, _ flaw: Flaw) throws -> (root: CID, bytes: [UInt8]) {
        var (root, blocks) = (tree.root.cid, tree.blocks)
        var roots = [root]
        switch flaw {
        case .none, .byte, .cut, .tail: break
        case .lastLeaf: blocks.removeLast()
        case .firstLeaf: blocks.remove(at: 2)
        case .node: blocks.remove(at: 1)
        case .root: blocks.removeFirst()
        case .otherRoot: roots = [tree.node.cid]
        case .noRoot: roots = []
        case .otherCodec: blocks = [Block(codec: .raw, bytes: tree.node.bytes), tree.root]
        case .unknownCodec:
            root = CID.v1(Codec(rawValue: 0x300001), tree.root.cid.hash)
            (roots, blocks) = ([root], [Block(cid: root, bytes: tree.root.bytes)])
        }
        var bytes = CARHeader(roots: roots).encoded
        for block in blocks { bytes += CARSection.prefix(for: block.cid, length: block.bytes.count) + block.bytes }
        if flaw == .byte { bytes[bytes.count - 1] ^= 1 }
        if flaw == .cut { bytes.removeLast(3) }
        if flaw == .tail { bytes += CARSection.prefix(for: root, length: 100) + [1, 2, 3] }
        return (root, bytes)
    }

    @Test(arguments: Flaw.allCases) func `an archive is whole where all of its DAG is in it`(flaw: Flaw) async throws {
        let (root, bytes) = try archive(try Tree(), flaw)
        let service = MemoryService()
        service.tamper(try CARArchive.name(of: root), bytes)
        do {
            let back = try await readBack(root, from: CARArchive(service), at: nil)
            #expect(flaw == .none && back.blockCount == 4 && back.length == UInt64(bytes.count))
        } catch {
            #expect(flaw != .none && error.code == .corrupt, "\(error)")
        }
    }

    @Test func `no more is read than there should be`() async throws {
        let (root, bytes) = try archive(try Tree(), .none)
        let service = MemoryService()
        service.tamper(try CARArchive.name(of: root), bytes)
        let length = UInt64(bytes.count)
        #expect(try await readBack(root, from: CARArchive(service), at: nil, longest: length).length == length)
        let error = await #expect(throws: StorageError.self) {
            try await readBack(root, from: CARArchive(service), at: nil, longest: length - 1)
        }
        #expect(error?.code == .corrupt)
    }

    @Test func `an archive that is not there, and one that nobody gives, are told apart`() async throws {
        let tree = try Tree()
        for (fault, code) in [(nil, StorageError.Code.notFound), (Fault(.get, .fail(.passing)), .unavailable)] {
            let service = FaultyService(MemoryService(), fault.map { [$0] } ?? [])
            let error = await #expect(throws: StorageError.self) {
                try await readBack(tree.root.cid, from: CARArchive(service), at: nil)
            }
            #expect(error?.code == code)
        }
    }

    // MARK: Verification

    @Test func `who was not answered says nothing, and damage puts a backend out of step`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        let silent = FaultyService(service, [Fault(.get, .fail(.passing))])
        #expect(try await home.verify(silent).map(\.verdict) == [.unknown])
        #expect(try await home.status(root) == .stored)
        #expect(try await home.isDirty() == false)
        service.tamper(try home.name(root), nil)
        #expect(try await home.verify(service).map(\.verdict) == [.missing])
        #expect(try await home.status(root) == .missing)
        #expect(try await home.isDirty() == true)
    }

    @Test func `what is missing at a place that went away meanwhile is not missing`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        let empty = home.service()
        let isAway = Locked(false)
        let leaving = AlteredService(service) { altered in
            altered.onGet = { (name, range, version) async throws(StorageError) in
                isAway.change { $0 = true }
                return try await empty.get(name, range, version: version)
            }
            altered.onList = { prefix in isAway.read { $0 } ? empty.list(prefix) : service.list(prefix) }
        }
        let error = await #expect(throws: ReplicationError.self) { try await home.verify(leaving) }
        if case .strangePlace? = error {} else { Issue.record("\(String(describing: error))") }
        #expect(try await home.status(root) == .stored)
        #expect(try await home.isDirty() == false)
    }

    // MARK: The store

    @Test(arguments: [true, false]) func `a damaged block of the store is seen where all is read, and brought back`(
        thorough: Bool
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        try damagePacks(of: home)
        let restorer = home.restorer()
        let source = Restorer.Source(backend: home.open(service), at: nil, size: nil)
        let outcome = try await restorer.restore(root, from: [source], thorough: thorough)
        switch outcome {
        case .whole: #expect(!thorough)
        case .restored: #expect(thorough)
        case .salvaged: Issue.record("the copy is sound")
        case .gathered, .failed: Issue.record("\(outcome)")
        }
        #expect(try await restorer.isWhole(root, thorough: true) == thorough)
    }

    @Test func `what one damaged copy lacks another one gives`() async throws {
        let home = try await EngineSample()
        let tree = try Tree()
        var sources: [Restorer.Source] = []
        // Of the one the head of the first section has rotted, of the other that of the archive.
        for (flaw, start) in [(Flaw.firstLeaf, 60), (.lastLeaf, 4)] {
            let service = MemoryService()
            var bytes = try archive(tree, flaw).bytes
            for place in start..<start + 8 { bytes[place] = 0 }
            service.tamper(try home.name(tree.root.cid), bytes)
            sources.append(Restorer.Source(backend: home.open(service, "\(flaw)"), at: nil, size: nil))
        }
        let restorer = home.restorer()
        for source in sources {
            let alone = try await EngineSample("alone \(source.backend.name)")
            let outcome = try await alone.restorer()
                .restore(tree.root.cid, from: [source], thorough: true)
            guard case .failed = outcome else { throw ReplicationError.suspicious("\(outcome)") }
        }
        let outcome = try await restorer.restore(tree.root.cid, from: sources, thorough: true)
        guard case .salvaged(_, let bytes, let after) = outcome else { throw ReplicationError.suspicious("\(outcome)") }
        #expect(after.count == 2 && bytes > 0)
        #expect(try await restorer.isWhole(tree.root.cid, thorough: true))
    }

    @Test func `a part of a damaged copy makes nothing whole of which the rest has rotted in the store`() async throws {
        let home = try await EngineSample()
        let tree = try Tree()
        try await home.store.ingest { try await $0.write(tree.blocks) }
        let pack = home.folder + "/store/packs/000001.car"
        var content = try bytes(at: pack)
        // The index knows all of them still.
        for place in 60..<content.count { content[place] = 0 }
        try write(content, to: pack)
        let service = MemoryService()
        service.tamper(try home.name(tree.root.cid), try archive(tree, .firstLeaf).bytes)
        let source = Restorer.Source(backend: home.open(service), at: nil, size: nil)
        let restorer = home.restorer()
        let outcome = try await restorer.restore(tree.root.cid, from: [source], thorough: false)
        guard case .failed = outcome else { throw ReplicationError.suspicious("\(outcome)") }
    }

    /// Changes the last byte of each pack, which is one of a block.
    private func damagePacks(of home: EngineSample) throws {
        for name in try Trees.files(in: home.folder + "/store/packs") {
            let path = home.folder + "/store/packs/" + name
            var content = try bytes(at: path)
            content[content.count - 1] ^= 1
            try write(content, to: path)
        }
    }

    // MARK: Snapshots

    @Test func `no pin of a snapshot is lost quietly`() throws {
        let path = Scratch.current + "/snapshot.car"
        let car = try CARFileWriter(path: path)
        let page = Block(codec: .dagCBOR, bytes: try Node.list([.map([.init("cid", .string("no link"))])]).cbor())
        let root = Block(
            codec: .dagCBOR,
            bytes: try Node.map([
                .init("version", .integer(1)), .init("format", .string("ipfs_kit_snapshot")),
                .init("kit", .string("k")), .init("backends", .list([])), .init("indexes", .list([])),
                .init("pins", .list([.link(page.cid)])),
            ]).cbor()
        )
        try car.append(page)
        try car.append(root)
        try car.finish(root: root.cid)
        let snapshot = try KitSnapshot(path: path)
        #expect(throws: ReplicationError.self) { try snapshot.pins() }
    }
}
