import Foundation
import IPLD
import Multiformats
import Testing

@Suite struct CodecTests {
    static let codecs: [String: Codec] = ["dag-cbor": .dagCBOR, "dag-json": .dagJSON, "dag-pb": .dagPB]

    @Test func everyPublicFixtureIsOneValueInAllCodecs() throws {
        let files = try Fixtures.sharedFiles("codec-fixtures/fixtures", ending: "")
        let folders = Dictionary(grouping: files.filter { Self.codecs[$0.pathExtension] != nil }) {
            $0.deletingLastPathComponent().lastPathComponent
        }
        #expect(folders.count >= 120)
        for (name, files) in folders {
            var values: Set<Node> = []
            for file in files {
                let codec = try #require(Self.codecs[file.pathExtension])
                let bytes = try Fixtures.bytes(file)
                let node = try Node(bytes, codec: codec)
                values.insert(node)
                #expect(
                    Block(codec: codec, bytes: bytes).cid.description == file.deletingPathExtension().lastPathComponent
                )
                for other in files {
                    let wanted = try Fixtures.bytes(other)
                    let codec = try #require(Self.codecs[other.pathExtension])
                    let text = String(decoding: wanted.prefix(60), as: UTF8.self)
                    #expect(try node.encoded(as: codec) == wanted, "\(name) as \(codec): \(text)")
                }
            }
            #expect(values.count == 1, "\(name)")
        }
    }

    /// The fields of the negative fixtures, which are themselves read as values.
    private static func fixtures(_ folder: String) throws -> [(name: String, fixture: Node)] {
        var found: [(String, Node)] = []
        for file in try Fixtures.sharedFiles("codec-fixtures/negative-fixtures/\(folder)", ending: ".json") {
            for value in try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [[String: Any]] ?? [] {
                guard let name = value["name"] as? String else { continue }
                if let hex = value["hex"] as? String { found.append((name, .bytes(try Fixtures.bytes(hex: hex)))) }
                if let json = value["dag-json"] ?? value["dagJson"] {
                    let data = try JSONSerialization.data(withJSONObject: json, options: [.fragmentsAllowed])
                    if let node = try? Node(json: Array(data)) { found.append((name, node)) }
                }
            }
        }
        return found
    }

    @Test(arguments: ["dag-pb", "dag-json", "dag-cbor"])
    func publicNegativeFixturesAreRefused(name: String) throws {
        let codec = try #require(Self.codecs[name])
        let fixtures = try Self.fixtures("\(name)/decode")
        #expect(!fixtures.isEmpty)
        for (name, fixture) in fixtures {
            guard let bytes = fixture.asBytes ?? fixture.asString.map({ Array($0.utf8) }) else { continue }
            #expect(throws: DecodingProblem.self, "\(name)") { try Node(bytes, codec: codec) }
        }
    }

    @Test func valuesThatAreNoDAGPBAreRefused() throws {
        let fixtures = try Self.fixtures("dag-pb/encode")
        #expect(fixtures.count > 10)
        for (name, node) in fixtures {
            #expect(throws: DecodingProblem.self, "\(name)") { try node.encoded(as: .dagPB) }
        }
    }

    @Test(
        arguments: [
            "", "{", "[1,]", "{\"a\":1,}", "01", "+1", "1.", ".5", "1e", "NaN", "\"\\x\"", "\"\\ud800\"", "\"\\u12\"",
            "\"a", "nul", "[1] 2", "{\"a\":1,\"a\":2}", "18446744073709551616", "-18446744073709551617", "1e400",
            "{\"/\":\"bafy\"}", "{\"/\":\"bafkqaaa\",\"a\":1}", "{\"/\":{\"bytes\":\"AA\",\"c\":1}}",
            "{\"/\":{\"bytes\":\"AA\"},\"b\":1}", "{\"/\":{\"bytes\":\"A\"}}", "\"\u{1}\"", "{1:2}",
        ]
    )
    func whatIsNoDAGJSONIsRefused(text: String) {
        #expect(throws: DecodingProblem.self) { try Node(json: Array(text.utf8)) }
    }

    @Test(
        arguments: [
            (" [ 1 , -18446744073709551616, 1.5e3 ] ", "[1,-18446744073709551616,1500.0]"),
            ("{\"b\":1,\"aa\":2}", "{\"aa\":2,\"b\":1}"),
            ("{\"/\":{\"bytes\":\"AA==\"}}", "{\"/\":{\"bytes\":\"AA\"}}"),
            ("\"\\u00e9\\ud83d\\ude80\\/\\n\"", "\"é🚀/\\n\""), ("{\"/\":1}", "{\"/\":1}"),
            ("{\"/\":{\"a\":{\"/\":\"bafkqaaa\"}}}", "{\"/\":{\"a\":{\"/\":\"bafkqaaa\"}}}"),
        ]
    )
    func whatIsReadIsWrittenInOneForm(text: String, form: String) throws {
        #expect(String(decoding: try Node(json: Array(text.utf8)).json(), as: UTF8.self) == form)
    }

    @Test(
        arguments: [
            ("\u{8}\u{c}\u{0}\u{1f}", #"\u0008\u000c\u0000\u001f"#), ("\t\n\r", #"\t\n\r"#), ("\"\\/", #"\"\\/"#),
            ("\u{2027}\u{2028}\u{2029}\u{202a}", "\u{2027}\\u2028\\u2029\u{202a}"), ("<>&", "<>&"),
            ("\u{7f}\u{80}é\u{fffd}🚀", "\u{7f}\u{80}é\u{fffd}🚀"),
        ]
    )
    func textIsEscapedAsInGo(text: String, form: String) throws {
        for node in [Node.string(text), .map([.init(text, .null)])] {
            let json = try node.json()
            #expect(String(decoding: json, as: UTF8.self).contains("\"\(form)\""))
            #expect(try Node(json: json) == node)
        }
    }

    @Test(
        arguments: [
            (1.0, "1.0"), (-0.5, "-0.5"), (1e20, "100000000000000000000.0"), (1e21, "1e+21"), (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"), (1e-7, "1e-7"), (Double.leastNonzeroMagnitude, "5e-324"), (123.456, "123.456"),
            (0, "0.0"), (-0.0, "-0.0"),
            (1.7976931348623157e308, "1.7976931348623157e+308"), (9007199254740992, "9007199254740992.0"),
        ]
    )
    func floatsAreWrittenAsInECMAScript(value: Double, text: String) throws {
        #expect(String(decoding: try Node.float(value).json(), as: UTF8.self) == text)
        #expect(try Node(json: Array(text.utf8)) == .float(value))
    }

    @Test(arguments: [768 << 10 | 1, 1_500_000])
    func bytesOfWholeBlocksAreReadAndWritten(count: Int) throws {
        let node = Node.bytes([UInt8](repeating: 0xA5, count: count))
        #expect(try Node(json: node.json()) == node)
    }

    @Test func nestingIsBounded() throws {
        let deep = String(repeating: "[", count: 1024) + String(repeating: "]", count: 1024)
        #expect(throws: Never.self) { try Node(json: Array(deep.utf8)) }
        let deeper = String(repeating: "[", count: 100_000)
        let problem = #expect(throws: DecodingProblem.self) { try Node(json: Array(deeper.utf8)) }
        #expect(problem?.code == .tooDeep)
    }

    @Test(arguments: ["a2616201616102", "1800", "fa3fc00000", "f93e00", "fb8000000000000000"])
    func oldDataAreReadOnlyWhenAskedFor(hex: String) throws {
        let bytes = try Fixtures.bytes(hex: hex)
        #expect(throws: DecodingProblem.self) { try Node(cbor: bytes) }
        #expect(throws: Never.self) { try Node(cbor: bytes, .lenient) }
    }

    @Test func doubledKeysAreNeverRead() throws {
        #expect(throws: DecodingProblem.self) { try Node(cbor: Fixtures.bytes(hex: "a2616101616102"), .lenient) }
    }

    @Test func crashersOfOthersAreOnlyRefused() throws {
        for file in try Fixtures.sharedFiles("go-ipld-prime-fuzz", ending: "") {
            guard let bytes = try? Fixtures.bytes(file) else { continue }
            for codec in Self.codecs.values { _ = try? Node(bytes, codec: codec, .lenient) }
        }
    }
}
