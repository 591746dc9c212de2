import Foundation
import IPLD
import Multiformats
import Testing

/// Data that other implementations wrote and test with.
@Suite struct PublicDataTests {
    private struct Record: Decodable {
        let cid: String
        let cborBase64: String

        private enum CodingKeys: String, CodingKey {
            case cid
            case cborBase64 = "cbor_base64"
        }
    }

    @Test func recordsOfTheATProtocolKeepTheirCIDs() throws {
        let url = try Fixtures.shared("atproto-interop/data-model/data-model-fixtures.json")
        let records = try JSONDecoder().decode([Record].self, from: Data(contentsOf: url))
        #expect(!records.isEmpty)
        for record in records {
            let bytes = try Multibase.base64.decodeWithoutPrefix(String(record.cborBase64.prefix { $0 != "=" }))
            #expect(Block(codec: .dagCBOR, bytes: bytes).cid.description == record.cid)
            let node = try Node(cbor: bytes)
            #expect(try node.cbor() == bytes)
            #expect(try Node(json: node.json()) == node)
        }
    }

    @Test func objectsOfGoAreRead() throws {
        let files = try Fixtures.sharedFiles("go-ipld-cbor/test_objects", ending: ".cbor")
        #expect(files.count >= 7)
        for file in files {
            let bytes = try Fixtures.bytes(file)
            let isOld = file.lastPathComponent == "non-canon.cbor"
            if isOld { #expect(throws: DecodingProblem.self) { try Node(cbor: bytes) } }
            let node = try Node(cbor: bytes, .lenient)
            if !isOld { #expect(try node.cbor() == bytes, "\(file.lastPathComponent)") }
        }
    }

    @Test func messagesOfOthersAreReadAndWritten() throws {
        for folder in ["go-unixfsnode/data/fixtures", "js-ipfs-unixfs/packages"] {
            for file in try Fixtures.sharedFiles(folder, ending: ".unixfs") {
                let bytes = try Fixtures.bytes(file)
                #expect(try UnixFSNode(bytes).encoded() == bytes, "\(file.lastPathComponent)")
            }
        }
    }

    static let folders = ["boxo", "kubo-test-data", "gateway-conformance", "go-unixfsnode", "helia"]

    @Test(arguments: folders)
    func blocksOfPublicArchivesAreWrittenAsTheyWere(folder: String) throws {
        var nodes = 0
        for file in try Fixtures.sharedFiles(folder, ending: ".car") {
            for block in try Archive(Fixtures.bytes(file)).blocks where block.cid.codec == .dagPB {
                #expect(try PBNode(block.bytes).encoded() == block.bytes, "\(block.cid)")
                nodes += 1
            }
        }
        #expect(nodes > 0)
    }

    @Test(arguments: folders)
    func shardedDirectoriesOfOthersAreBuiltAgain(folder: String) throws {
        for file in try Fixtures.sharedFiles(folder, ending: ".car") {
            let archive = try Archive(Fixtures.bytes(file))
            let shards = archive.blocks.filter { (try? UnixFSEntry($0)) == .shardedDirectory }
            let inner = Set(try shards.flatMap { try links(of: $0) })
            for root in shards where !inner.contains(root.cid) {
                // Some archives hold only the shards that a path needs.
                guard let entries = try? Listing.all(archive.blocks, root.cid) else { continue }
                let data = try #require(try PBNode(root.bytes).data)
                var profile = ImportProfile.unixfsV0_2015
                profile.cids = root.cid.version == .v0 ? .v0 : .v1
                profile.sharding.maxLinks = 1
                profile.sharding.fanout = Int(try #require(try UnixFSNode(data).fanout))
                var builder = DirectoryBuilder(profile: profile)
                for entry in entries { try builder.add(name: entry.name, cid: entry.cid, tsize: entry.tsize ?? 0) }
                #expect(try builder.build { _ in }.cid == root.cid, "\(file.lastPathComponent)")
            }
        }
    }
}
