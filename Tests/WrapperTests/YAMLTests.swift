import Testing
import YAML

struct YAMLReadingTests {
    @Test func keepsOrderAndPlaces() throws {
        let node = try YAMLNode.parse("b: 1\na:\n  - x\n  - 'y'\n")
        let pairs = try #require(node.mapping)
        #expect(pairs.map(\.key) == ["b", "a"])
        #expect(pairs.map(\.keyMark.line) == [1, 2])
        let items = try #require(node["a"]?.sequence)
        #expect(items.map(\.string) == ["x", "y"])
        #expect(items[1].mark.line == 4 && items[1].mark.column == 5)
    }

    @Test(
        arguments: [
            ("true", true), ("YES", true), ("On", true), ("no", false), ("off", false), ("'true'", nil), ("y", nil),
            ("!!str true", nil), ("tRue", nil),
        ] as [(String, Bool?)]
    )
    func truth(_ text: String, _ value: Bool?) throws {
        #expect(try YAMLNode.parse(text).bool == value)
    }

    @Test(
        arguments: [
            ("0", 0), ("-12", -12), ("+7", 7), ("1_000", 1000), ("0x1F", 31), ("0b101", 5), ("0755", 493), ("0o17", 15),
            ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min), ("9223372036854775808", nil),
            ("1:30", nil), ("12a", nil), ("--1", nil), ("0x", nil), ("_1", nil), ("'5'", nil), ("1.0", nil), ("", nil),
            ("+-1", nil), ("0x-1", nil), ("089", nil),
        ] as [(String, Int64?)]
    )
    func wholeNumbers(_ text: String, _ value: Int64?) throws {
        #expect(try YAMLNode.parse(text).integer == value)
    }

    @Test(
        arguments: [
            ("1.5", 1.5), ("-.5", -0.5), ("1.e+3", 1000), ("6.02e+23", 6.02e23), (".inf", .infinity),
            ("-.Inf", -.infinity),
            ("3", 3), ("infinity", nil), ("nan", nil), ("0x1p4", nil), (".", nil), ("1.2.3", nil), ("e5", nil),
        ] as [(String, Double?)]
    )
    func numbers(_ text: String, _ value: Double?) throws {
        #expect(try YAMLNode.parse(text).double == value)
    }

    @Test(arguments: ["", "~", "null", "# only a comment\n", "---\n"])
    func nothing(_ text: String) throws {
        #expect(try YAMLNode.parse(text).isNull)
    }

    @Test func aliasesAreCopies() throws {
        let node = try YAMLNode.parse("a: &x {k: [1]}\nb: *x\n")
        #expect(node["b"] == node["a"])
        #expect(node["b"]?.mark.line == 2)
    }

    @Test(
        arguments: [
            ("a: 1\nb: 2\na: 3\n", .duplicateKey, 3, 1),
            ("a: 1\n---\nb: 2\n", .severalDocuments, 2, 1),
            ("a: *nowhere\n", .unknownAlias, 1, 4),
            ("a: &a [*a]\n", .unknownAlias, 1, 8),
            ("a: &a {}\nb:\n  <<: *a\n", .unsupported, 3, 3),
            ("? [1]\n: 2\n", .unsupported, 1, 3),
            ("a: !!python/object:os.system {}\n", .unsupported, 1, 4),
            ("a: !local b\n", .unsupported, 1, 4),
            ("a: [1\n", .syntax, 2, 1),
            ("a: b: c\n", .syntax, 1, 5),
            ("\ta: 1\n", .syntax, 1, 1),
            ("a: \u{1}\n", .syntax, 1, 1),
        ] as [(String, YAMLError.Code, Int, Int)]
    )
    func refuses(_ text: String, _ code: YAMLError.Code, _ line: Int, _ column: Int) throws {
        let error = try #require(throws: YAMLError.self) { try YAMLNode.parse(text) }
        #expect(error.code == code, "\(error)")
        #expect(code == .syntax || (error.line == line && error.column == column), "\(error)")
    }

    @Test(arguments: [[0x61, 0x0A, 0xFF], [0xFF, 0xFE, 0x61, 0x00], [0xC0, 0x80]] as [[UInt8]])
    func refusesOtherEncodings(_ bytes: [UInt8]) throws {
        let error = try #require(throws: YAMLError.self) { try YAMLNode.parse(bytes) }
        #expect(error.code == .notUTF8)
    }

    /// Nine anchors of nine aliases each would be 3 · 10⁸ nodes.
    @Test func refusesAliasBombs() throws {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...8 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let error = try #require(throws: YAMLError.self) { try YAMLNode.parse(text) }
        #expect(error.code == .tooLarge)
    }

    /// The parser takes quadratic time for these, so the depth is counted while it works and not after it.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: ["[", "{a: ", "- ", "? ", "[{? ", "- - ? [", "&a [", "!!seq [", "[*a, ["]
    )
    func stopsEarlyInWhatIsNestedWithoutEnd(_ opening: String) {
        let text = String(repeating: opening, count: (16 << 20) / opening.utf8.count)
        #expect(throws: YAMLError.self) { try YAMLNode.parse(text) }
    }

    @Test func refusesDeepNesting() throws {
        let flow = String(repeating: "[", count: 100_000)
        #expect(try #require(throws: YAMLError.self) { try YAMLNode.parse(flow) }.code == .tooLarge)
        let half = String(repeating: "[", count: 40)
        let close = String(repeating: "]", count: 40)
        let chained = "a: &a \(half)\(close)\nb: \(half)*a\(close)\n"
        #expect(try #require(throws: YAMLError.self) { try YAMLNode.parse(chained) }.code == .tooLarge)
    }
}

