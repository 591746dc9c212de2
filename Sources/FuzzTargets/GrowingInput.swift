internal import IPLD
internal import Multiformats

/// Bytes of one hostile form in any length.
struct GrowingInput: Sendable {
    let name: String
    /// The ``FuzzTarget``s that it is for.
    let targets: [String]
    let make: @Sendable (_ size: Int) -> [UInt8]

    static let all = simple + pbNodes + values + texts + archives

    private init(_ name: String, _ targets: String..., make: @escaping @Sendable (Int) -> [UInt8]) {
        self.name = name
        self.targets = targets
        self.make = make
    }

    /// The same part again and again, with what goes before and after.
    private static func repeated(_ part: [UInt8], _ size: Int, before: [UInt8] = [], after: [UInt8] = []) -> [UInt8] {
        before + (0..<max(1, size / part.count)).flatMap { _ in part } + after
    }

    private static func repeated(_ part: String, _ size: Int, before: String = "", after: String = "") -> [UInt8] {
        repeated(Array(part.utf8), size, before: Array(before.utf8), after: Array(after.utf8))
    }

    /// Parts that follow from their numbers.
    private static func numbered(_ size: Int, each: Int, _ part: (Int) -> [UInt8]) -> [UInt8] {
        (0..<size / each).flatMap(part)
    }

    private static let simple: [GrowingInput] = [
        GrowingInput("a varint without end", "varint") { repeated([0x80], $0) },
        GrowingInput("a long digest", "cid") { [1, 0x55, 0x12] + Varint.encode(UInt64($0)) + repeated([7], $0) },
        GrowingInput("long content in a CID", "cid") { [1, 0x71, 0] + Varint.encode(UInt64($0)) + repeated([7], $0) },
        GrowingInput("long text", "cid", "multibase") { repeated("a", $0, before: "b") },
        GrowingInput("binary digits", "multibase") { repeated("01", $0, before: "0") },
        GrowingInput("decimal digits", "multibase") { repeated("1", $0, before: "9") },
        GrowingInput("base64 with padding", "multibase") { repeated("AAA=", $0, before: "M") },
        GrowingInput("pictures", "multibase") { repeated("🚀🪐", $0, before: "🚀") },
        GrowingInput("sizes", "unixfs") { repeated([0x20, 1], $0, before: [8, 2]) },
        GrowingInput("packed sizes", "unixfs") { [8, 2, 0x22] + Varint.encode(UInt64($0)) + repeated([1], $0) },
        GrowingInput("fields that nobody knows", "unixfs") { repeated([0x7A, 1, 0], $0, before: [8, 2]) },
        GrowingInput("times", "unixfs") { repeated([0x42, 2, 8, 1], $0, before: [8, 2]) },
        GrowingInput("data", "unixfs") { [8, 2, 0x12] + Varint.encode(UInt64($0)) + repeated([1], $0) },
        GrowingInput("entries of one digest", "index") { size in
            let rows = repeated([UInt8](repeating: 0, count: 40), size)
            return Varint.encode(0x400) + [1, 0, 0, 0, 40, 0, 0, 0] + number(rows.count) + rows
        },
        GrowingInput("tables without entries", "index") { size in
            let tables = repeated([8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], size)
            return Varint.encode(0x400) + number(tables.count / 12).prefix(4) + tables
        },
        GrowingInput("hash functions without tables", "index") { size in
            let groups = repeated([UInt8](repeating: 0, count: 12), size)
            return Varint.encode(0x401) + number(groups.count / 12).prefix(4) + groups
        },
    ]

    private static func number(_ value: Int) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// The smallest CID: no content, held by itself.
    private static let smallest: [UInt8] = [1, 0x55, 0, 0]

    private static func link(_ name: [UInt8]?) -> [UInt8] {
        let body = [0x0A, 4] + smallest + (name.map { [0x12] + Varint.encode(UInt64($0.count)) + $0 } ?? [])
        return [0x12] + Varint.encode(UInt64(body.count)) + body
    }

