import Foundation
import IPLD
import Multiformats
import TestKit
import Testing

/// Every command of content ends with the same code for the same cause.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct ExitCodeTests {
    /// Commands that read an archive, without its name; each writes to `OUT`.
    private static let readers = [
        "car verify", "car inspect", "dag import", "dag import --no-pin-roots", "car convert -o OUT",
        "car split -o OUT",
        "car join -o OUT", "car index -o OUT", "car extract -o OUT",
    ]

    private static func run(_ user: User, _ command: String, _ words: String...) async throws -> Int {
        let output = "\(Scratch.current)/out-\(UUID().uuidString)"
        let all = command.replacing("OUT", with: output).split(separator: " ").map(String.init) + words
        return try await user.attempt(all).code
    }

    @Test func archives() async throws {
        let user = try await User.ready()
        let leaf = Block(codec: .raw, bytes: Array("leaf".utf8))
        let good = try bytes(at: ArchiveVerdictTests.archive([leaf], roots: [leaf.cid]))
        let weak = CID.v1(.raw, try Multihash(code: .sha256, digest: Array(leaf.cid.hash.digest.prefix(10))))
        let strange = CID.v1(.raw, try Multihash(code: HashCode(rawValue: 0xD5), digest: Array(leaf.cid.hash.digest)))
        let long = Block(codec: .raw, bytes: [UInt8](repeating: 0, count: Block.longest + 1))
        // What is hashed is not looked at by inspect.
        let causes: [(name: String, bytes: [UInt8], code: Int, isHash: Bool)] = [
            ("cut", Array(good.dropLast()), 10, false), ("empty", [], 10, false),
            ("page", Array("<html>not found</html>".utf8), 10, false), ("zeros", good + [0, 0], 10, false),
            ("flipped", Array(good.dropLast()) + [0], 10, true),
            ("weak", try Self.archive(weak, leaf.bytes), 12, true),
            ("strange", try Self.archive(strange, leaf.bytes), 12, true),
            ("long", try Self.archive(long.cid, long.bytes), 8, false),
        ]
        for (name, bytes, code, isHash) in causes {
            let path = "\(Scratch.current)/\(name).car"
            try write(bytes, to: path)
            for command in Self.readers {
                let ended = try await Self.run(user, command, path)
                let isUnseen = isHash && command == "car inspect"
                #expect(ended == (isUnseen ? 0 : code), "\(name): \(command)")
            }
        }
        for command in Self.readers {
            #expect(try await Self.run(user, command, Scratch.current + "/nowhere") == 4, "\(command)")
            #expect(try await Self.run(user, command, Scratch.current) == 2, "\(command)")
        }
    }

    private static func archive(_ cid: CID, _ bytes: [UInt8]) throws -> [UInt8] {
        CARHeader(roots: [cid]).encoded + CARSection.prefix(for: cid, length: bytes.count) + bytes
    }

    /// Blocks of the store that a command is to follow.
    @Test func blocks() async throws {
        let user = try await User.ready()
        let leaf = Block(codec: .raw, bytes: Array("leaf".utf8))
        let causes: [(block: Block, code: Int)] = [
            (Block(codec: .dagCBOR, bytes: [0xBF]), 10), (Block(codec: .dagPB, bytes: [0x0A, 5, 1]), 10),
            (Block(codec: .dagJSON, bytes: Array("{".utf8)), 10), (Block(codec: Codec(rawValue: 0x78), bytes: [1]), 12),
            (Block(codec: .dagCBOR, bytes: try Node.link(leaf.cid).cbor()), 4),
        ]
        for (block, code) in causes {
            let put = try await user.attempt(
                [
                    "block", "put", "-", "-q", "--cid-codec",
                    block.cid.codec.name,
                ],
                input: block.bytes
            )
            #expect(put.text == "\(block.cid)\n")
            for command in ["pin add", "dag stat", "dag export -o OUT"] {
                #expect(try await Self.run(user, command, "\(block.cid)") == code, "\(command) \(block.cid)")
            }
            // The value of a block needs nothing that is below it.
            let value = try await user.attempt(["dag", "get", "\(block.cid)"]).code
            #expect(value == (code == 4 ? 0 : code), "\(block.cid)")
            let pinned = try await user.attempt(
                ["block", "put", "-", "--pin", "--cid-codec", block.cid.codec.name],
                input: block.bytes
            )
            #expect(pinned.code == code)
        }
        for command in [
            "pin add", "dag stat", "dag export -o OUT", "dag get", "cat", "ls", "get", "block get", "block stat",
        ] {
            #expect(try await Self.run(user, command, "\(leaf.cid)") == 4, "\(command)")
            #expect(try await Self.run(user, command, "nonsense") == 2, "\(command)")
        }
    }

    /// Wrong words of a user, and limits, of commands that take content in.
    @Test(
        arguments: [
            ("add -w 1/x 2/x", 2), ("add -w -n 1/x 2/x", 2), ("car create 1/x 2/x -o OUT", 2), ("add -w - -", 2),
            ("add -w --stdin-name a/b -", 2), ("add -w --stdin-name .. -", 2), ("add -w -n /", 2), ("add nowhere", 4),
            ("add --chunker nonsense 1/x", 2), ("add --inline --inline-limit 129 1/x", 2),
            ("add --hash nonsense 1/x", 2),
            ("add --hash murmur3-x64-64 1/x", 2), ("add --profile nonsense 1/x", 2), ("add /dev/null", 2),
            ("add --max-file-links 9000000 --chunker size-2 long", 8),
            ("add -n --max-file-links 9000000 --chunker size-2 long", 8),
            ("car create --max-file-links 9000000 --chunker size-2 long -o OUT", 8),
            ("add --hash identity 1/x", 0), ("add -n --hash identity long", 8), ("block put 1", 2),
            ("block put nowhere", 4), ("block put --mhtype identity long", 8),
            ("block put --mhtype murmur3-x64-64 1/x", 2), ("block put --cid-codec nonsense 1/x", 2),
            ("block put --mhlen 10 1/x", 2), ("block put too-long", 8), ("block put --allow-big-block too-long", 8),
            ("dag put broken.json", 10), ("dag put 1", 2), ("dag put --store-codec nonsense value.json", 2),
            ("dag put --store-codec git-raw value.json", 12), ("dag put --store-codec raw value.json", 12),
            ("dag put --hash identity value.json", 0), ("dag put --hash identity long.json", 8),
            ("car create 1 -o 2/x", 12), ("car create nowhere -o OUT", 4), ("car create 1 -o nowhere/x", 4),
        ]
    )
    func words(command: String, code: Int) async throws {
        let user = try await User.ready()
        let kit = try #require(Programs.kit).path
        let script = """
            cd '\(user.folder)' && mkdir 1 2 && printf 1 > 1/x && printf 2 > 2/x && head -c 700000 /dev/urandom > long && \
            head -c 9000000 /dev/zero > too-long && printf '{' > broken.json && printf '{"a":1}' > value.json && \
            printf '"%0200d"' 0 > long.json; printf '' | IPFS_KIT_HOME='\(user.home)' '\(kit)' \
            \(command.replacing("OUT", with: "out"))
            """
        let result = try await ProcessRunner.run(URL(filePath: "/bin/sh"), ["-c", script])
        #expect(result.code == code, "\(command): \(result.text)\(result.errorText)")
        #expect(code == 0 || result.errorText.contains("ipfs-kit: "))
    }
}
