import Foundation
import FuzzTargets
import IPLD
import Multiformats
import Samples
import Testing

@Suite struct CARWriterTests {
    private func bytes(_ name: String) throws -> [UInt8] {
        try Fixtures.bytes(try Fixtures.shared("go-car/v2/testdata/" + name))
    }

    /// An archive of these blocks, written as a program would.
    static func written(
        _ blocks: [Block],
        roots: [CID],
        _ form: CARWriter.Form = .plain,
        omitsRepeats: Bool = false
    ) -> [UInt8] {
        var writer = CARWriter(CARHeader(roots: roots), form, omitsRepeats: omitsRepeats)
        var bytes = writer.beginning
        for block in blocks {
            if let prefix = writer.section(block.cid, length: block.bytes.count) { bytes += prefix + block.bytes }
        }
        bytes += writer.ending
        let patch = writer.patch
        bytes.replaceSubrange(0..<patch.count, with: patch)
        return bytes
    }

    @Test(arguments: ["sample-v1.car", "sample-wrapped-v2.car", "sample-v2-indexless.car", "sample-rw-bs-v2.car"])
    func archivesOfGoAreWrittenAgain(name: String) throws {
        let source = try bytes(name)
        let archive = try Archive(source)
        let (blocks, roots) = (archive.blocks, archive.header.roots)
        guard name != "sample-rw-bs-v2.car" else {
            // It has padding, which nobody needs to write.
            let one = Self.written(blocks, roots: roots)
            #expect(one.count == 273 && source[1464...].starts(with: one))
            return
        }
        let indexed = CARWriter.Form.container(index: .multihashSorted)
        #expect(Self.written(blocks, roots: roots) == (try bytes("sample-v1.car")))
        #expect(Self.written(blocks, roots: roots, indexed) == (try bytes("sample-wrapped-v2.car")))
        #expect(Self.written(blocks, roots: roots, .container(index: nil)) == (try bytes("sample-v2-indexless.car")))
    }

    @Test(arguments: CARIndex.Format.allCases)
    func theIndexThatIsWrittenLeadsToEverySection(format: CARIndex.Format) throws {
        let blocks = (0..<200).map { Block(codec: .raw, bytes: [UInt8](repeating: 7, count: $0)) }
        let bytes = Self.written(blocks, roots: [], .container(index: format))
        #expect(report(on: bytes).isWhole)
        var parser = CARParser()
        parser.feed(bytes)
        while try parser.next() != nil {}
        let container = try #require(parser.container)
        let reader = try CARIndexReader(Array(bytes[Int(container.indexOffset)...]))
        #expect(reader.format == format && reader.count == 200)
        for block in blocks {
            let offset = try #require(try reader.offsets(of: block.cid.hash).first)
            let start = Int(container.dataOffset + offset)
            let section = CARSection.prefix(for: block.cid, length: block.bytes.count) + block.bytes
            #expect(bytes[start...].starts(with: section))
        }
    }

    @Test(arguments: CARIndex.Format.allCases)
    func digestsOfAllFunctionsAndLengthsAreFound(format: CARIndex.Format) throws {
        var numbers = SeededNumbers(seed: 7)
        var index = CARIndex()
        var offsets: [Multihash: [UInt64]] = [:]
        for _ in 0..<500 {
            let code: HashCode = [.sha256, .sha1, .sha512, .blake3][Int.random(in: 0..<4, using: &numbers)]
            let length = Int.random(in: 20...22, using: &numbers)
            // Few digests, so that some are there under several functions, and several times.
            let digest = [UInt8](repeating: UInt8.random(in: 0...9, using: &numbers), count: length)
            let hash = try Multihash(code: code, digest: digest)
            let offset = UInt64.random(in: 0...UInt64.max, using: &numbers)
            index.add(.v1(.raw, hash), offset: offset)
            offsets[hash, default: []].append(offset)
        }
        let reader = try CARIndexReader(index.encoded(format))
        #expect(reader.count == 500 && index.count == 500)
        for hash in offsets.keys {
            let same = offsets.filter { format == .sorted ? $0.key.digest == hash.digest : $0.key == hash }
            #expect(try reader.offsets(of: hash) == same.values.flatMap { $0 }.sorted())
        }
    }

    @Test func aBlockIsWrittenOnceWhereThatIsAskedFor() throws {
        let leaf = Block(codec: .raw, bytes: [1])
        // The same bytes under another CID are another block.
        let other = Block(cid: .v1(.dagCBOR, leaf.cid.hash), bytes: [1])
        let blocks = [leaf, leaf, other, leaf, other]
        let kept = try Archive(Self.written(blocks, roots: [])).blocks
        let once = try Archive(Self.written(blocks, roots: [], omitsRepeats: true)).blocks
        #expect(kept.map(\.cid) == blocks.map(\.cid) && once.map(\.cid) == [leaf.cid, other.cid])
    }

    // Shards.

