import Foundation
import IPLD
import Multiformats
import Testing

@Suite struct DAGCBORTests {
    @Test func publicFixturesGoBothWays() throws {
        let files = try Fixtures.sharedFiles("codec-fixtures/fixtures", ending: ".dag-cbor")
        #expect(files.count > 100)
        for file in files {
            let bytes = try Fixtures.bytes(file)
            let block = Block(codec: .dagCBOR, bytes: bytes)
            #expect(block.cid.description == file.deletingPathExtension().lastPathComponent)
            let node = try Node(cbor: bytes)
            #expect(try node.cbor() == bytes)
            #expect(try links(of: block) == Self.linksInside(node))
        }
    }

    private static func linksInside(_ node: Node) -> [CID] {
        switch node {
        case .link(let cid): [cid]
        case .list(let items): items.flatMap(linksInside)
        case .map(let entries): entries.flatMap { linksInside($0.value) }
        default: []
        }
    }

    private struct Negative: Decodable {
        let name: String
        let hex: String
    }

    @Test func publicNegativeFixturesAreRefused() throws {
        for file in try Fixtures.sharedFiles("codec-fixtures/negative-fixtures/dag-cbor/decode", ending: ".json") {
            for fixture in try JSONDecoder().decode([Negative].self, from: Data(contentsOf: file)) {
                let bytes = try Fixtures.bytes(hex: fixture.hex)
                #expect(throws: DecodingProblem.self, "\(fixture.name)") { try Node(cbor: bytes) }
            }
        }
    }

    private struct Strictness: Decodable {
        let type: String
        let data: String
        let name: String
        let tags: [String]
    }

    @Test func strictnessIsTheOneOfTheDASLSuite() throws {
        var checked = 0
        for file in try Fixtures.sharedFiles("dasl-testing/fixtures/cbor", ending: ".json") {
            for fixture in try JSONDecoder().decode([Strictness].self, from: Data(contentsOf: file))
            where !Set(fixture.tags).isDisjoint(with: ["basic", "dag-cbor"]) {
                let bytes = try Fixtures.bytes(hex: fixture.data)
                switch fixture.type {
                case "roundtrip": #expect((try? Node(cbor: bytes).cbor()) == bytes, "\(fixture.name)")
                case "invalid_in": #expect((try? Node(cbor: bytes)) == nil, "\(fixture.name)")
                case "invalid_out":
                    let written = try? Node(cbor: bytes, .lenient).cbor()
                    #expect(written != bytes, "\(fixture.name)")
                default: continue
                }
                checked += 1
            }
        }
        #expect(checked > 50)
    }

    @Test(
        arguments: [
            ("", .truncated), ("81", .truncated), ("9bffffffffffffffff", .truncated),
            ("bbffffffffffffffff", .truncated),
            ("5bffffffffffffffff", .truncated), ("1800", .malformed), ("9f00ff", .malformed), ("f97e00", .malformed),
            ("fb7ff0000000000000", .malformed), ("f7", .malformed), ("0000", .malformed), ("a10001", .malformed),
            ("a2616200616100", .malformed), ("a2616100616100", .malformed), ("61ff", .malformed), ("c100", .malformed),
            ("d82a4101", .malformed), ("d82a40", .malformed), ("d82a6100", .malformed), ("ff", .malformed),
        ] as [(String, DecodingProblem.Code)]
    )
    func refusesWithACode(hex: String, code: DecodingProblem.Code) throws {
        let bytes = try Fixtures.bytes(hex: hex)
        let problem = #expect(throws: DecodingProblem.self) { try Node(cbor: bytes) }
        #expect(problem?.code == code)
    }

    @Test func nestingAndItemsAreBounded() throws {
        let deep = [UInt8](repeating: 0x81, count: Node.deepest) + [0xF6]
        #expect(try Node(cbor: deep).cbor() == deep)
        let tooDeep = [UInt8](repeating: 0x81, count: 1_000_000) + [0xF6]
        #expect(throws: DecodingProblem.self) { try Node(cbor: tooDeep) }
        #expect(throws: DecodingProblem.self) { try links(of: Block(codec: .dagCBOR, bytes: tooDeep)) }
        let wide: [UInt8] = [0x99, 0x03, 0xE8] + [UInt8](repeating: 0, count: 1000)
        let problem = #expect(throws: DecodingProblem.self) { try Node(cbor: wide, itemLimit: 1000) }
        #expect(problem?.code == .tooLarge)
    }

    @Test func encodingSortsAndRefuses() throws {
        let node = Node.map([.init("bb", .integer(1)), .init("c", .float(-0.0)), .init("a", .bool(true))])
        #expect(try node.cbor() == Fixtures.bytes(hex: "a36161f56163fb000000000000000062626201"))
        #expect(node["bb"]?.asInt == 1 && node["x"] == nil)
        for bad in [
            Node.float(.nan), .integer(Int128(1) << 64), .integer(-(Int128(1) << 64) - 1),
            .map([.init("a", .null), .init("a", .null)]),
        ] {
            #expect(throws: DecodingProblem.self) { try bad.cbor() }
        }
    }

    @Test(arguments: ["fb8000000000000000", "82fb8000000000000000fb0000000000000000", "a16161fb8000000000000000"])
    func negativeZeroStaysWhereItWas(hex: String) throws {
        let bytes = try Fixtures.bytes(hex: hex)
        let node = try Node(cbor: bytes, .lenient)
        #expect(try node.cbor(.lenient) == bytes)
        #expect(try Node(json: node.json()).encoded(as: .dagCBOR, .lenient) == bytes)
        #expect(try Node(cbor: node.cbor()) == node)
    }

    @Test func linksOfOldDataAreFound() throws {
        let link = Array("bafkqaaa".utf8)
        let cid = try CID(String(decoding: link, as: UTF8.self))
        // A map with unsorted keys, a long-form number and a short float.
        let bytes: [UInt8] =
            [0xA3, 0x61, 0x62, 0x18, 0x01, 0x61, 0x61, 0xD8, 0x2A, 0x58, 0x05, 0x00] + cid.bytes
            + [0x61, 0x63, 0xF9, 0x3C, 0x00]
        let block = Block(codec: .dagCBOR, bytes: bytes)
        #expect(try links(of: block) == [cid])
        #expect(throws: DecodingProblem.self) { try Node(cbor: bytes) }
    }
}
