import IPLD
import Multiformats
import Testing

/// What dag-json shares with the other codecs: links, limits, and names that are no text.
@Suite struct DAGJSONTests {
    private static let cids = (0..<4).map { Block(codec: .raw, bytes: [$0]).cid }

    @Test func `links come in the order in which they stand in the text`() throws {
        let links = Self.cids.map { #"{"/":"\#($0)"}"# }
        let texts = [
            // By the order of dag-cbor the short key would come first.
            #"{"aa":\#(links[0]),"b":\#(links[1]),"c":[\#(links[2]),{"/":\#(links[3])}]}"#,
            #" [ \#(links[0]) , [ [ ] , \#(links[1]) ] , { "z" : \#(links[2]) , "a" : \#(links[3]) } ] "#,
        ]
        for text in texts {
            let block = Block(codec: .dagJSON, bytes: Array(text.utf8))
            #expect(try IPLD.links(of: block) == Self.cids)
        }
        #expect(try IPLD.links(of: Block(codec: .dagJSON, bytes: Array(links[0].utf8))) == [Self.cids[0]])
        for text in [#"{"/":{"bytes":"AA"}}"#, "[]", "{}", #""bafkqaaa""#, #"{"/":{"a":"bafkqaaa"}}"#] {
            #expect(try IPLD.links(of: Block(codec: .dagJSON, bytes: Array(text.utf8))).isEmpty)
        }
    }

    @Test(
        arguments: [
            #"{"/":"bafkqaaa","a":1}"#, #"{"a":1,"/":"bafkqaaa"}"#, #"{"/":{"bytes":"AA","z":1}}"#,
            #"{"/":"nonsense"}"#,
            #"{"a":1,"b":2,"a":3}"#, #"{"a":{"/":1},"a":{"/":"bafkqaaa"}}"#, "[1,]", "[", "1 2", #"{"a"}"#, "",
        ]
    )
    func `what is no value has no links either`(text: String) {
        #expect(throws: DecodingProblem.self) { try IPLD.links(of: Block(codec: .dagJSON, bytes: Array(text.utf8))) }
        #expect(throws: DecodingProblem.self) { try Node(json: Array(text.utf8)) }
    }

    @Test(arguments: [0, 1, 2])
    func `a value is as deep in dag-json as in dag-cbor`(more: Int) throws {
        let ends: [Node] = [.integer(1), .link(Self.cids[0]), .bytes([1, 2]), .list([]), .map([])]
        for end in ends {
            for isMap in [true, false] {
                var node = end
                for _ in 0..<Node.deepest + more { node = isMap ? .map([.init("a", node)]) : .list([node]) }
                let (cbor, json) = (try? node.cbor(), try? node.json())
                #expect((cbor != nil) == (more == 0) && (json != nil) == (more == 0))
                guard let cbor, let json else { continue }
                #expect(try Node(cbor: cbor) == node)
                #expect(try Node(json: json) == node)
                let wanted = end.asLink.map { [$0] } ?? []
                #expect(try links(of: Block(codec: .dagCBOR, bytes: cbor)) == wanted)
                #expect(try IPLD.links(of: Block(codec: .dagJSON, bytes: json)) == wanted)
            }
        }
        // One level more is refused by all that read.
        let levels = Node.deepest + 1 + more
        let deep = String(repeating: "[", count: levels) + "1" + String(repeating: "]", count: levels)
        let bytes = [UInt8](repeating: 0x81, count: levels) + [1]
        for codec in [Codec.dagCBOR, .dagJSON] {
            let block = Block(codec: codec, bytes: codec == .dagCBOR ? bytes : Array(deep.utf8))
            #expect(throws: DecodingProblem.self) { try Node(decoding: block) }
            #expect(throws: DecodingProblem.self) { try links(of: block) }
        }
    }

    @Test func `a link whose text could not be read back is not written`() throws {
        for length in [1000, 1300] {
            let cid = CID.v1(.raw, try Multihash(code: .sha256, digest: [UInt8](repeating: 1, count: length)))
            let json = try? Node.link(cid).json()
            #expect((json != nil) == (length == 1000))
            if let json { #expect(try Node(json: json) == .link(cid)) }
        }
    }

    @Test func `names that are no text stay what they are in dag-pb, and are no values`() throws {
        let latin = Array("caf".utf8) + [0xE9]
        for name in [latin, [0xFF], [0xC3], [0xED, 0xA0, 0x80], Array("é".utf8), []] {
            let bytes = PBNode(links: [PBLink(cid: Self.cids[0], name: name, tsize: 1)], data: [8, 1]).encoded()
            #expect(try recoded(bytes, from: .dagPB, to: .dagPB) == bytes)
            let isText = String(validating: name, as: UTF8.self) != nil
            for codec in [Codec.dagJSON, .dagCBOR] {
                let other = try? recoded(bytes, from: .dagPB, to: codec)
                #expect((other != nil) == isText)
                if let other { #expect(try recoded(other, from: codec, to: .dagPB) == bytes) }
            }
        }
        #expect(shownName(latin) == #"caf\xE9"# && shownName(Array("é".utf8)) == "é")
    }
}