    static func shards(_ archive: Archive, limit: Int) throws -> [[UInt8]] {
        var sharding = try CARSharding(archive.header, limit: UInt64(limit))
        var shards = [sharding.beginning]
        for block in archive.blocks {
            let place = try sharding.place(block.cid, length: block.bytes.count)
            if place.shard == shards.count { shards.append([]) }
            #expect(place.shard == shards.count - 1)
            shards[place.shard] += place.bytes + block.bytes
        }
        #expect(sharding.lengths == shards.map { UInt64($0.count) })
        return shards
    }

    static func joined(_ shards: [[UInt8]]) throws -> [UInt8] {
        let archives = try shards.map { try Archive($0) }
        let header = try CARHeader(joining: archives.map(\.header))
        return written(archives.flatMap(\.blocks), roots: header.roots, omitsRepeats: true)
    }

    @Test(arguments: [1000, 5000, 100_000, 1_000_000])
    func shardsAreArchivesAndBecomeTheOriginal(limit: Int) throws {
        let source = try bytes("sample-v1.car")
        let archive = try Archive(source)
        let longest = archive.blocks.map { CARSection.length(for: $0.cid, length: $0.bytes.count) }.max() ?? 0
        guard longest + 26 <= limit else {
            let problem = #expect(throws: DecodingProblem.self) { try Self.shards(archive, limit: limit) }
            #expect(problem?.code == .tooLarge && problem?.cid != nil)
            return
        }
        let shards = try Self.shards(archive, limit: limit)
        #expect(shards.count >= source.count / limit && shards.allSatisfy { $0.count <= limit })
        let roots = try shards.map { try Archive($0).header.roots }
        #expect(roots[0] == archive.header.roots)
        #expect(roots.dropFirst().allSatisfy { $0.map(\.description) == ["bafkqaaa"] })
        #expect(try Self.joined(shards) == source)
    }

    @Test(arguments: 0..<20)
    func archivesOfAnySizesComeBack(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let blocks = (0..<Int.random(in: 0...60, using: &numbers)).map { index in
            let count = Int.random(in: 0...300, using: &numbers)
            return Block(codec: .raw, bytes: Array("\(index) ".utf8) + [UInt8](repeating: 1, count: count))
        }
        let roots = blocks.prefix(Int.random(in: 0...3, using: &numbers)).map(\.cid)
        let source = Self.written(blocks, roots: roots)
        let shards = try Self.shards(try Archive(source), limit: Int.random(in: 400...2000, using: &numbers))
        #expect(try Self.joined(shards) == source)
        // The other way round the blocks are in another order, and all there; the roots are those of the original.
        let turned = try Archive(try Self.joined(shards.reversed()))
        #expect(Set(turned.blocks) == Set(blocks))
        if !roots.isEmpty { #expect(turned.header.roots == roots) }
        // A shard that is given twice adds nothing.
        #expect(try Self.joined(shards + shards) == source)
    }

    @Test func everyCommittedArchiveComesBack() throws {
        for name in Fixtures.archives {
            let source = try Fixtures.archive(name)
            let archive = try Archive(source)
            let longest = archive.blocks.map { CARSection.length(for: $0.cid, length: $0.bytes.count) }.max() ?? 0
            let limit = max(longest + 100, source.count / 3)
            #expect(try Self.joined(Self.shards(archive, limit: limit)) == source, "\(name)")
        }
    }

    @Test func limitsHoldToTheByte() throws {
        let block = Block(codec: .raw, bytes: [UInt8](repeating: 1, count: 100))
        let header = CARHeader(roots: [block.cid])
        let section = UInt64(CARSection.length(for: block.cid, length: 100))
        let length = UInt64(header.encoded.count) + section
        for (limit, shards) in [(length, 1), (length - 1, 2), (section + 26, 2)] {
            var sharding = try CARSharding(header, limit: limit)
            #expect(try sharding.place(block.cid, length: 100).shard == shards - 1)
            #expect(sharding.lengths.count == shards && sharding.lengths.allSatisfy { $0 <= limit })
        }
        var sharding = try CARSharding(header, limit: section + 25)
        #expect(throws: DecodingProblem.self) { try sharding.place(block.cid, length: 100) }
        #expect(throws: DecodingProblem.self) { try CARSharding(header, limit: 58) }
        #expect(throws: DecodingProblem.self) { try CARSharding(CARHeader(roots: []), limit: 10) }
    }

    @Test func partsOfOtherArchivesAreRefused() throws {
        let (one, two) = (Block(codec: .raw, bytes: [1]).cid, Block(codec: .raw, bytes: [2]).cid)
        let empty = try CID("bafkqaaa")
        func header(_ roots: [[CID]]) throws -> [CID] {
            try CARHeader(joining: roots.map { CARHeader(roots: $0) }).roots
        }
        #expect(try header([[], [empty], [one], [], [one]]) == [one])
        #expect(try header([[], [empty]]) == [] && header([[empty]]) == [empty] && header([]) == [])
        let problem = #expect(throws: DecodingProblem.self) { try header([[one], [], [two]]) }
        #expect(problem?.code == .badRoots)
        #expect(throws: DecodingProblem.self) { try header([[one, two], [two, one]]) }
    }
}
