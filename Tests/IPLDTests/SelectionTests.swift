import Foundation
import FuzzTargets
import IPLD
import Multiformats
import Samples
import Testing

@Suite struct SelectionTests {
    struct Vectors: Decodable {
        struct Request: Decodable, Sendable {
            let path: String
            let status: Int
            var roots: [String]?
            var blocks: [String]?
            var note: String?
            var accept: String?
        }
        let requests: [Request]
    }

    /// All blocks of the archives that the requests were sent about.
    static let blocks: [CID: Block] = {
        var blocks: [CID: Block] = [:]
        guard let files = try? Fixtures.sharedFiles("gateway-conformance/fixtures", ending: ".car") else { return [:] }
        for file in files {
            guard let archive = try? Archive(Fixtures.bytes(file)) else { continue }
            for block in archive.blocks { blocks[block.cid.v1] = block }
        }
        return blocks
    }()

    static func run(_ selection: Selection) throws -> (blocks: [CID], end: CID?) {
        var selection = selection
        var sent: [CID] = []
        while true {
            switch try selection.next() {
            case .need(let cid):
                // Kubo cuts the answer short where a block is missing.
                guard let found = blocks[cid.v1] else { return (sent, nil) }
                try selection.supply(Block(cid: cid, bytes: found.bytes))
            case .block(let block): sent.append(block.cid)
            case .end(let cid): return (sent, cid)
            }
        }
    }

