import Foundation
import Samples
import TestKit
import Testing

/// What a backend says that lies there, beside what others see there.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct BackendLsTests {
    /// What was listed, and the line that closes it.
    private func list(_ user: User, _ words: String...) async throws -> (things: [Answer], summary: Answer) {
        let result = try await user.attempt(["backend", "ls"] + words + ["--json"])
        #expect(result.code == 0, "\(result.errorText)")
        let lines = try Answer.lines(result.text)
        return (lines.filter { $0.type != .text("summary") }, try #require(lines.last))
    }

    @Test(arguments: [S3Server.Kind.moto, .rclone]) func aBucketListsWhatOthersSeeThere(
        _ kind: S3Server.Kind
    ) async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make(kind)
        try await user.createS3("cloud", bucket)
        #expect(try await list(user, "cloud").summary.listed == .number(0))
        let root = try await user.add(sampleBytes(3000))
        try await user.run("sync")
        let (things, summary) = try await list(user, "cloud")
        let names = things.compactMap(\.object.text)
        #expect(try await Set(names) == Set(bucket.names()) && names.count == summary.listed.int)
        #expect(things.reduce(0) { $0 + ($1.size_bytes.int ?? 0) } == summary.listed_bytes.int)
        let car = "cars/\(root).car"
        let bytes = try await bucket.object(car)
        #expect(try await list(user, "cloud", car).things.first?.size_bytes.int == bytes.count)
        let found = try await list(user, "cloud", "--search", root.suffix(9).uppercased()).things
        #expect(!found.isEmpty && found.allSatisfy { $0.object.text?.contains(root) == true })
        #expect(try await list(user, "cloud", "cars/", "--search", "nowhere").things.isEmpty)
        for word in [root, car] {
            let stat = try await user.json("backend", "stat", "cloud", word)
            #expect(stat.presence == .text("present") && stat.object == .text(car))
            #expect(stat.size_bytes.int == bytes.count)
        }
        let digest = try await user.json("backend", "stat", "cloud", car).server_digest.text
        #expect(digest == "md5 \(try await bucket.md5(car))")
    }

    /// Where nothing is, that is an answer; where nobody can tell, it is none.
    @Test func absentIsToldFromUnknown() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--retry-count", "0")
        let root = try await user.add(sampleBytes(3000))
        for word in [root, "cars/\(root).car"] {
            #expect(try await user.json("backend", "stat", "cloud", word, code: 4).presence == .text("absent"))
        }
        try await user.run("backend", "stat", "cloud", "no/../name", code: 2)
        try await proxy.set([FaultyProxy.Rule.status(503)], for: "test")
        for words in [["stat", "cloud", root], ["stat", "cloud", "cars/\(root).car"], ["ls", "cloud"]] {
            let result = try await user.attempt(["backend"] + words + ["--json"])
            #expect(result.code == 5, "\(words): \(result.text)\(result.errorText)")
            #expect(!result.text.contains("absent") && !result.text.contains("summary"))
        }
    }

    /// A list that breaks off is none, however much came.
    @Test func aListThatBreaksOffIsAnError() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--retry-count", "0")
        try await user.add(sampleBytes(3000))
        try await user.run("sync")
        try await proxy.set([FaultyProxy.Rule.halve.on("GET", path: "list-type")], for: "test")
        let result = try await user.attempt(["backend", "ls", "cloud"])
        #expect(result.code != 0 && !result.errorText.isEmpty)
    }

    @Test func aNodeListsItsRoots() async throws {
        let node = try await KuboServer.start()
        let user = try await User.ready()
        try await user.run("backend", "create", "node", "ipfs", "--api-url", node.endpoint)
        let root = try await user.add(sampleBytes(3000))
        try await user.run("sync")
        let things = try await list(user, "node", "--search", root).things
        #expect(things.contains { $0.type == .text("root") && $0.cid == .text(root) })
        #expect(try await user.json("backend", "stat", "node", root).presence == .text("present"))
        let other = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
        #expect(try await user.json("backend", "stat", "node", other, code: 4).presence == .text("absent"))
    }
}
