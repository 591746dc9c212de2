import Foundation
import IPLD
import Multiformats
import Samples
import TestKit
import Testing

/// Values that chance makes, encoded here and read by the codecs of others: the same value, and the same bytes again.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct OtherCodecsTests {
    @Test func readWhatIsEncodedHere() async throws {
        var chance = SeededNumbers(seed: 3)
        var lines: [String] = []
        for _ in 0..<1500 {
            let node = Self.value(&chance, depth: 0)
            let directory = Self.directory(&chance)
            let line = [
                "cbor": Data(try node.encoded(as: .dagCBOR)).base64EncodedString(),
                "json": Data(try node.encoded(as: .dagJSON)).base64EncodedString(),
                "pb": Data(directory.encoded()).base64EncodedString(),
            ]
            lines.append(String(decoding: try JSONEncoder().encode(line), as: UTF8.self))
        }
        let path = Scratch.current + "/values"
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: path))
        let found = try await Python.run(Self.script, path)
        #expect(found.read.int == 1500)
        #expect(found.wrong.items.isEmpty, "\(found.wrong)")
    }

    private static let script = """
        import base64, json, sys, dag_cbor, dag_json, ipld_dag_pb, libipld
        read, wrong = 0, []
        for line in open(sys.argv[1]):
            item = {key: base64.b64decode(value) for key, value in json.loads(line).items()}
            try:
                value = dag_cbor.decode(item["cbor"])
                assert dag_cbor.encode(value) == item["cbor"], "dag-cbor bytes"
                assert dag_json.decode(item["json"]) == value, "dag-json value"
                libipld.decode_dag_cbor(item["cbor"])
                assert bytes(ipld_dag_pb.encode(ipld_dag_pb.decode(item["pb"]))) == item["pb"], "dag-pb bytes"
                read += 1
            except Exception as error:
                wrong.append([repr(error), item["json"].decode()[:300], item["pb"].hex()[:200]])
        print(json.dumps({"read": read, "wrong": wrong[:5]}))
        """

    private static func value(_ chance: inout SeededNumbers, depth: Int) -> Node {
        let kinds = depth < 4 ? 0..<10 : 0..<8
        switch Int.random(in: kinds, using: &chance) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &chance))
        case 2:
            // Of every length that a number may have.
            let bits = UInt64.random(in: 0...UInt64.max, using: &chance) >> UInt64.random(in: 0..<64, using: &chance)
            return .integer(Bool.random(using: &chance) ? Int128(bits) : -1 - Int128(bits))
        case 3: return .float(Double(Int.random(in: -1000...1000, using: &chance)) + 0.5)
        case 4, 5: return .string(text(&chance))
        case 6: return .bytes((0..<Int.random(in: 0..<40, using: &chance)).map { UInt8(truncatingIfNeeded: $0 &* 37) })
        case 7: return .link(link(&chance))
        case 8: return .list((0..<Int.random(in: 0..<6, using: &chance)).map { _ in value(&chance, depth: depth + 1) })
        default:
            var entries: [String: Node] = [:]
            for _ in 0..<Int.random(in: 0..<6, using: &chance) {
                entries["k" + text(&chance)] = value(&chance, depth: depth + 1)
            }
            return .map(entries.map { Node.Entry($0.key, $0.value) })
        }
    }

    private static func text(_ chance: inout SeededNumbers) -> String {
        let letters = Array("abc/\\\"é日本🎉 \n\t\u{1}\u{7F}\u{2028}")
        return String(
            (0..<Int.random(in: 0..<30, using: &chance)).map { _ in letters.randomElement(using: &chance) ?? "a" }
        )
    }

    private static func link(_ chance: inout SeededNumbers) -> CID {
        let hash = Multihash.sha256(of: [UInt8.random(in: 0...255, using: &chance)])
        let codec = [Codec.raw, .dagPB, .dagCBOR][Int.random(in: 0..<3, using: &chance)]
        let cid = CID.v1(codec, hash)
        return Bool.random(using: &chance) ? cid.v0 ?? cid : cid
    }

    private static func directory(_ chance: inout SeededNumbers) -> PBNode {
        let links = (0..<Int.random(in: 0..<8, using: &chance)).map { number in
            PBLink(
                cid: link(&chance),
                name: Array("\(number) \(text(&chance))".utf8),
                tsize: UInt64.random(in: 0..<1 << 50, using: &chance)
            )
        }
        return PBNode(links: links, data: [8, 1])
    }
}
