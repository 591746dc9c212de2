import IPLD
import Multiformats
import Testing

@Suite struct UnixFSTests {
    private static func node(_ message: UnixFSNode, _ links: [CID] = [], name: [UInt8] = []) -> Block {
        let links = links.map { PBLink(cid: $0, name: name, tsize: 1) }
        return Block(codec: .dagPB, bytes: PBNode(links: links, data: message.encoded()).encoded())
    }

    private static let leaf = Block(codec: .raw, bytes: Array("abc".utf8))

    @Test func dataComesBeforeLinks() throws {
        let message = UnixFSNode(.file, data: Array("xy".utf8), fileSize: 5, blockSizes: [3])
        let root = Self.node(message, [Self.leaf.cid])
        var walk = try FileWalk(root: root)
        #expect(walk.fileSize == 5)
        #expect(try walk.next() == .bytes([0x78, 0x79]))
        #expect(try walk.next() == .need(Self.leaf.cid))
        #expect(try walk.next() == .need(Self.leaf.cid))
        try walk.supply(Self.leaf)
        #expect(try walk.next() == .bytes([0x61, 0x62, 0x63]))
        #expect(try walk.next() == nil)
    }

    @Test func onlyChildrenInsideTheRangeAreNeeded() throws {
        let blocks = (0..<5).map { Block(codec: .raw, bytes: [$0, $0]) }
        let message = UnixFSNode(.file, fileSize: 10, blockSizes: [UInt64](repeating: 2, count: 5))
        var walk = try FileWalk(root: Self.node(message, blocks.map(\.cid)), range: 3..<6)
        #expect(try walk.next() == .need(blocks[1].cid))
        #expect(throws: DecodingProblem.self) { try walk.supply(blocks[2]) }
        try walk.supply(blocks[1])
        #expect(try walk.next() == .bytes([1]))
        #expect(try walk.next() == .need(blocks[2].cid))
        try walk.supply(blocks[2])
        #expect(try walk.next() == .bytes([2, 2]))
        #expect(try walk.next() == nil)
    }

    @Test(
        arguments: [
            (UnixFSNode(.file, fileSize: 3, blockSizes: []), .malformed),
            (UnixFSNode(.file, fileSize: 4, blockSizes: [3]), .malformed),
            (UnixFSNode(.file, fileSize: 3, blockSizes: [3, 0]), .malformed),
            (UnixFSNode(.file, blockSizes: [.max]), .malformed),
            (UnixFSNode(.directory), .wrongKind), (UnixFSNode(.shard), .wrongKind),
        ] as [(UnixFSNode, DecodingProblem.Code)]
    )
    func nodesThatDoNotAddUpAreRefused(message: UnixFSNode, code: DecodingProblem.Code) {
        let root = Self.node(message, [Self.leaf.cid])
        let problem = #expect(throws: DecodingProblem.self) { try FileWalk(root: root) }
        #expect(problem?.code == code && problem?.cid == root.cid)
    }

    @Test func aChildOfAnotherSizeIsRefused() throws {
        var walk = try FileWalk(root: Self.node(UnixFSNode(.file, blockSizes: [4]), [Self.leaf.cid]))
        _ = try walk.next()
        let problem = #expect(throws: DecodingProblem.self) { try walk.supply(Self.leaf) }
        #expect(problem?.code == .malformed && problem?.cid == Self.leaf.cid)
    }

    @Test func aNamedChunkIsRefused() {
        let root = Self.node(UnixFSNode(.file, blockSizes: [3]), [Self.leaf.cid], name: [0x61])
        #expect(throws: DecodingProblem.self) { try FileWalk(root: root) }
    }

