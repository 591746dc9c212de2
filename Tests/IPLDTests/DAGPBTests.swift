import Foundation
import IPLD
import Multiformats
import Testing

@Suite struct DAGPBTests {
    @Test func publicFixturesGoBothWays() throws {
        let files = try Fixtures.sharedFiles("codec-fixtures/fixtures", ending: ".dag-pb")
        #expect(files.count > 10)
        for file in files {
            let bytes = try Fixtures.bytes(file)
            let block = Block(codec: .dagPB, bytes: bytes)
            #expect(block.cid.description == file.deletingPathExtension().lastPathComponent)
            let node = try PBNode(bytes)
            #expect(node.encoded() == bytes)
            #expect(try links(of: block) == node.links.map(\.cid))
        }
    }

    private struct Negative: Decodable {
        let name: String
        let hex: String
    }

    @Test func publicNegativeFixturesAreRefused() throws {
        for file in try Fixtures.sharedFiles("codec-fixtures/negative-fixtures/dag-pb/decode", ending: ".json") {
            for fixture in try JSONDecoder().decode([Negative].self, from: Data(contentsOf: file)) {
                let bytes = try Fixtures.bytes(hex: fixture.hex)
                #expect(throws: DecodingProblem.self, "\(fixture.name)") { try PBNode(bytes) }
            }
        }
    }

    /// Faults around a good link, whose CID is the empty identity.
    @Test(
        arguments: [
            ("0a000a00", .malformed), ("1a00", .malformed), ("0800", .malformed), ("0a05", .truncated),
            ("12060a04015500", .truncated), ("12080a0401550000" + "0801", .malformed),
            ("12080a0401550000" + "1800" + "1800", .malformed), ("120a0a0401550000" + "1800" + "1200", .malformed),
            ("120c" + "0a0401550000" + "0a0401550000", .malformed), ("0affffffffffffffffff01", .truncated),
            ("0affffffffffffffffff7f", .malformed), ("12080a040155000022", .truncated),
        ] as [(String, DecodingProblem.Code)]
    )
    func refusesWithACode(hex: String, code: DecodingProblem.Code) throws {
        let bytes = try Fixtures.bytes(hex: hex)
        let problem = #expect(throws: DecodingProblem.self) { try PBNode(bytes) }
        #expect(problem?.code == code)
    }

    @Test func theOrderOfLinksIsKeptOnReadingAndMadeOnWriting() throws {
        let cid = try CID("bafkqaaa")
        let names: [[UInt8]?] = [[0x62], nil, [0x61], []]
        let links = names.enumerated().map { PBLink(cid: cid, name: $1, tsize: UInt64($0)) }
        let sorted = try PBNode(PBNode(links: links).encoded()).links
        #expect(sorted.map(\.tsize) == [1, 3, 2, 0])
        // The same link messages by hand, unsorted.
        let wire = try Fixtures.bytes(hex: "12090a0401550000120162" + "12090a0401550000120161")
        #expect(try PBNode(wire).links.map(\.name) == [[0x62], [0x61]])
        #expect(try PBNode([]) == PBNode())
    }
}
