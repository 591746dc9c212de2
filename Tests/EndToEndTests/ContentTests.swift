import Foundation
import Samples
import TestKit
import Testing

/// Content in all its forms, as a user of Kubo would try them.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct ContentTests {
    /// The roots that Kubo 0.42 gives the bytes "hello world".
    @Test(
        arguments: [
            ("unixfs-v0-2015", "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD"),
            ("unixfs-v1-2025", "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"),
        ]
    )
    func onlyHashNeedsNoHomeAndStoresNothing(profile: String, root: String) async throws {
        let user = try User()
        let result = try await user.run(
            "add",
            "-",
            "-q",
            "-n",
            "--profile",
            profile,
            input: Array("hello world".utf8)
        )
        #expect(result.text == root + "\n")
        #expect(!FileManager.default.fileExists(atPath: user.home))
    }

    @Test(
        arguments: [
            "--trickle", "--chunker rabin", "--chunker buzhash", "--hash blake3", "--inline --inline-limit 128",
            "--preserve-mode --preserve-mtime", "--max-file-links 3 --chunker size-1000", "--no-raw-leaves",
            "--max-directory-links 2 --max-hamt-fanout 8", "--cid-version 0 --profile unixfs-v0-2015",
        ]
    )
    func everyFormOfATreeIsReadBack(options: String) async throws {
        let user = try await User.ready()
        let tree = user.folder + "/tree"
        try Trees.make(at: tree)
        try Data(sampleBytes(700_000)).write(to: URL(filePath: tree + "/large"))
        let words = options.split(separator: " ").map(String.init)
        let hashed = try await user.attempt(["add", tree, "--hidden", "-q", "-n"] + words)
        let added = try await user.attempt(["add", tree, "--hidden", "-q"] + words)
        #expect(added.code == 0 && added.text == hashed.text, "\(added.errorText)")
        let root = added.text.trimmingCharacters(in: .whitespacesAndNewlines)
        try await user.run("get", root, "-o", user.folder + "/back")
        #expect(try Trees.contents(of: user.folder + "/back") == Trees.contents(of: tree))
        let tail = try await user.run("cat", root + "/large", "--offset", "1000").output
        #expect(tail == Data(sampleBytes(700_000)[1000...]))
        // The same as an archive made without a store, which holds everything.
        let packed = try await user.attempt(
            ["car", "create", tree, "--hidden", "-q", "-o", user.folder + "/t.car"] + words
        )
        #expect(packed.text == added.text, "\(packed.errorText)")
        let archive = try await user.json("car", "verify", user.folder + "/t.car").archives[0]
        #expect(archive.whole == .flag(true))
        let exported = try await user.run("dag", "export", root).output
        #expect(try exported == Data(contentsOf: URL(filePath: user.folder + "/t.car")))
        try await user.run("car", "extract", user.folder + "/t.car", "-o", user.folder + "/out")
        #expect(try Trees.contents(of: user.folder + "/out") == Trees.contents(of: tree))
    }

    @Test func namesThatAreNoTextComeBackAsTheyWere() async throws {
        let user = try await User.ready()
        let (tree, back) = (user.folder + "/tree", user.folder + "/back")
        try await user.shell(
            """
            mkdir "\(tree)" && cd "\(tree)" && mkdir "$(printf 'd\\344')" && cd "$(printf 'd\\344')" && \
            printf 1 > "$(printf 'f\\377')" && printf 2 > ordinary && ln -s "$(printf 'f\\377')" "$(printf 'l\\300')"
            """
        )
        let added = try await user.run("add", tree, "--json").text
        // Nothing is repaired: a name is text, or the bytes that it is.
        #expect(!added.contains("\u{FFFD}") && !added.contains("fffd"))
        let folder = try #require(try Answer.lines(added).dropLast(2).last)
        #expect(folder.name[dynamicMember: "/"].bytes.text == Self.base64(Array("tree/d".utf8) + [0xE4]))
        let root = try await user.run("add", tree, "-Q").text.trimmingCharacters(in: .whitespacesAndNewlines)
        try await user.run("get", root, "-o", back)
        try await user.shell("diff -r --no-dereference '\(tree)' '\(back)' && test $(find '\(back)' | wc -l) = 5")
        try await user.run("add", tree, "--no-copy", code: 12)
        let entries = try await user.json("ls", folder.cid.text ?? "").entries
        #expect(
            entries[0].name[dynamicMember: "/"].bytes.text == Self.base64([0x66, 0xFF]) && entries[0].target == .null
        )
        #expect(entries[1].name[dynamicMember: "/"].bytes.text == Self.base64([0x6C, 0xC0]))
        #expect(
            entries[1].target[dynamicMember: "/"].bytes.text == Self.base64([0x66, 0xFF])
                && entries[2].name.text == "ordinary"
        )
        #expect(try await user.run("ls", folder.cid.text ?? "").text.contains(#"l\xC0 -> f\xFF"#))
        // As a value of the data model such a directory does not exist; as a node it is written again as it is.
        let refused = try await user.run("dag", "get", root, code: 12)
        #expect(refused.errorText.contains("--output-codec dag-pb") && refused.errorText.contains(#"d\xE4"#))
        let node = [UInt8](try await user.run("dag", "get", root, "--output-codec", "dag-pb").output)
        let words = ["dag", "put", "-", "-q", "--input-codec", "dag-pb", "--store-codec"]
        #expect(try await user.attempt(words + ["dag-pb"], input: node).text == root + "\n")
        #expect(try await user.attempt(words + ["dag-cbor"], input: node).code == 12)
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("=", with: "")
    }

    @Test func namesThatNoFileCanHaveAreNotWritten() async throws {
        let user = try await User.ready()
        let leaf = try await user.add([1])
        for name in [String(repeating: "n", count: 256), "a/b", "..", ".", ""] {
            let text =
                #"{"Data":{"/":{"bytes":"CAE"}},"Links":[{"Hash":{"/":"\#(leaf)"},"Name":"\#(name)","Tsize":1}]}"#
            let put = try await user.run("dag", "put", "-", "-q", "--store-codec", "dag-pb", input: Array(text.utf8))
            let root = put.text.trimmingCharacters(in: .whitespacesAndNewlines)
            try await user.run("get", root, "-o", user.folder + "/out", code: name.utf8.count > 255 ? 8 : 12)
            #expect(!FileManager.default.fileExists(atPath: user.folder + "/out"))
        }
    }

    @Test func permissionsAndTimesComeBack() async throws {
        let user = try await User.ready()
        let (tree, back) = (user.folder + "/tree", user.folder + "/back")
        try await user.shell(
            """
            mkdir -p "\(tree)/inner" && cd "\(tree)" && printf 1 > a && printf 2 > inner/b && ln -s a link && \
            chmod 640 a && chmod 4751 inner/b && chmod 550 inner && touch -h -d @1500000000.25 a inner/b link && \
            touch -d @1400000000 inner .
            """
        )
        let root = try await user.run("add", tree, "-Q", "--preserve-mode", "--preserve-mtime").text
        try await user.run("get", root.trimmingCharacters(in: .whitespacesAndNewlines), "-o", back)
        // Nobody gets to run what others made as somebody else.
        try await user.shell("chmod 751 '\(tree)/inner/b'")
        let list = "find . -printf '%P %y %m %T@\n' | sort"
        let before = try await user.shell("cd '\(tree)' && " + list)
        #expect(try await user.shell("cd '\(back)' && " + list) == before)
    }

    /// What Kubo does with a link that is named; people who want the content are told how to get it.
    @Test(arguments: ["--dereference-args", "--dereference-symlinks"])
    func namedLinksAreAddedAsLinksUnlessToldOtherwise(option: String) async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(1000))
        let link = user.folder + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "file")
        let added = try await user.run("add", link, "--json")
        #expect(added.errorText.contains("--dereference-args"))
        let cid = try await user.run("add", link, "-nQ").text.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(cid != root)
        try await user.run("get", cid, "-o", user.folder + "/back")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: user.folder + "/back") == "file")
        #expect(try await user.run("add", link, "-Q", option).text == root + "\n")
        // Two links that lead back double at each level.
        let loops = user.folder + "/loops"
        try await user.shell("mkdir '\(loops)' && cd '\(loops)' && ln -s . one && ln -s ../loops two")
        try await user.run("add", loops, "-Q", option, code: option == "--dereference-args" ? 0 : 2)
    }

    @Test(arguments: [(0, 500), (0, 250), (50, 100), (150, 20), (99, 2), (250, 300), (300, 10), (0, 0)])
    func aRangeIsOneOfAllFilesTogether(offset: Int, length: Int) async throws {
        let user = try await User.ready()
        let parts = [sampleBytes(100, seed: 1), sampleBytes(100, seed: 2), sampleBytes(100, seed: 3)]
        var roots: [String] = []
        for part in parts { roots.append(try await user.add(part)) }
        let whole = parts.flatMap { $0 }
        let result = try await user.attempt(["cat", "-o", "\(offset)", "-l", "\(length)"] + roots)
        #expect(result.code == 0 && result.output == Data(whole.dropFirst(offset).prefix(length)))
    }

    /// Whoever takes content from the output never takes a failure for it.
    @Test(arguments: [("cat", true), ("dag export", true), ("ls", false)])
    func aFailureIsNoContent(_ command: String, _ writesContent: Bool) async throws {
        let user = try await User.ready()
        let words = command.split(separator: " ").map(String.init)
        let absent = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
        let failed = try await user.attempt(words + [absent, "--json"])
        #expect(failed.code == 4 && failed.output.isEmpty == writesContent)
        let line = writesContent ? failed.errorText.split(separator: "\n").last.map(String.init) : failed.text
        #expect(try Answer.parse(line ?? "").error.kind == .text("notFound"))
    }

    @Test func damagedArchivesAreNamedAndChangeNothing() async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(3 << 20))
        let path = user.folder + "/x.car"
        try await user.run("dag", "export", root, "-o", path)
        let whole = try Data(contentsOf: URL(filePath: path))
        var flipped = whole
        flipped[whole.count / 2] ^= 1
        // What follows a section without a CID is still looked at.
        var nameless = whole
        let leaf = try #require(whole.range(of: Data([0x01, 0x55, 0x12, 0x20]), in: 200..<whole.count))
        nameless[leaf.lowerBound] = 9
        try nameless.write(to: URL(filePath: path))
        let found = try await user.json("car", "verify", path, code: 10).archives[0]
        #expect(found.problems.items.map(\.kind.text) == ["malformed", "missing"])
        #expect(found.problems[0].offset.int == leaf.lowerBound - 3 && found.blocks.int == 3)
        let cases = [
            (flipped, "wrongHash"), (whole.dropLast(5), "truncated"), (whole + [0], "emptySection"),
            (nameless, "malformed"),
        ]
        for (bytes, kind) in cases {
            try Data(bytes).write(to: URL(filePath: path))
            let report = try await user.json("car", "verify", path, code: 10)
            #expect(report.archives[0].problems.items.contains { $0.kind.text == kind }, "\(kind)")
            let other = try await User.ready(kind)
            try await other.run("dag", "import", path, code: 10)
            #expect(try await other.json("store", "stat").blocks == .number(0))
        }
    }

    @Test func valuesGoInAndOutInAllCodecs() async throws {
        let user = try await User.ready()
        let leaf = try await user.add(Array("leaf".utf8))
        let text = #"{"a":[1,{"/":"\#(leaf)"}],"b":{"/":{"bytes":"AQI"}}}"#
        let put = try await user.run("dag", "put", "-", "-q", "--pin", input: Array(text.utf8))
        let root = put.text.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try await user.run("dag", "get", root).text == text)
        #expect(try await user.run("dag", "get", root + "/a/0").text == "1")
        #expect(try await user.run("dag", "resolve", root + "/a/1", "-q").text == leaf + "\n")
        #expect(try await user.run("dag", "resolve", root + "/b").text == root + "/b\n")
        try await user.run("dag", "get", root + "/c", code: 4)
        let block = try await user.run("block", "get", root).output
        let again = try await user.run("block", "put", "-", "-q", "--cid-codec", "dag-cbor", input: Array(block))
        #expect(again.text == put.text)
        #expect(try await user.run("block", "stat", root, "-q").text == "\(block.count)\n")
        try await user.run("dag", "put", "-", code: 10, input: Array("{".utf8))
        try await user.run("block", "put", "-", code: 8, input: [UInt8](repeating: 0, count: (2 << 20) + 1))
    }

    /// What Kubo's `cid format` writes for the same words (its source, core/commands/cid.go).
    @Test func cidsAreWrittenInOtherForms() async throws {
        let user = try User()
        let old = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
        let new = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
        let key = "k51qzi5uqu5dj16qyiq0tajolkojyl9qdkr254920wxv7ghtuwcz593tp69z9m"
        let upper = "BAFYBEICZSSCDSBS7FFQZ55ASQDF3SMV6KLCW3GOFSZVWLYARCI47BGF354"
        let (base58, base36) = (
            try await user.run("cid", "format", "-b", "base58btc", old).text,
            try await user.run("cid", "format", "-b", "base36", old).text
        )
        #expect(base58.hasPrefix("zdj7") && base36.hasPrefix("k2jmt"))
        let cases: [([String], String)] = [
            (["base32", old], new), (["base32", base36], new), (["base32", upper], new),
            // A CID keeps its base, its version and its codec, where nothing else is said.
            (["format", old], old), (["format", new], new), (["format", key], key), (["format", upper], upper),
            (["format", "--codec", "dag-pb", old], old), (["format", "-v", "0", new], old),
            (["format", "-v", "0", old], old),
            // Version 1 of a CID in base58btc stays in that; another base makes it version 1.
            (["format", "-v", "1", old], base58), (["format", "-b", "base32", old], new),
            (["format", "-v", "1", "-b", "base32", old], new), (["format", "-b", "base58btc", new], base58),
            // To this command -v is no --verbose, as in Kubo.
            (["format", "-v", "1", "-b", "base36", old], base36), (["format", "-v", "0", "-b", "base58btc", new], old),
            (["format", "-f", "%P", old], "cidv0-dag-pb-sha2-256-32"), (["format", "-f", "%b %B", key], "base36 k"),
            (["format", "-f", "%b", "--codec", "raw", old], "base58btc"), (["format", "-f", "%c", key], "libp2p-key"),
            (["format", "--codec", "cbor", "-f", "%c", new], "cbor"),
        ]
        for (words, text) in cases {
            let result = try await user.attempt(["cid"] + words.map { $0.trimmingCharacters(in: .newlines) })
            #expect(result.code == 0 && result.text == text.trimmingCharacters(in: .newlines) + "\n", "\(words)")
        }
        #expect(try await user.json("cid", "info", old).cid_v1.text == new)
        try await user.run("cid", "info", "nonsense", code: 2)
    }

    @Test func oneBadCIDKeepsNoOtherFromBeingWritten() async throws {
        let user = try User()
        let old = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
        let new = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
        for words in [["cid", "format"], ["cid", "base32"]] {
            let result = try await user.attempt(words + [old, "nonsense", new])
            #expect(
                result.code == 6 && result.text.split(separator: "\n").count == 2
                    && result.errorText.contains("nonsense")
            )
            // On standard input too.
            let piped = try await user.attempt(words, input: Array("\(old)\nnonsense\n\n\(new)\n".utf8))
            #expect(piped.code == 6 && piped.text == result.text)
            #expect(try await user.attempt(words + ["nonsense", "rubbish"]).code == 2)
        }
        // One that has no version 0 is a bad one; what is wrong with the format is wrong for all.
        let leaf = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
        let answer = try await user.json("cid", "format", "-v", "0", leaf, new, code: 6)
        #expect(
            answer.cids[0].formatted == .null && answer.cids[0].given.text == leaf
                && answer.cids[1].formatted.text == old
        )
        for words in [
            ["-f", "%q"], ["-f", "none"], ["-f", "%"], ["-v", "2"], ["-b", "base7"], ["-v", "0", "-b", "base32"],
            ["-v", "0", "--codec", "raw"], ["--codec", "nonsense"],
        ] {
            let result = try await user.attempt(["cid", "format", new, old] + words)
            #expect(result.code == 2 && result.text.isEmpty, "\(words)")
        }
    }

    @Test func collectionKeepsPinsAndNothingElse() async throws {
        let user = try await User.ready()
        let kept = try await user.add(sampleBytes(2 << 20), name: "kept")
        let lost = try await user.add(sampleBytes(5 << 20).reversed(), name: "lost")
        try await user.run("gc", "--waste", "0")
        #expect(try await user.run("cat", lost).output.count == 5 << 20)
        try await user.run("pin", "rm", lost)
        let would = try await user.json("gc", "--dry-run")
        #expect(would.packs_rewritten == .number(1))
        try await user.run("cat", lost)
        try await user.run("gc")
        try await user.run("cat", lost, code: 4)
        let before = try await user.run("cat", kept).output
        try await user.run("store", "verify")
        try await user.run("store", "rebuild-index")
        let after = try await user.run("cat", kept).output
        #expect(before == Data(sampleBytes(2 << 20)) && after == before)
    }
}
