import Foundation
import IPLD
import Multiformats
import Samples
import TestKit
import Testing

/// Commands take no more than 16 × the time of a processor for 8 × the content, whatever it is made of.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct GrowthTests {
    /// Content that is put into a store, and commands over it; ROOT is its CID, FILE the archive that it came in.
    struct Shape: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let commands: [String]
        /// Blocks, the root first, for a size.
        let blocks: @Sendable (Int) throws -> [Block]
    }

    private static let usual = ["car verify -q FILE", "car inspect -q FILE", "dag import -q FILE", "dag stat -q ROOT"]

    static let shapes: [Shape] = [
        Shape(testDescription: "a list of dag-json", commands: usual + ["dag get ROOT", "dag resolve ROOT/3"]) { size in
            [Block(codec: .dagJSON, bytes: Array(("[" + String(repeating: "0,", count: size) + "0]").utf8))]
        },
        Shape(testDescription: "a map of dag-cbor", commands: usual + ["dag get ROOT"]) { size in
            let entries = (0..<size / 4).map { Node.Entry("key \($0)", .integer(1)) }
            return [Block(codec: .dagCBOR, bytes: try Node.map(entries).cbor())]
        },
        Shape(testDescription: "links to one block", commands: usual) { size in
            let leaf = Block(codec: .raw, bytes: [1])
            let links = [Node](repeating: .link(leaf.cid), count: size / 8)
            return [Block(codec: .dagCBOR, bytes: try Node.list(links).cbor()), leaf]
        },
        Shape(
            testDescription: "a large directory",
            commands: usual + ["ls ROOT --json", "ls ROOT", "get -q ROOT/name-7 -o OUT", "dag get ROOT"]
        ) { try directory($0, .disabled) },
        Shape(
            testDescription: "a sharded directory",
            commands: usual + ["ls ROOT --json", "get -q ROOT/name-7 -o OUT", "car extract -q FILE -o OUT"]
        ) { try directory($0, .links) },
        Shape(
            testDescription: "a file of many small leaves",
            commands: usual + ["cat ROOT", "cat -o 100 -l 10 ROOT", "car extract -q FILE -o OUT", "get -q ROOT -o OUT"]
        ) { size in
            var profile = ImportProfile.unixfsV1_2025
            profile.chunker = .size(3)
            profile.maxFileLinks = size
            var builder = FileBuilder(profile: profile)
            var blocks: [Block] = []
            builder.append(content: sampleBytes(size / 8)) { blocks.append($0) }
            _ = builder.finish { blocks.append($0) }
            return blocks.reversed()
        },
        Shape(testDescription: "very many small blocks", commands: usual + ["car convert -q FILE -o OUT"]) { size in
            let leaves = (0..<size / 32).map { Block(codec: .raw, bytes: Array("\($0)".utf8)) }
            return [Block(codec: .dagCBOR, bytes: try Node.list(leaves.map { .link($0.cid) }).cbor())] + leaves
        },
    ]

    private static func directory(_ size: Int, _ estimate: ImportProfile.Sharding.Estimate) throws -> [Block] {
        var profile = ImportProfile.unixfsV1_2025
        profile.sharding.estimate = estimate
        profile.sharding.threshold = 10_000
        var builder = DirectoryBuilder(profile: profile)
        let leaf = Block(codec: .raw, bytes: [1])
        for number in 0..<size / 32 {
            try builder.add(name: Array("name-\(number)".utf8), cid: leaf.cid, tsize: 1)
        }
        var blocks = [leaf]
        _ = try builder.build { (block) throws(DecodingProblem) in blocks.append(block) }
        return blocks.reversed()
    }

    /// The times of all commands of a shape.
    private static func times(_ shape: Shape, _ size: Int, _ turn: Int) async throws -> [Double] {
        let user = try await User.ready("\(size)-\(turn)")
        let blocks = try shape.blocks(size)
        let root = try #require(blocks.first).cid
        let path = try ArchiveVerdictTests.archive(blocks, roots: [root], "\(size).car")
        try await user.run("dag", "import", path)
        var times: [Double] = []
        for (number, command) in shape.commands.enumerated() {
            let words = command.replacing("ROOT", with: "\(root)").replacing("FILE", with: path)
                .replacing("OUT", with: "\(user.folder)/out-\(number)")
            times.append(try await CommandTime.of(words.split(separator: " ").map(String.init), user))
        }
        return times
    }

    @Test(arguments: shapes)
    func commandsTakeLinearTime(shape: Shape) async throws {
        let size = 1 << 17
        var (small, large) = (try await Self.times(shape, size, 1), try await Self.times(shape, 8 * size, 1))
        // What else the machine does costs time of the system too: the better of two tries counts.
        if !zip(small, large).allSatisfy({ CommandTime.isLinear(small: $0, large: $1) }) {
            large = zip(large, try await Self.times(shape, 8 * size, 2)).map { min($0, $1) }
            small = zip(small, try await Self.times(shape, size, 2)).map { max($0, $1) }
        }
        for (command, (small, large)) in zip(shape.commands, zip(small, large)) {
            #expect(CommandTime.isLinear(small: small, large: large), "\(command): \(small) s, \(large) s")
        }
    }

    @Test func addingManyEntriesTakesLinearTime() async throws {
        func time(_ count: Int) async throws -> Double {
            let user = try await User.ready("\(count)")
            try await user.shell("mkdir '\(user.folder)/t' && cd '\(user.folder)/t' && seq \(count) | xargs touch")
            return try await CommandTime.of(["add", "-q", user.folder + "/t"], user)
        }
        #expect(try await CommandTime.isLinear(small: time(1000), large: time(8000)))
    }
}
