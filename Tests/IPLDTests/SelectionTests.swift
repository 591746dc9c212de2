import Foundation
import IPLD
import Multiformats
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
        let leaf = Block(codec: .dagCBOR, bytes: try Node.map([.init("x", .list([.integer(7)]))]).encoded())
        let top = Block(codec: .dagCBOR, bytes: try Node.map([.init("l", .list([.null, .link(leaf.cid)]))]).encoded())
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
}
