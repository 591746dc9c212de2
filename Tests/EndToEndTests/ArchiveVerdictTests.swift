import Foundation
import IPLD
import Multiformats
import TestKit
import Testing

/// What `car verify` and its likes say of archives that are not what they look like.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct ArchiveVerdictTests {
    static let leaf = Block(codec: .raw, bytes: Array("leaf".utf8))
    static let node = Block(codec: .dagCBOR, bytes: (try? Node.list([.link(leaf.cid)]).cbor()) ?? [])

    /// An archive of version 1 in a file.
    static func archive(_ blocks: [Block], roots: [CID], _ name: String = "a.car", tail: [UInt8] = []) throws -> String
    {
        let bytes = blocks.reduce(CARHeader(roots: roots).encoded) {
            $0 + CARSection.prefix(for: $1.cid, length: $1.bytes.count) + $1.bytes
        }
        let path = Scratch.current + "/" + name
        try write(bytes + tail, to: path)
        return path
    }

    @Test func oneTruncationIsOneProblem() async throws {
        let user = try User()
        let whole = try bytes(at: Self.archive([Self.node, Self.leaf], roots: [Self.node.cid]))
        let path = Scratch.current + "/cut.car"
        for length in [0, 5, whole.count - 1] {
            try write(Array(whole.prefix(length)), to: path)
            for command in ["verify", "inspect"] {
                let found = try await user.json("car", command, path, code: 10).archives[0]
                #expect(found.problem_counts.truncated.int == 1, "\(length)")
                // What is missing is told beside it, where the header says what should be there.
                #expect(found.problem_counts.missing.int == (length > 50 ? 1 : nil), "\(length)")
            }
        }
    }

    @Test func aLinkThatNobodyCanReadIsNotWhole() async throws {
        let user = try await User.ready()
        let strange = Block(codec: Codec(rawValue: 0x85), bytes: [0xA0])
        let root = Block(codec: .dagCBOR, bytes: try Node.list([.link(strange.cid)]).cbor())
        let path = try Self.archive([root, strange], roots: [root.cid])
        let found = try await user.json("car", "verify", path, code: 12).archives[0]
        #expect(found.whole.flag == false && found.problem_counts.unsupported.int == 1)
        #expect(found.problems[0].cid.text == strange.cid.description)
        // The same is true of a copy on a backend, of which nobody may say that it is whole.
        let disk = try await user.createDisk("disk")
        try FileManager.default.createDirectory(atPath: disk + "/cars", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: path, toPath: "\(disk)/cars/\(root.cid).car")
        try await user.run("backend", "pin", "add", "disk", "\(root.cid)", "cars/\(root.cid).car")
        #expect(try await user.attempt(["verify"]).code != 0)
        #expect(try await user.json("whereis", "\(root.cid)").mappings[0].status != .text("stored"))
    }

    /// A block that stands under raw alone, and that the root leads to as a node.
    @Test(arguments: [true, false])
    func aBlockUnderAnotherCodecIsFollowed(parentsFirst: Bool) async throws {
        let user = try await User.ready()
        let root = Block(codec: .dagCBOR, bytes: try Node.list([.link(Self.node.cid)]).cbor())
        let asRaw = Block(codec: .raw, bytes: Self.node.bytes)
        for (name, rest, isWhole) in [("whole", [asRaw, Self.leaf], true), ("part", [asRaw], false)] {
            let blocks = parentsFirst ? [root] + rest : rest + [root]
            let path = try Self.archive(blocks, roots: [root.cid], "\(name).car")
            let found = try await user.json("car", "verify", path, code: isWhole ? 0 : 10).archives[0]
            #expect(found.whole.flag == isWhole && found.problem_counts.missing.int == (isWhole ? nil : 1))
            // Standard input is read once: what it did not see, it does not say.
            let piped = try await user.attempt(["car", "verify", "-"], input: bytes(at: path))
            #expect(piped.code == (parentsFirst ? (isWhole ? 0 : 10) : 12), "\(piped.text)")
        }
        let disk = try await user.createDisk("disk")
        try FileManager.default.createDirectory(atPath: disk + "/cars", withIntermediateDirectories: true)
        let place = "cars/\(root.cid).car"
        try FileManager.default.copyItem(atPath: Scratch.current + "/part.car", toPath: "\(disk)/\(place)")
        try await user.run("backend", "pin", "add", "disk", "\(root.cid)", place)
        #expect(try await user.attempt(["verify"]).code != 0)
        #expect(try await user.json("whereis", "\(root.cid)").mappings[0].status != .text("stored"))
    }

    @Test func theIndexOfAnArchiveIsChecked() async throws {
        let user = try User()
        let blocks = (0..<20).map { Block(codec: .raw, bytes: [$0]) }
        let path = try Self.archive(blocks, roots: [blocks[0].cid])
        for format in ["sorted", "multihash-sorted"] {
            let indexed = "\(Scratch.current)/\(format).car"
            try await user.run("car", "convert", path, "-o", indexed, "--index", format)
            try await user.run("car", "verify", indexed)
            var whole = try bytes(at: indexed)
            // The last entry leads one byte too far.
            whole[whole.count - 8] += 1
            try write(whole, to: indexed)
            let found = try await user.json("car", "verify", indexed, code: 10).archives[0]
            #expect(found.problem_counts.badIndex.int == 2 && found.has_index.flag == true, "\(found)")
            try write(whole.dropLast(20), to: indexed)
            let cut = try await user.json("car", "verify", indexed, code: 10).archives[0]
            #expect(cut.problem_counts.truncated.int == 1, "\(cut)")
        }
    }

    @Test func zerosBehindAnArchiveAreTakenByEveryCommandThatIsToldSo() async throws {
        let user = try await User.ready()
        let zeros = [UInt8](repeating: 0, count: 100_000)
        let path = try Self.archive([Self.leaf], roots: [Self.leaf.cid], tail: zeros)
        let flag = "--zero-length-section-as-eof"
        let commands = [
            ("car verify", nil), ("car inspect", nil), ("dag import", nil), ("car extract", "extracted"),
            ("car convert", "v2"), ("car split", "shards"), ("car join", "joined"), ("car index", "index"),
        ]
        for (command, name) in commands {
            let output = name.map { ["-o", "\(Scratch.current)/\($0)"] } ?? []
            let words = command.split(separator: " ").map(String.init) + [path] + output
            #expect(try await user.attempt(words).code == 10, "\(command)")
            let result = try await user.attempt(words + [flag])
            #expect(result.code == 0, "\(command): \(result.text)\(result.errorText)")
        }
        try write(try bytes(at: path) + [1], to: path)
        try await user.run("car", "verify", path, flag, code: 10)
    }

    @Test func oneArchiveThatCannotBeReadKeepsNoOtherFromBeingLookedAt() async throws {
        let user = try User()
        let good = try Self.archive([Self.leaf], roots: [Self.leaf.cid])
        let found = try await user.json("car", "verify", Scratch.current + "/nowhere", good, code: 4).archives
        #expect(found[0].whole.flag == false && found[0].error.code.int == 4 && found[1].whole.flag == true)
    }

    @Test func aHeaderWithItsKeysInAnotherOrderIsRead() async throws {
        let user = try await User.ready()
        let body =
            [0xA2, 0x67] + Array("version".utf8) + [1, 0x65] + Array("roots".utf8) + [0x81]
            + (try Node.link(Self.leaf.cid).cbor())
        let section = CARSection.prefix(for: Self.leaf.cid, length: Self.leaf.bytes.count) + Self.leaf.bytes
        let path = Scratch.current + "/turned.car"
        try write([UInt8(body.count)] + body + section, to: path)
        try await user.run("car", "verify", path)
        try await user.run("dag", "import", path)
        #expect(try await user.pins() == ["\(Self.leaf.cid)"])
    }
}