    private static let pbNodes: [GrowingInput] = [
        GrowingInput("links without names", "dag-pb", "unixfs", "hamt") { repeated(link(nil), $0) },
        GrowingInput("a directory", "dag-pb", "hamt") { size in
            numbered(size, each: 24) { link(Array("name \(1_000_000 + $0)".utf8)) } + [0x0A, 2, 8, 1]
        },
        GrowingInput("names in the wrong order", "dag-pb") { size in
            numbered(size, each: 24) { link(Array("name \(9_000_000 - $0)".utf8)) }
        },
        GrowingInput("names that begin alike", "dag-pb", "hamt") { size in
            numbered(size, each: 1020) { link(repeated([0x61], 1000) + Array("\($0)".utf8)) } + [0x0A, 2, 8, 1]
        },
        GrowingInput("one long name", "dag-pb", "hamt") { link(repeated([0x61], $0)) + [0x0A, 2, 8, 1] },
        GrowingInput("a file of one leaf many times", "unixfs") { size in
            let message = repeated([0x20, 1], size / 5, before: [8, 2])
            return repeated(link([]), size) + [0x0A] + Varint.encode(UInt64(message.count)) + message
        },
    ]

    private static let values: [GrowingInput] = [
        GrowingInput("a long list", "dag-cbor") { head(0x80, $0) + repeated([0], $0) },
        GrowingInput("a long map", "dag-cbor") { size in
            head(0xA0, size / 8) + numbered(size, each: 8) { [0x66] + Array("\(100_000 + $0)".utf8) + [0] }
        },
        GrowingInput("a long map that is not sorted", "dag-cbor") { size in
            head(0xA0, size / 8) + numbered(size, each: 8) { [0x66] + Array("\(999_999 - $0)".utf8) + [0] }
        },
        GrowingInput("a key that is there twice", "dag-cbor") { size in
            head(0xA0, size / 8 + 1) + numbered(size, each: 8) { [0x66] + Array("\(100_000 + $0)".utf8) + [0] }
                + [0x66] + Array("100000".utf8) + [0]
        },
        GrowingInput("deep lists", "dag-cbor") { size in
            head(0x80, size / 1024) + numbered(size, each: 1024) { _ in repeated([0x81], 1022) + [0] }
        },
        GrowingInput("deep maps", "dag-cbor") { size in
            head(0x80, size / 3072) + numbered(size, each: 3072) { _ in repeated([0xA1, 0x61, 0x61], 3066) + [0] }
        },
        GrowingInput("a long text", "dag-cbor") { head(0x60, $0 / 2 * 2) + repeated("é", $0) },
        GrowingInput("long bytes", "dag-cbor") { head(0x40, $0) + repeated([7], $0) },
        GrowingInput("links", "dag-cbor") { head(0x80, $0 / 8) + repeated([0xD8, 42, 0x45, 0] + smallest, $0) },
        GrowingInput("floats", "dag-cbor") { head(0x80, $0 / 9) + repeated([0xFB, 0x3F, 0xB9, 1, 2, 3, 4, 5, 6], $0) },
    ]

    private static func head(_ major: UInt8, _ count: Int) -> [UInt8] {
        [major | 26] + number(count).prefix(4).reversed()
    }

