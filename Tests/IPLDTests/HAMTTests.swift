import IPLD
import Multiformats
import Testing

/// Drives a listing over blocks.
enum Listing {
    static func all(_ blocks: [Block], _ root: CID) throws -> [DirectoryEntry] {
        let byCID = Dictionary(blocks.map { ($0.cid, $0) }, uniquingKeysWith: { first, _ in first })
        var walk = try DirectoryWalk(root: try #require(byCID[root]))
        var entries: [DirectoryEntry] = []
        while let step = try walk.next() {
            switch step {
            case .entry(let entry): entries.append(entry)
            case .need(let cid): try walk.supply(try #require(byCID[cid]))
            }
        }
        return entries
    }

    /// The entry of that name, or nil, and how many blocks were looked at beside the root.
    static func find(_ name: [UInt8], _ blocks: [CID: Block], _ root: CID) throws -> (DirectoryEntry?, Int) {
        var lookup = try DirectoryLookup(name: name, in: try #require(blocks[root]))
        var count = 0
        while true {
            switch try lookup.next() {
            case .need(let cid):
                count += 1
                try lookup.supply(try #require(blocks[cid]))
            case .found(let entry): return (entry, count)
            case .absent: return (nil, count)
            }
        }
    }
}

@Suite struct HAMTTests {
    static func profile(_ fanout: Int) -> ImportProfile {
        var profile = ImportProfile.unixfsV1_2025
        profile.sharding.fanout = fanout
        profile.sharding.maxLinks = 1
        return profile
    }

    @Test(arguments: [8, 16, 64, 256, 1024])
    func everyEntryIsListedAndFoundAgain(fanout: Int) throws {
        let child = Block(codec: .raw, bytes: [1])
        let names = (0..<500).map { Array("entry \($0)".utf8) }
        func build(_ names: [[UInt8]]) throws -> ([Block], DAGEntry) {
            var directory = DirectoryBuilder(profile: Self.profile(fanout))
            for name in names { try directory.add(name: name, cid: child.cid, tsize: 1) }
            var blocks: [Block] = []
            let root = try directory.build { blocks.append($0) }
            return (blocks, root)
        }
        let (blocks, root) = try build(names)
        #expect(try build(names.reversed()).1 == root)
        #expect(root.tsize == blocks.reduce(500) { $0 + UInt64($1.bytes.count) })
        #expect(Set(try Listing.all(blocks, root.cid).map(\.name)) == Set(names))
        let byCID = Dictionary(uniqueKeysWithValues: blocks.map { ($0.cid, $0) })
        for name in names {
            let (entry, _) = try Listing.find(name, byCID, root.cid)
            #expect(entry?.cid == child.cid)
        }
        let (absent, depth) = try Listing.find(Array("no such entry".utf8), byCID, root.cid)
        #expect(absent == nil && depth <= 8)
    }

    @Test func shardsWithNonsenseAreRefused() throws {
        // The hash of "470.txt" begins with 00 6E.
        let good = PBLink(cid: Block(codec: .raw, bytes: []).cid, name: Array("00470.txt".utf8), tsize: 0)
        let lost = PBLink(cid: good.cid, name: Array("01470.txt".utf8), tsize: 0)
        func shard(_ links: [PBLink], hash: UInt64? = 0x22, fanout: UInt64? = 256, field: Int = 1) -> Block {
            var node = UnixFSNode(.shard, data: [UInt8](repeating: 1, count: field))
            node.hashType = hash
            node.fanout = fanout
            return Block(codec: .dagPB, bytes: PBNode(links: links, data: node.encoded()).encoded())
        }
        #expect(throws: Never.self) { try DirectoryWalk(root: shard([good])) }
        let short = PBLink(cid: good.cid, name: [0x30], tsize: 0)
        let small = PBLink(cid: good.cid, name: Array("0a".utf8), tsize: 0)
        let bad = [
            shard([good], hash: 0x12), shard([good], hash: nil), shard([good], fanout: 100),
            shard([good], fanout: 2048),
            shard([good], fanout: 4), shard([good], fanout: nil), shard([good], field: 33), shard([short]),
            shard([small]), shard([good, good]), shard([lost]),
        ]
        for (index, block) in bad.enumerated() {
            #expect(throws: DecodingProblem.self, "\(index)") { try DirectoryWalk(root: block) }
        }
    }

    @Test func shardsThatHoldOneAnotherManyTimesAreRefusedAtOnce() throws {
        var blocks: [CID: Block] = [:]
        func shard(_ links: [PBLink]) -> Block {
            var node = UnixFSNode(.shard, data: [UInt8](repeating: 0xFF, count: 32))
            node.hashType = 0x22
            node.fanout = 256
            let block = Block(codec: .dagPB, bytes: PBNode(links: links, data: node.encoded()).encoded())
            blocks[block.cid] = block
            return block
        }
        func name(_ bucket: Int) -> [UInt8] {
            Array((bucket < 16 ? "0" : "") + String(bucket, radix: 16, uppercase: true)).map { $0.asciiValue ?? 0 }
        }
        for bottom in [shard([]), shard([PBLink(cid: try CID("bafkqaaa"), name: Array("00x".utf8), tsize: 0)])] {
            var top = bottom
            for _ in 0..<6 { top = shard((0..<256).map { PBLink(cid: top.cid, name: name($0), tsize: 0) }) }
            var walk = try DirectoryWalk(root: top)
            #expect(throws: DecodingProblem.self) {
                while case .need(let cid)? = try walk.next() { try walk.supply(try #require(blocks[cid])) }
            }
        }
    }

    @Test func archivesOfKuboAreBuiltAgainFromTheirEntries() throws {
        let names = Fixtures.archives.filter { $0.contains("maxdirlinks10") }
        #expect(names.count > 3)
        for name in names {
            let archive = try Archive(Fixtures.archive(name))
            let root = try #require(archive.header.roots.first)
            let entries = try Listing.all(archive.blocks, root)
            let options = String(try #require(name.split(separator: "--").last).dropLast(4))
            var directory = DirectoryBuilder(profile: try ImportOptions(options).importProfile())
            for entry in entries { try directory.add(name: entry.name, cid: entry.cid, tsize: entry.tsize ?? 0) }
            #expect(try directory.build { _ in }.cid == root, "\(name)")
        }
    }
}

@Suite struct ChunkerTests {
    struct Table: Decodable {
        struct Row: Decodable {
            let input: String
            let chunker: String
            let chunks: [Int]
        }
        let chunkLengths: [Row]
    }

    @Test func chunksAreThoseOfKubo() throws {
        let rows = try Fixtures.kuboTable(Table.self, "chunkers-cids-hashes.json").chunkLengths
        #expect(rows.count >= 22)
        for row in rows {
            guard let content = try KuboVectors.input(row.input).content else { continue }
            let bytes = try KuboVectors.bytes(content)
            guard bytes.count < 4_000_000 else { continue }
            let chunker = try Chunker(row.chunker)
            var found: [Int] = []
            var start = 0
            while let length = chunker.firstChunk(of: bytes.span.extracting(start...), isLast: true) {
                found.append(length)
                start += length
            }
            #expect(found == row.chunks, "\(row.input) \(row.chunker)")
        }
    }

    @Test(
        arguments: [
            ("", "size-262144"), ("default", "size-262144"), ("size-1", "size-1"),
            ("rabin", "rabin-87381-262144-393216"),
            ("rabin-100", "rabin-33-100-150"), ("rabin-min:16-avg:32-max:64", "rabin-16-32-64"), ("buzhash", "buzhash"),
        ]
    )
    func spellingsAreThoseOfKubo(text: String, meaning: String) throws {
        #expect(try Chunker(text).description == meaning)
        #expect(try Chunker(meaning) == Chunker(text))
    }

    @Test(
        arguments: [
            "size", "size-0", "size-2096897", "size-x", "size--5", "rabin-40", "rabin-15-32-64", "rabin-32-32-64",
            "rabin-1-2", "rabin-2000000", "buzhash-1", "nothing", "rabin-99999999999999999999",
        ]
    )
    func nonsenseIsRefused(text: String) {
        #expect(throws: DecodingProblem.self) { try Chunker(text) }
    }

    @Test(arguments: ["size-1000", "rabin-1000", "buzhash"])
    func moreIsAskedForUntilTheChunkIsKnown(text: String) throws {
        let chunker = try Chunker(text)
        let bytes = [UInt8](repeating: 7, count: chunker.longest)
        #expect(chunker.firstChunk(of: bytes.span.extracting(..<(chunker.longest - 1)), isLast: false) == nil)
        #expect(chunker.firstChunk(of: bytes.span, isLast: false) != nil)
        #expect(chunker.firstChunk(of: bytes.span.extracting(..<0), isLast: true) == nil)
    }
}
