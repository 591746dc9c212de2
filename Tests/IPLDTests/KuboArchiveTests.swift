import IPLD
import Multiformats
import Testing

@Suite struct KuboArchiveTests {
    @Test func archivesAreThere() {
        #expect(Fixtures.archives.count > 130)
    }

    @Test(arguments: Fixtures.archives, [Int.max, 1, 1000])
    func walkAndReExportGiveTheSameBytes(name: String, chunk: Int) throws {
        let bytes = try Fixtures.archive(name)
        guard chunk > 1 || bytes.count < 20_000 else { return }
        let archive = try Archive(bytes, chunk: chunk)
        let blocks = archive.byCID
        let root = try #require(archive.header.roots.first)
        var walk = DAGWalk(root: root)
        var written = archive.header.encoded
        while let cid = walk.next() {
            let block = try #require(blocks[cid])
            written += CARSection.prefix(for: cid, length: block.bytes.count) + block.bytes
            walk.visit(try links(of: block))
        }
        #expect(walk.count == archive.blocks.count)
        #expect(written == bytes)
        for (block, offset) in zip(archive.blocks, archive.offsets) {
            #expect(bytes[offset..<(offset + block.bytes.count)].elementsEqual(block.bytes))
        }
    }

    @Test(arguments: Fixtures.archives)
    func nodesAndMessagesEncodeToTheirBytes(name: String) throws {
        for block in try Archive(Fixtures.archive(name)).blocks where block.cid.codec == .dagPB {
            let node = try PBNode(block.bytes)
            #expect(node.encoded() == block.bytes)
            let data = try #require(node.data)
            #expect(try UnixFSNode(data).encoded() == data)
        }
    }

    static let files = Fixtures.archives.filter { !$0.hasPrefix("d-") && !$0.contains("wrap") }

    @Test(arguments: files)
    func filesReadBack(name: String) throws {
        let archive = try Archive(Fixtures.archive(name))
        let id = String(name.prefix(upTo: try #require(name.firstRange(of: "--")).lowerBound))
        let content = try KuboVectors.bytes(try #require(try KuboVectors.input(id).content))
        let size = UInt64(content.count)
        for range in [nil, 0..<1, 0..<size / 2, size / 3..<size, size..<size + 5, 0..<UInt64.max] as [Range<UInt64>?] {
            let wanted = (range ?? 0..<size).clamped(to: 0..<size)
            let read = try FileReading.all(archive, range: range)
            #expect(read.elementsEqual(content[Int(wanted.lowerBound)..<Int(wanted.upperBound)]))
        }
    }
}

/// Drives a walk over the blocks of an archive.
enum FileReading {
    static func all(_ archive: Archive, range: Range<UInt64>? = nil) throws -> [UInt8] {
        let blocks = archive.byCID
        let root = try #require(archive.header.roots.first.flatMap { blocks[$0] })
        var walk = try FileWalk(root: root, range: range)
        var bytes: [UInt8] = []
        while let step = try walk.next() {
            switch step {
            case .bytes(let part): bytes += part
            case .need(let cid): try walk.supply(try #require(blocks[cid]))
            }
        }
        return bytes
    }
}