struct YAMLWritingTests {
    @Test(arguments: [
        "", " ", "plain", "two words", "true", "No", "y", "null", "~", "12", "0x1F", "1_000", "1:30", "2025-07-30",
        "2025-07-30T19:44:19.863359", "1e3", ".inf", ".5", "-", "--", "---", "...", "...x", "- a", "-a", "a: b", "a:",
        "a #b", "#a", "'", "\"", "it's", "back\\slash", "line\nbreak", "tab\there", "\u{0}", "\u{85}", "\u{2028}",
        "\u{FEFF}x", "ünïcode 🐟", "[x]", "{x}", "a,b", "*a", "&a", "!a", "%a", "@a", "`a", "|", ">", "=", "<<", "?",
        "? a", " lead", "trail ", "127.0.0.1:5001", "https://example.org/a?b=c#d", "99999999999999999999", "+", "\r",
    ])
    func textComesBackAsText(_ value: String) throws {
        let node = YAMLNode.mapping([(value, .sequence([.text(value), .mapping([("k", .text(value))])]))])
        let text = node.text()
        let read = try YAMLNode.parse(text)
        let pair = try #require(read.mapping?.first)
        #expect(pair.key == value)
        let item = try #require(pair.value.sequence?.first)
        #expect(item.string == value, "\(text)")
        #expect(!item.isNull && item.bool == nil && item.double == nil, "\(text)")
        #expect(read.text() == text)
    }

    @Test func longKeysComeBack() throws {
        let key = String(repeating: "long key ", count: 400)
        let node = YAMLNode.mapping([("outer", .mapping([(key, .mapping([("a", .sequence([.integer(1)]))]))]))])
        #expect(try YAMLNode.parse(node.text())["outer"]?[key]?["a"]?.sequence?.first?.integer == 1)
    }

    @Test(arguments: [0, -0.5, 1e20, 1e-7, 1.5e300, .infinity, -.infinity, .greatestFiniteMagnitude] as [Double])
    func numbersComeBack(_ value: Double) throws {
        #expect(try YAMLNode.parse(YAMLNode.double(value).text()).double == value)
    }

    @Test func isWrittenInBlockStyle() throws {
        let node = YAMLNode.mapping([
            ("name", .text("my-s3")),
            ("replicas", .integer(-2)),
            ("enabled", .boolean(true)),
            ("nothing", .null),
            ("empty", .sequence([])),
            ("none", .mapping([])),
            ("places", .sequence([.text("a"), .mapping([("b", .text("1")), ("c", .sequence([.text("d")]))])])),
            ("matrix", .sequence([.sequence([.integer(1), .integer(2)]), .sequence([.integer(3)])])),
        ])
        let text = """
            name: my-s3
            replicas: -2
            enabled: true
            nothing: null
            empty: []
            none: {}
            places:
              - a
              - b: '1'
                c:
                  - d
            matrix:
              - - 1
                - 2
              - - 3

            """
        #expect(node.text() == text)
        #expect(try YAMLNode.parse(text).text() == text)
    }
}
