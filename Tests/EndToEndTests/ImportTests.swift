import Foundation
import IPLD
import Multiformats
import Samples
import TestKit
import Testing

/// What an import says of what it did, and of what it did not do.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct ImportTests {
    private static let leaves = (0..<3).map { Block(codec: .raw, bytes: [UInt8](repeating: $0, count: 9)) }
    private static let node = Block(codec: .dagCBOR, bytes: (try? Node.list(leaves.map { .link($0.cid) }).cbor()) ?? [])

    private static func archive(_ blocks: [Block], roots: [Block], _ name: String = "a.car") throws -> String {
        try ArchiveVerdictTests.archive(blocks, roots: roots.map(\.cid), name)
    }

    @Test func whatIsWholeIsPinnedAndWhatIsNotIsNamed() async throws {
        let user = try await User.ready()
        let path = try Self.archive([Self.node, Self.leaves[0]], roots: [Self.leaves[0], Self.node, Self.leaves[2]])
        let result = try await user.attempt(["dag", "import", path, "--json"])
        #expect(result.code == 6)
        for word in [path, "\(Self.node.cid)", "\(Self.leaves[1].cid)", "--no-pin-roots"] {
            #expect(result.errorText.contains(word), "\(word): \(result.errorText)")
        }
        #expect(!result.errorText.contains("restore"))
        let answer = try Answer.parse(result.text)
        #expect(answer.blocks.int == 2 && answer.pinned.flag == false && answer.files[0].imported.flag == true)
        #expect(answer.pins.items.map(\.pinned.flag) == [true, false, false])
        #expect(answer.pins.items.map(\.missing_block.text) == [nil, "\(Self.leaves[1].cid)", "\(Self.leaves[2].cid)"])
        #expect(answer.pins[1].error.code.int == 4 && answer.pins[1].file.text == path)
        #expect(try await user.pins() == ["\(Self.leaves[0].cid)"])
        // A part on purpose.
        try await user.run("dag", "import", path, "--no-pin-roots")
        // What was missing comes with another file: only all of them together are looked at.
        let rest = try Self.archive(Array(Self.leaves.dropFirst()), roots: [], "rest.car")
        #expect(try await user.json("dag", "import", path, rest).pinned.flag == true)
        #expect(try await user.pins().count == 3)
    }

    /// The same cause ends an import with the same code, whatever else is in the archive.
    @Test(
        arguments: [
            ("missing", 4), ("malformed", 10), ("git-raw", 12), ("content above 128 bytes in a CID", 12),
            ("nested too deep", 8),
        ]
    )
    func aRootThatIsNotWholeEndsWithItsCause(cause: String, code: Int) async throws {
        let user = try await User.ready()
        let root =
            switch cause {
            case "missing": Self.node
            case "malformed": Block(codec: .dagCBOR, bytes: [0xBF, 0x61, 0x61, 1, 0xFF])
            case "git-raw": Block(codec: Codec(rawValue: 0x78), bytes: Array("blob 1\0x".utf8))
            case "nested too deep": Block(codec: .dagCBOR, bytes: [UInt8](repeating: 0x81, count: 1100) + [0])
            default:
                Block(
                    codec: .dagCBOR,
                    bytes: try Node.link(
                        CID.v1(.raw, Multihash(code: .identity, digest: [UInt8](repeating: 1, count: 129)))
                    ).cbor()
                )
            }
        let alone = try Self.archive([root], roots: [root])
        let result = try await user.attempt(["dag", "import", alone])
        #expect(result.code == code && result.errorText.contains("ipfs-kit: "), "\(result.errorText)")
        #expect(try await user.pins().isEmpty)
        // Its blocks are there, and no other command promises what this one did not.
        try await user.run("block", "get", "\(root.cid)")
        for words in [["pin", "add"], ["dag", "stat"], ["dag", "export", "-o", Scratch.current + "/x.car"]] {
            #expect(try await user.attempt(words + ["\(root.cid)"]).code == code, "\(words)")
        }
        let verified = try await user.attempt(["car", "verify", alone]).code
        #expect(verified == (cause == "missing" ? 10 : code))
        let beside = try Self.archive([root, Self.leaves[0]], roots: [root, Self.leaves[0]], "beside.car")
        #expect(try await user.attempt(["dag", "import", beside]).code == 6)
        #expect(try await user.pins() == ["\(Self.leaves[0].cid)"])
    }

    @Test func oneDamagedFileKeepsNoOtherFromBeingImported() async throws {
        let user = try await User.ready()
        let good = try Self.archive([Self.leaves[0]], roots: [Self.leaves[0]], "good.car")
        let flipped = try Self.archive(
            [Block(cid: Self.leaves[1].cid, bytes: [9])],
            roots: [Self.leaves[1]],
            "flipped.car"
        )
        let other = try Self.archive([Self.leaves[2]], roots: [Self.leaves[2]], "other.car")
        let answer = try await user.json("dag", "import", good, flipped, Scratch.current + "/nowhere", other, code: 6)
        #expect(answer.files.items.map(\.imported.flag) == [true, false, false, true])
        #expect(answer.files.items.map(\.error.code.int) == [nil, 10, 4, nil])
        #expect(try await user.pins().count == 2)
        try await user.run("dag", "import", flipped, flipped, code: 10)
        #expect(try await user.attempt(["block", "get", "\(Self.leaves[1].cid)"]).code == 4)
    }

    @Test func whatIsNoFileIsReadToo() async throws {
        let user = try await User.ready()
        let path = try Self.archive([Self.node] + Self.leaves, roots: [Self.node])
        let kit = try #require(Programs.kit).path
        let home = "IPFS_KIT_HOME='\(user.home)' '\(kit)'"
        try await user.shell(
            """
            set -e; cd '\(Scratch.current)'; mkfifo pipe; cat '\(path)' > pipe & \(home) dag import -q pipe
            cat '\(path)' | \(home) car verify -q /dev/stdin; cat '\(path)' | \(home) car convert -q - -o v2
            cat v2 > pipe & \(home) car verify -q pipe; cat '\(path)' | \(home) car join -q - -o joined
            cmp joined '\(path)'; printf '{"a":1}' | \(home) dag put -q /dev/stdin; \(home) block put -q - < '\(path)'
            cat '\(path)' > pipe & \(home) car extract --path '\(Self.leaves[0].cid)' pipe -o leaf
            test $(wc -c < leaf) = 9
            """
        )
        #expect(try await user.pins() == ["\(Self.node.cid)"])
    }

    /// A chain in which each block is a root would cost the square of its length if each were walked for itself.
    @Test func archivesThatNameAllTheirBlocksAsRootsTakeLinearTime() async throws {
        func time(_ count: Int) async throws -> Double {
            let user = try await User.ready("chain \(count)")
            var blocks = [Block(codec: .raw, bytes: [0])]
            for _ in 0..<count {
                let link = Node.link(blocks[blocks.count - 1].cid)
                blocks.append(Block(codec: .dagCBOR, bytes: try Node.list([link, link]).cbor()))
            }
            let path = try Self.archive(blocks.reversed(), roots: blocks)
            return try await CommandTime.of(["dag", "import", "-q", path], user)
        }
        #expect(try await CommandTime.isLinear(small: time(1000), large: time(8000)))
    }
}