    @Test func answersAreThoseOfKubo() throws {
        let url = try Fixtures.shared("gateway-vectors/car-requests.json")
        let requests = try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: url)).requests
        #expect(requests.count == 88)
        var compared = 0
        for request in requests where request.status == 200 {
            let parts = try #require(URLComponents(string: request.path))
            let query = Dictionary(
                (parts.queryItems ?? []).map { ($0.name, $0.value ?? "") },
                uniquingKeysWith: { first, _ in first }
            )
            guard let path = try? ContentPath(parts.path), query["format"] == "car" || query["format"] == nil else {
                continue
            }
            guard path.root.inlineContent == nil else { continue }
            let selection = Selection(
                path,
                scope: query["dag-scope"].flatMap { Selection.Scope(rawValue: $0) } ?? .all,
                range: query["dag-scope"] == "entity" ? try query["entity-bytes"].map { try EntityRange($0) } : nil,
                repeats: query["car-dups"] == "y"
                    || query["car-dups"] == nil && request.accept?.contains("dups=y") == true
            )
            let comment = Comment(rawValue: request.path + " " + (request.note ?? ""))
            let (sent, end) = try Self.run(selection)
            #expect(sent.map(\.description) == (request.blocks ?? []), comment)
            if let end { #expect([end.description] == request.roots, comment) }
            compared += 1
        }
        #expect(compared > 70)
    }

    @Test(
        arguments: [
            ("0:*", 10, 0..<10), ("0:0", 10, 0..<1), ("5:100", 10, 5..<10), ("-3:*", 10, 7..<10),
            ("-9999:*", 10, 0..<10),
            ("2:-3", 10, 2..<8), ("-5:-2", 10, 5..<9), ("10:20", 10, nil), ("0:*", 0, nil), ("0:-11", 10, nil),
            ("-9223372036854775808:9223372036854775807", 10, 0..<10),
        ] as [(String, UInt64, Range<UInt64>?)]
    )
    func rangesOfGateways(text: String, size: UInt64, range: Range<UInt64>?) throws {
        #expect(try EntityRange(text).resolved(size: size) == range)
    }

    @Test(arguments: ["", "1", "*:5", "a:b", "5:4", "-4:-5", "1:2:3"])
    func nonsenseIsNoRange(text: String) {
        #expect(throws: FormatProblem.self) { try EntityRange(text) }
    }

    @Test func pathsAreResolvedInTheTextFirst() throws {
        let root = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
        for (text, wanted) in [
            ("\(root)/a/./b/../c", "\(root)/a/c"), ("/ipfs/\(root)//x/", "\(root)/x"), ("ipfs://\(root)", root),
        ] {
            #expect(try ContentPath(text).description == wanted)
        }
        for text in ["", "/", "\(root)/..", "\(root)/a/../..", "x/y"] {
            #expect(throws: FormatProblem.self) { try ContentPath(text) }
        }
    }

    @Test func pathsLeadThroughMapsListsAndLinks() throws {
        let leaf = Block(codec: .dagCBOR, bytes: try Node.map([.init("x", .list([.integer(7)]))]).cbor())
        let top = Block(codec: .dagCBOR, bytes: try Node.map([.init("l", .list([.null, .link(leaf.cid)]))]).cbor())
        func end(_ path: String) throws -> PathWalk.Step {
            var walk = PathWalk(try ContentPath("\(top.cid)/\(path)"))
            while case .need(let cid) = try walk.next() { try walk.supply(cid == top.cid ? top : leaf) }
            return try walk.next()
        }
        let x = Array("x".utf8)
        #expect(
            try end("l/1/x/0") == .end(.init(cid: leaf.cid, remainder: [x, Array("0".utf8)], value: .integer(7)))
        )
        #expect(try end("l/1") == .end(.init(cid: leaf.cid, remainder: [], value: nil)))
        #expect(try end("l/2") == .absent(followed: 1))
        #expect(throws: DecodingProblem.self) { try end("l/0/y") }
    }

    // Content that is made to cost more than it is worth.

    /// Walks a selection of the blocks of a table; nil where it asks more often than `limit` times.
    private static func walk(
        _ root: CID,
        _ blocks: [CID: Block],
        range: String? = nil,
        repeats: Bool = false,
        limit: Int = .max
    ) throws -> [CID]? {
        let range = try range.map { try EntityRange($0) }
        var selection = Selection(ContentPath(root: root), range: range, repeats: repeats)
        var sent: [CID] = []
        var asked = 0
        while true {
            switch try selection.next() {
            case .need(let cid):
                asked += 1
                guard asked <= limit else { return nil }
                try selection.supply(try #require(blocks[cid]))
            case .block(let block): sent.append(block.cid)
            case .end: return sent
            }
        }
    }

    /// A file of so many levels, each of two links to the next, with one byte at the end of every way.
    private static func doubling(_ levels: Int) -> (root: CID, blocks: [CID: Block]) {
        var blocks = [Block(codec: .raw, bytes: [1])]
        for level in 0..<levels {
            let size = UInt64(1) << UInt64(level)
            let link = PBLink(cid: blocks[level].cid, name: [], tsize: size)
            let data = UnixFSNode(.file, fileSize: 2 * size, blockSizes: [size, size]).encoded()
            blocks.append(Block(codec: .dagPB, bytes: PBNode(links: [link, link], data: data).encoded()))
        }
        return (blocks[levels].cid, Dictionary(uniqueKeysWithValues: blocks.map { ($0.cid, $0) }))
    }

    @Test(arguments: ["0:*", "1:*", "0:-2", "5:1000000", "-1:*", "3:1152921504606846970", "576460752303423487:-9"])
    func aFileThatDoublesAtEveryLevelIsWalkedOnce(range: String) throws {
        let (root, blocks) = Self.doubling(60)
        let sent = try Self.walk(root, blocks, range: range, limit: 1000)
        #expect(sent.map { Set($0).count } == 61 && sent?.count == 61)
    }

    @Test(arguments: 0..<200)
    func whatRepeatsIsPassedOverAndNothingElse(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        // Levels of nodes that link to anything below them, so that many ways lead to one node.
        var nodes = (0..<3).map { (Block(codec: .raw, bytes: [UInt8](repeating: $0, count: Int($0))), UInt64($0)) }
        for _ in 0..<8 {
            let children = (0..<Int.random(in: 1...4, using: &numbers)).map { _ in
                nodes[Int.random(in: 0..<nodes.count, using: &numbers)]
            }
            let size = children.reduce(0) { $0 + $1.1 }
            let data = UnixFSNode(.file, fileSize: size, blockSizes: children.map(\.1)).encoded()
            let links = children.map { PBLink(cid: $0.0.cid, name: [], tsize: $0.1) }
            nodes.append((Block(codec: .dagPB, bytes: PBNode(links: links, data: data).encoded()), size))
        }
        let blocks = Dictionary(nodes.map { ($0.0.cid, $0.0) }, uniquingKeysWith: { first, _ in first })
        let root = nodes[nodes.count - 1]
        let from = UInt64.random(in: 0...root.1, using: &numbers)
        let range = "\(from):\(UInt64.random(in: from...(root.1 + 1), using: &numbers))"
        let all = try #require(try Self.walk(root.0.cid, blocks, range: range, repeats: true))
        var seen: Set<CID> = []
        let once = all.filter { seen.insert($0).inserted }
        #expect(try Self.walk(root.0.cid, blocks, range: range) == once, "\(range)")
    }

    @Test func aRepeatOfAnotherSizeIsAnError() throws {
        let leaf = Block(codec: .raw, bytes: [1, 2])
        let link = PBLink(cid: leaf.cid, name: [], tsize: 2)
        let data = UnixFSNode(.file, fileSize: 5, blockSizes: [2, 3]).encoded()
        let root = Block(codec: .dagPB, bytes: PBNode(links: [link, link], data: data).encoded())
        let blocks = [leaf.cid: leaf, root.cid: root]
        #expect(throws: DecodingProblem.self) { try Self.walk(root.cid, blocks, range: "0:*") }
        #expect(try Self.walk(root.cid, blocks, range: "0:1") == [root.cid, leaf.cid])
    }

    @Test(.timeLimit(.minutes(1))) func aWideNodeCostsWhatItIsLong() throws {
        let leaves = (0..<50_000).map { Block(codec: .raw, bytes: Array("\($0)".utf8)) }
        let root = Block(codec: .dagCBOR, bytes: try Node.list(leaves.map { .link($0.cid) }).cbor())
        let blocks = Dictionary(uniqueKeysWithValues: (leaves + [root]).map { ($0.cid, $0) })
        #expect(try Self.walk(root.cid, blocks) == [root.cid] + leaves.map(\.cid))
    }
}
