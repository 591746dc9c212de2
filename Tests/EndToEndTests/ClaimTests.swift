import Foundation
import Samples
import TestKit
import Testing

/// What somebody says of where CIDs are, one by one and as lists, and the index files that tell others of it.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct ClaimTests {
    private static let roots = [
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
        "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
        "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su",
        "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn",
    ]

    private func user() async throws -> User {
        let user = try await User.ready()
        try await user.createDisk("disk")
        return user
    }

    @Test func manyComeOnTheLinesOfAList() async throws {
        let user = try await user()
        let list = """
            \(Self.roots[0]) cars/a.car\r
            \(Self.roots[1])\tcars/b.car

              {"cid": "\(Self.roots[2])", "car_path": "cars/c.car", "name": "ünï", "size": 12}
            {"cid":"\(Self.roots[3])","car_file_path":"cars/d.car","size_bytes":null,"status":"stored","name":"",\
            "shards":[{"name":"cars/d.1-of-2.car","size_bytes":7},{"name":"cars/d.2-of-2.car","size_bytes":5}]}
            """
        let added = try await user.run("backend", "pin", "add", "disk", "-", "--json", input: Array(list.utf8))
        let answer = try Answer.parse(added.text)
        #expect(answer.added.int == 4 && answer.failed.int == 0 && answer.errors.items.isEmpty)
        let listed = try await user.json("backend", "pin", "list", "disk").mappings.items
        #expect(Set(listed.map(\.cid.text)) == Set(Self.roots))
        let third = try #require(listed.first { $0.cid.text == Self.roots[2] })
        #expect(third.name == .text("ünï") && third.size_bytes.int == 12 && third.car_file_path == .text("cars/c.car"))
        let last = try #require(listed.first { $0.cid.text == Self.roots[3] })
        #expect(last.shards.items.map(\.size_bytes.int) == [7, 5])
        // What another home says is no observation of this one.
        #expect(listed.allSatisfy { $0.status == .text("pending") })
    }

    /// A length that somebody said makes no sound copy a damaged one, and none that is anything stops a command.
    @Test func aClaimedLengthIsAWord() async throws {
        let user = try await user()
        let root = try await user.add(sampleBytes(5000))
        try await user.run("sync")
        try await user.run("backend", "pin", "remove", "disk", root)
        for size in ["10", "9223372036854775807"] {
            try await user.run("backend", "pin", "add", "disk", root, "cars/\(root).car", "--size", size)
            try await user.run("status")
            try FileManager.default.removeItem(atPath: try user.packs()[0])
            try await user.run("store", "verify", code: 10)
            try await user.run("restore", root)
            let stored = try await user.json("store", "stat")
            #expect(stored.packs.int == 1, "\(stored)")
        }
    }

    /// Neither where only a part is read, nor where the copy was known before it was doubted.
    @Test func aClaimedLengthCallsNothingDamaged() async throws {
        let user = try await user()
        let root = try await user.add(sampleBytes(2 << 20))
        try await user.run("sync")
        try await user.run("backend", "pin", "remove", "disk", root)
        try await user.run("backend", "pin", "add", "disk", root, "cars/\(root).car", "--size", "10")
        #expect(try await user.run("cat", "--from", "disk", root).text.utf8.count > 0)
        #expect(try await user.json("whereis", root).mappings[0].status == .text("pending"))
        try await user.run("sync")
        try FileManager.default.removeItem(atPath: try user.packs()[0])
        try await user.run("store", "verify", code: 10)
        // The settings lead elsewhere and back: what was seen is doubted.
        try FileManager.default.createDirectory(atPath: user.folder + "/empty", withIntermediateDirectories: true)
        let disk = user.folder + "/disk"
        try await user.run("backend", "update", "disk", "--path", user.folder + "/empty")
        _ = try await user.attempt(["sync", "--force"])
        try await user.run("backend", "update", "disk", "--path", disk)
        try await user.run("backend", "pin", "add", "disk", root, "cars/\(root).car", "--size", "10")
        try await user.run("restore", root)
        #expect(try await user.json("whereis", root).mappings[0].status != .text("corrupt"))
        try await user.run("backend", "update", "disk", "--path", user.folder + "/empty")
        _ = try await user.attempt(["sync", "--force"])
        try await user.run("backend", "update", "disk", "--path", disk)
        try await user.run("backend", "pin", "add", "disk", root, "cars/\(root).car", "--size", "10")
        #expect(try await user.attempt(["verify"]).code != 10)
        #expect(try await user.json("whereis", root).mappings[0].status != .text("corrupt"))
    }

    @Test func aBadLineIsNamedAndKeepsNoOtherFromBeingWritten() async throws {
        let user = try await user()
        let path = user.folder + "/list"
        let lines = [
            "\(Self.roots[0]) a.car", "nonsense a.car", Self.roots[1], "\(Self.roots[1]) ../b.car",
            #"{"cid": "\#(Self.roots[1])"}"#, #"{"cid": "\#(Self.roots[1])", "car_path": "b", "colour": 1}"#,
            #"{"cid": "\#(Self.roots[1])", "car_path": "b", "size": -1}"#, #"{"cid": 1, "car_path": "b"}"#, "{",
            String(repeating: "x", count: 3 << 20), "\(Self.roots[2]) c.car",
            // What homes say about themselves is nobody's content, and a root has one mapping.
            "\(Self.roots[3]) kits/a/pages/b.car",
            #"{"cid":"\#(Self.roots[3])","car_path":"d","shards":[{"name":"kits/d","size_bytes":7}]}"#,
            "\(Self.roots[2]) d.car",
        ]
        try write(Array(lines.joined(separator: "\n").utf8), to: path)
        let answer = try await user.json("backend", "pin", "add", "disk", "--from", path, code: 6)
        #expect(answer.added.int == 2 && answer.failed.int == 12)
        #expect(answer.errors.items.map(\.line.int) == Array(2...10) + Array(12...14))
        #expect(answer.errors.items.allSatisfy { $0.error.message.text?.isEmpty == false })
        #expect(try await user.json("backend", "pin", "list", "disk").mappings.items.count == 2)
        try write(Array("nonsense a.car\n".utf8), to: path)
        let failure = try await user.attempt(["backend", "pin", "add", "disk", "--from", path])
        #expect(failure.code == 2 && failure.errorText.contains("Line 1: "))
    }

    @Test func aListHasEverythingOnItsLines() async throws {
        let user = try await user()
        for words in [
            ["disk"], ["disk", Self.roots[0]], ["disk", "-", "a.car"], ["disk", "-", "--name", "n"],
            ["disk", Self.roots[0], "--from", "-"], ["disk", "-", "--from", "-"], ["disk", "-", "--size", "1"],
        ] {
            #expect(try await user.attempt(["backend", "pin", "add"] + words).code == 2, "\(words)")
        }
        let none = try await user.run("backend", "pin", "add", "disk", "-", input: [])
        #expect(none.text.contains("0"))
    }

    @Test func filesOfVeryManyMappingsLagUntilSomebodyAsks() async throws {
        let user = try await user()
        #expect(try await user.json("backend", "list").backends[0].index.state == .text("none"))
        let list = try await Python.run(
            """
            import hashlib, json, base64
            make = lambda n: b"\\x01\\x55\\x12\\x20" + hashlib.sha256(b"%d" % n).digest()
            text = lambda n: "b" + base64.b32encode(make(n)).decode().lower().rstrip("=")
            print(json.dumps("".join(f"{text(n)} p/{n}.car\\n" for n in range(20001))))
            """
        )
        let bytes = Array(try #require(list.text).utf8)
        try await user.run("backend", "pin", "add", "disk", "--from", "-", input: bytes)
        #expect(try await user.json("backend", "list").backends[0].index.state == .text("current"))
        try await user.run("backend", "pin", "add", "disk", Self.roots[0], "a.car")
        let behind = try await user.json("backend", "list").backends[0].index
        #expect(behind.state == .text("behind") && behind.changes.int == 1 && behind.since.text != nil)
        #expect(try await user.run("backend", "list").text.contains("1 behind since "))
        let rebuilt = try await user.json("backend", "index", "rebuild", "disk").backends[0]
        #expect(rebuilt.mapping_count.int == 20_002 && rebuilt.name == .text("disk") && rebuilt.car_bytes.int ?? 0 > 0)
        #expect(try await user.json("backend", "list").backends[0].index.state == .text("current"))
        #expect(try await user.attempt(["backend", "index", "rebuild", "other"]).code == 3)
    }
}