    private static let texts: [GrowingInput] = [
        GrowingInput("a long list", "dag-json") { repeated("0,", $0, before: "[", after: "0]") },
        GrowingInput("a long map", "dag-json") { size in
            Array("{".utf8) + numbered(size, each: 11) { Array("\"\(100_000 + $0)\":0,".utf8) } + Array("\"a\":0}".utf8)
        },
        GrowingInput("a long map that is not sorted", "dag-json") { size in
            Array("{".utf8) + numbered(size, each: 11) { Array("\"\(999_999 - $0)\":0,".utf8) } + Array("\"a\":0}".utf8)
        },
        GrowingInput("a key that is there twice", "dag-json") { size in
            Array("{".utf8) + numbered(size, each: 11) { Array("\"\(100_000 + $0)\":0,".utf8) }
                + Array("\"100000\":0}".utf8)
        },
        GrowingInput("one key again and again", "dag-json") {
            repeated("\"a\":0,", $0, before: "{", after: "\"a\":0}")
        },
        GrowingInput("deep lists", "dag-json") { size in
            let deep = repeated("[", 1020) + repeated("]", 1020) + Array(",".utf8)
            return repeated(deep, size, before: Array("[".utf8), after: Array("0]".utf8))
        },
        GrowingInput("deep maps", "dag-json") { size in
            let deep = repeated("{\"a\":", 5100) + Array("0".utf8) + repeated("}", 1020) + Array(",".utf8)
            return repeated(deep, size, before: Array("[".utf8), after: Array("0]".utf8))
        },
        GrowingInput("what looks like links in links", "dag-json") { size in
            let deep = repeated("{\"/\":", 5100) + Array("0".utf8) + repeated("}", 1020) + Array(",".utf8)
            return repeated(deep, size, before: Array("[".utf8), after: Array("0]".utf8))
        },
        GrowingInput("a link that is a long map", "dag-json") { size in
            Array("{\"/\":{".utf8) + numbered(size, each: 11) { Array("\"\(100_000 + $0)\":0,".utf8) }
                + Array("\"a\":0}}".utf8)
        },
        GrowingInput("links", "dag-json") { repeated("{\"/\":\"bafkqaaa\"},", $0, before: "[", after: "0]") },
        GrowingInput("bytes", "dag-json") { repeated("{\"/\":{\"bytes\":\"AA\"}},", $0, before: "[", after: "0]") },
        GrowingInput("long bytes", "dag-json") {
            repeated("AAAA", $0, before: "{\"/\":{\"bytes\":\"", after: "\"}}")
        },
        GrowingInput("escapes", "dag-json") { repeated("\\u00e9\\n", $0, before: "\"", after: "\"") },
        GrowingInput("pairs of escapes", "dag-json") { repeated("\\ud83d\\ude80", $0, before: "\"", after: "\"") },
        GrowingInput("many short texts", "dag-json") { repeated("\"\\t\",", $0, before: "[", after: "0]") },
        GrowingInput("digits without end", "dag-json") { repeated("1", $0) },
        GrowingInput("digits behind a point", "dag-json") { repeated("1", $0, before: "0.") },
        GrowingInput("zeros behind a point", "dag-json") { repeated("0", $0, before: "0.", after: "1") },
        GrowingInput("digits of an exponent", "dag-json") { repeated("0", $0, before: "1e", after: "1") },
        GrowingInput("white space", "dag-json") { repeated(" \n", $0, before: "[0,", after: "0]") },
        GrowingInput("a text without end", "dag-json") { repeated("a", $0, before: "\"") },
    ]

    /// An archive of version 1.
    static func archive(_ blocks: [Block], roots: [CID]) -> [UInt8] {
        blocks.reduce(into: CARHeader(roots: roots).encoded) {
            $0 += CARSection.prefix(for: $1.cid, length: $1.bytes.count) + $1.bytes
        }
    }

    private static let empty = CARHeader(roots: []).encoded

    private static let archives: [GrowingInput] = [
        GrowingInput("the smallest sections", "carv1", "carv2") { repeated([4] + smallest, $0, before: empty) },
        GrowingInput("sections without CIDs", "carv1", "carv2") { repeated([1, 9], $0, before: empty) },
        GrowingInput("sections of blocks that are wrong", "carv1", "carv2") { size in
            repeated([39, 1, 0x55, 0x12, 32] + [UInt8](repeating: 5, count: 35), size, before: empty)
        },
        GrowingInput("one long section", "carv1") { [UInt8](empty) + section(repeated([3], $0)) },
        GrowingInput("roots", "carv1", "carv2") { size in
            let hash = Multihash.sha256(of: [UInt8]())
            return CARHeader(roots: (0..<size / 44).map { CID.v1(Codec(rawValue: UInt64($0) + 0x300), hash) }).encoded
        },
        GrowingInput("roots, and nothing else", "carv1") { CARHeader(roots: roots($0 / 44)).encoded },
        GrowingInput("zeros", "carv1", "carv2") { repeated([0], $0, before: empty) },
        GrowingInput("a CARv2 with an index", "carv2") { size in
            let blocks = (0..<size / 90).map { Block(codec: .raw, bytes: Array("\($0)".utf8)) }
            var writer = CARWriter(CARHeader(roots: []), .container(index: .multihashSorted))
            var payload = writer.header.encoded
            for block in blocks {
                payload += (writer.section(block.cid, length: block.bytes.count) ?? []) + block.bytes
            }
            return writer.patch + payload + writer.ending
        },
    ]

    private static func section(_ bytes: [UInt8]) -> [UInt8] {
        let cid = Block(codec: .raw, bytes: bytes).cid
        return CARSection.prefix(for: cid, length: bytes.count) + bytes
    }

    private static func roots(_ count: Int) -> [CID] {
        (0..<count).map { CID.v1(.raw, .sha256(of: Array("\($0)".utf8))) }
    }
}