    @Test func depthIsBoundedAndEmptyPartsAreSkipped() throws {
        var blocks = [Self.leaf]
        for _ in 0..<100 {
            let child = try #require(blocks.last).cid
            blocks.append(Self.node(UnixFSNode(.file, blockSizes: [0, 3]), [child, child]))
        }
        var walk = try FileWalk(root: blocks.removeLast())
        let problem = #expect(throws: DecodingProblem.self) {
            while case .need? = try walk.next() { try walk.supply(blocks.removeLast()) }
        }
        #expect(problem?.code == .tooDeep)
    }

    @Test(
        arguments: [
            ("1800", .malformed), ("0806", .malformed), ("08", .truncated), ("0a0102", .malformed),
            ("08024205150" + "0000000", .malformed), ("0802420708011500000000", .malformed),
            ("080242021801", .malformed),
        ] as [(String, DecodingProblem.Code)]
    )
    func badMessagesAreRefused(hex: String, code: DecodingProblem.Code) throws {
        let bytes = try Fixtures.bytes(hex: hex)
        let problem = #expect(throws: DecodingProblem.self) { try UnixFSNode(bytes) }
        #expect(problem?.code == code)
    }

    @Test func packedSizesAndUnknownFieldsAreRead() throws {
        let node = try UnixFSNode(try Fixtures.bytes(hex: "0802" + "2203010203" + "5201ff" + "20ac02"))
        #expect(node.blockSizes == [1, 2, 3, 300])
    }

    @Test(arguments: ["", ".", "..", "a/b", "a\0b"])
    func badNamesAreRefused(name: String) {
        var directory = DirectoryBuilder(profile: .unixfsV1_2025)
        #expect(throws: DecodingProblem.self) {
            try directory.add(name: Array(name.utf8), cid: Self.leaf.cid, tsize: 3)
        }
    }

    @Test func directoriesListWhatWasAddedInOrder() throws {
        var directory = DirectoryBuilder(profile: .unixfsV0_2015)
        for name in ["b", "a", "aa", "é"] {
            try directory.add(name: Array(name.utf8), cid: Self.leaf.cid, tsize: 3)
        }
        var blocks: [Block] = []
        let built = try directory.build { blocks.append($0) }
        let entries = try Listing.all(blocks, built.cid)
        #expect(entries.map { String(decoding: $0.name, as: UTF8.self) } == ["a", "aa", "b", "é"])
        #expect(blocks.count == 1 && built.tsize == UInt64(blocks[0].bytes.count) + 12)
        try directory.add(name: [0x61], cid: Self.leaf.cid, tsize: 3)
        #expect(throws: DecodingProblem.self) { try directory.build { _ in } }
    }

    @Test func blocksAreClassified() throws {
        let symlink = SymlinkNode.build(target: Array("../a".utf8), profile: .unixfsV1_2025).block
        #expect(try UnixFSEntry(symlink) == .symlink(target: Array("../a".utf8)))
        #expect(try UnixFSEntry(Self.leaf) == .raw(size: 3))
        #expect(try UnixFSEntry(FileLeaf([1, 2], profile: .unixfsV0_2015).block) == .file(size: 2))
        #expect(try UnixFSEntry(Block(codec: .dagPB, bytes: [])) == .other(.dagPB))
        #expect(try UnixFSEntry(Block(codec: .dagCBOR, bytes: [0xF6])) == .other(.dagCBOR))
        let shard = Self.node(UnixFSNode(.shard))
        #expect(try UnixFSEntry(shard) == .shardedDirectory)
        let problem = #expect(throws: DecodingProblem.self) { try DirectoryWalk(root: shard) }
        #expect(problem?.code == .malformed && problem?.message.contains("murmur3") == true)
        #expect(throws: DecodingProblem.self) { try DirectoryWalk(root: Self.leaf) }
    }

    @Test(arguments: [(0, 2), (2_096_897, 2), (1, 1)])
    func profilesOutsideTheLimitsAreRefused(chunk: Int, links: Int) {
        var profile = ImportProfile.unixfsV1_2025
        profile.chunker = .size(chunk)
        profile.maxFileLinks = links
        #expect(throws: DecodingProblem.self) { try profile.validate() }
    }

    @Test func anUnknownCodecHasNoLinksThatWeKnow() {
        let problem = #expect(throws: DecodingProblem.self) {
            try links(of: Block(codec: Codec(rawValue: 0x78), bytes: []))
        }
        #expect(problem?.code == .unsupported && problem?.message.contains("git-raw") == true)
    }
}
