import Foundation
import Samples
import TestKit
import Testing

/// Archives that are taken apart, put together, and written in their other form.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct ArchiveTests {
    /// A user with an archive of a tree and of three megabytes, and its bytes.
    private static func archive(_ name: String = "user") async throws -> (user: User, path: String, bytes: Data) {
        let user = try await User.ready(name)
        try Trees.make(at: user.folder + "/tree")
        try Data(sampleBytes(3 << 20)).write(to: URL(filePath: user.folder + "/tree/large"))
        let path = user.folder + "/a.car"
        try await user.run("car", "create", user.folder + "/tree", "-o", path)
        return (user, path, try Data(contentsOf: URL(filePath: path)))
    }

    private static func files(_ user: User) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: user.folder).filter { $0 != "ipfs-kit" }.sorted()
    }

    @Test func shardsBecomeTheOriginalAgain() async throws {
        let (user, path, bytes) = try await Self.archive()
        let answer = try await user.json("car", "split", path, "--size", "1200KiB")
        let shards = answer.shards.items.compactMap(\.path.text)
        #expect(shards.count > 3 && shards == (1...shards.count).map { user.folder + "/a-0000\($0).car" })
        for (number, shard) in shards.enumerated() {
            #expect(try Data(contentsOf: URL(filePath: shard)).count <= 1200 << 10)
            // The first part lacks what its root leads to; the root of the others leads to nothing.
            let report = try await user.json("car", "inspect", shard, code: number == 0 ? 10 : 0).archives[0]
            #expect(report.version == .number(1) && report.roots.items.count == 1)
        }
        let joined = user.folder + "/joined.car"
        let result = try await user.attempt(["car", "join"] + shards + ["-o", joined])
        #expect(result.code == 0, "\(result.errorText)")
        #expect(try Data(contentsOf: URL(filePath: joined)) == bytes)
        // In another order, with one of them twice, all is there too, and every block once.
        let other = user.folder + "/other.car"
        let turned = shards.reversed() + shards.prefix(1)
        let report = try await user.attempt(["car", "join"] + turned + ["-o", other, "--json"])
        #expect(try Answer.parse(report.text).blocks == answer.blocks, "\(report.errorText)")
        #expect(try await user.json("car", "verify", other).archives[0].whole == .flag(true))
        // The store takes all of them at once, whatever the order.
        let imported = try await user.attempt(["dag", "import"] + turned)
        #expect(imported.code == 0, "\(imported.errorText)")
        let root = try #require(answer.roots[0].text)
        #expect(try await user.run("dag", "export", root).output == bytes)
    }

    @Test func versionsBecomeOneAnother() async throws {
        let (user, path, bytes) = try await Self.archive()
        for index in ["multihash-sorted", "sorted", "none"] {
            let (two, one) = (user.folder + "/\(index).2", user.folder + "/\(index).1")
            try await user.run("car", "convert", path, "-o", two, "--index", index)
            let report = try await user.json("car", "verify", two).archives[0]
            #expect(report.version == .number(2) && report.whole == .flag(true))
            #expect(report.has_index == .flag(index != "none"))
            try await user.run("car", "convert", two, "-o", one, "--car-version", "1")
            #expect(try Data(contentsOf: URL(filePath: one)) == bytes)
            // The index inside is the one that stands alone.
            guard index != "none" else { continue }
            try await user.run("car", "index", path, "--format", index)
            let alone = try Data(contentsOf: URL(filePath: path + ".idx"))
            #expect(try Data(contentsOf: URL(filePath: two)).dropFirst(51 + bytes.count) == alone)
            try await user.run("car", "index", two, "--format", index, "-o", user.folder + "/again.idx")
            #expect(try Data(contentsOf: URL(filePath: user.folder + "/again.idx")) == alone)
            for name in [path + ".idx", user.folder + "/again.idx"] { try FileManager.default.removeItem(atPath: name) }
        }
        let piped = try await user.attempt(
            ["car", "convert", "-", "-o", user.folder + "/piped", "--index", "none"],
            input: Array(bytes)
        )
        #expect(piped.code == 0, "\(piped.errorText)")
        let wrapped = try Data(contentsOf: URL(filePath: user.folder + "/none.2"))
        #expect(try Data(contentsOf: URL(filePath: user.folder + "/piped")) == wrapped)
    }

    @Test func whatFailsLeavesNothing() async throws {
        let (user, path, bytes) = try await Self.archive()
        var flipped = bytes
        flipped[bytes.count - 100] ^= 1
        let bad = user.folder + "/bad.car"
        try flipped.write(to: URL(filePath: bad))
        try bytes.dropLast(3).write(to: URL(filePath: user.folder + "/short.car"))
        let stranger = user.folder + "/stranger.car"
        try Data("else".utf8).write(to: URL(filePath: user.folder + "/else"))
        try await user.run("car", "create", user.folder + "/else", "-o", stranger)
        let before = try Self.files(user)
        for name in [bad, user.folder + "/short.car"] {
            try await user.run("car", "split", name, "--size", "1200KiB", code: 10)
            try await user.run("car", "convert", name, "-o", user.folder + "/x", code: 10)
            try await user.run("car", "index", name, code: 10)
            try await user.run("car", "join", path, name, "-o", user.folder + "/x", code: 10)
        }
        try await user.run("car", "split", path, "--size", "1MiB", code: 8)
        try await user.run("car", "split", path, "--size", "10", code: 8)
        try await user.run("car", "split", "-", code: 2)
        try await user.run("car", "join", path, stranger, "-o", user.folder + "/x", code: 10)
        try await user.run("car", "join", path, "-o", path, code: 12)
        try await user.run("car", "split", user.folder + "/none.car", code: 4)
        #expect(try Self.files(user) == before)
        #expect(try Data(contentsOf: URL(filePath: path)) == bytes)
    }
}
