import Foundation
import Samples
import TestKit
import Testing

/// Objects in an archive class of S3, from which nothing can be read before it was asked for.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct ArchiveClassTests {
    @Test func `what is in an archive is asked for where its owner pays for that, and then comes`() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make(.moto)
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await user.createS3("cold", bucket, endpoint: proxy.endpoint, "--storage-class", "GLACIER")
        let content = sampleBytes(100_000)
        let root = try await user.add(content)
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        try FileManager.default.removeItem(atPath: user.home + "/store/packs")
        try await user.run("store", "rebuild-index", code: 10)

        let refused = try await user.attempt(["restore"])
        #expect(refused.code == 5 && refused.text.contains("connection.restore_days"), "\(refused.text)")
        #expect(try await proxy.count("POST", path: "restore") == 0)
        try await user.run("backend", "update", "cold", "--restore-days", "2", "--restore-tier", "bulk")
        // Neither a look nor a verification costs anything, also of what went into an archive by another rule.
        #expect(try await user.json("backend", "health", "cold").backends[0].health == .text("ok"))
        try await user.run("backend", "update", "cold", "--unset", "storage_class")
        let health = try await user.json("backend", "health", "cold", code: 6).backends[0]
        #expect(health.health == .text("degraded"), "\(health)")
        let verified = try await user.run("verify", code: 5)
        #expect(verified.text.contains("asked for by `ipfs-kit restore`"), "\(verified.text)")
        #expect(try await proxy.count("POST", path: "restore") == 0)
        let asked = try await user.attempt(["cat", root, "--from", "cold", "--json"])
        #expect(asked.code == 5 && asked.errorText.contains("ask again at"), "\(asked.errorText)")
        let error = try Answer.parse(try #require(asked.errorText.split(separator: "\n").last.map(String.init))).error
        #expect(error.may_retry == .flag(true) && error.retry_after.int == 12 * 3600, "\(asked.errorText)")
        #expect(try await proxy.count("POST", path: "restore") == 1)
        // The server is one that takes no time.
        try await user.run("restore")
        #expect(try await user.content(root) == content)
    }
}
