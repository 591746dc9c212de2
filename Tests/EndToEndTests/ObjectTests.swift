import Foundation
import Samples
import TestKit
import Testing

/// Objects that people put on backends, their metadata and versions, locks, and keys that only add.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct ObjectTests {
    private func write(_ bytes: [UInt8], _ name: String, _ user: User) throws -> String {
        let path = "\(user.folder)/\(name)"
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    @Test func anObjectHasMetadataAndVersions() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make(.moto, .versioned)
        try await user.createS3("cloud", bucket)
        let (one, two) = (try write([1, 2, 3], "one", user), try write(sampleBytes(5000), "two", user))
        let put = try await user.json("backend", "put", "cloud", "notes/a.txt", one, "--meta", "author=me")
        #expect(put.size_bytes.int == 3 && put.object_metadata.author == .text("me") && put.replaced == .flag(false))
        #expect(put.proved_by == .text("md5"))
        #expect(try await bucket.object("notes/a.txt") == [1, 2, 3])
        // A CID stands for what is pinned, and the folders of the kit are its own.
        let root = try await user.add(sampleBytes(10))
        for name in [root, "cars", "Kits/a"] {
            #expect([2, 12].contains(try await user.attempt(["backend", "put", "cloud", name, one]).code), "\(name)")
        }
        let taken = try await user.attempt(["backend", "put", "cloud", "notes/a.txt", two])
        #expect(taken.code == 12 && taken.errorText.contains("--force"))
        #expect(try await user.json("backend", "put", "cloud", "notes/a.txt", two, "--force").replaced == .flag(true))
        #expect(try await user.json("backend", "stat", "cloud", "notes/a.txt").object_metadata == Answer.parse("{}"))

        let listed = try Answer.lines(try await user.run("backend", "versions", "cloud", "notes/a.txt", "--json").text)
        let seen = try await bucket.versions().map { $0.id.text }
        #expect(Set(listed.dropLast().map { $0.kept_version.text }) == Set(seen) && listed.count == 3)
        let old = try #require(listed[1].kept_version.text)
        #expect(listed[1].latest == .flag(false) && listed[1].size_bytes.int == 3)
        let stat = try await user.json("backend", "stat", "cloud", "notes/a.txt", "--kept-version", old)
        #expect(stat.object_metadata.author == .text("me"))
        #expect(
            try await user.run("backend", "get", "cloud", "notes/a.txt", "--kept-version", old).output
                == Data([1, 2, 3])
        )
        let out = user.folder + "/out"
        try await user.run("backend", "get", "cloud", "notes/a.txt", "-o", out)
        #expect(try [UInt8](Data(contentsOf: URL(filePath: out))) == sampleBytes(5000))
        // Nothing is overwritten, and what does not come leaves nothing.
        try await user.run("backend", "get", "cloud", "notes/a.txt", "-o", out, code: 12)
        try await user.run(
            "backend",
            "get",
            "cloud",
            "notes/a.txt",
            "--kept-version",
            "nobody",
            "-o",
            out + "2",
            code: 4
        )
        #expect(!FileManager.default.fileExists(atPath: out + "2"))
        try await user.run("backend", "versions", "cloud", "notes/b.txt", code: 4)
    }

    /// Half of an object is none.
    @Test func aFileIsWholeOrNotThere() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--retry-count", "0")
        try await user.run("backend", "put", "cloud", "long", try write(sampleBytes(300_000), "long", user))
        try await proxy.set([FaultyProxy.Rule.halve.on("GET", path: "long")], for: "test")
        let out = user.folder + "/out"
        let result = try await user.attempt(["backend", "get", "cloud", "long", "-o", out])
        #expect(result.code == 10, "\(result.text)\(result.errorText)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: user.folder).allSatisfy { !$0.contains("out") })
    }

    @Test func whatTheKitKeepsIsNotReplaced() async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        let file = try write([1], "one", user)
        for name in ["cars/x.car", "kits/a/b", "health/x", "certify/x"] {
            try await user.run("backend", "put", "disk", name, file, "--force", code: 12)
        }
        try await user.run("backend", "put", "disk", "no/../name", file, code: 2)
        // A directory keeps the bytes alone, and says so before anything is sent.
        let refused = try await user.attempt(["backend", "put", "disk", "x", file, "--meta", "a=b"])
        #expect(refused.code == 12 && refused.errorText.contains("beside the bytes"))
        for meta in ["A=b", "a", "a=", "a= b", "-a=b"] {
            try await user.run("backend", "put", "disk", "x", file, "--meta", meta, code: 2)
        }
        try await user.run("backend", "put", "disk", "x", file)
        #expect(try await user.run("backend", "get", "disk", "x").output == Data([1]))
        try await user.run("backend", "versions", "disk", "x", code: 12)
        // The home is no content.
        try await user.run("backend", "put", "disk", "y", user.home + "/config/main.yaml", code: 12)
        // A CID stands for its CAR.
        let root = try await user.add(sampleBytes(3000))
        try await user.run("sync")
        let car = try await user.run("backend", "get", "disk", root).output
        #expect(car == (try await user.run("dag", "export", root, "-o", "-").output))
    }

    @Test func whatIsLockedIsSaid() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make(.moto, .locked)
        try await user.createS3("vault", bucket, "--object-lock", "governance", "--lock-days", "2")
        let root = try await user.add(sampleBytes(3000))
        let pruned = try await user.add(sampleBytes(4000, seed: 2))
        try await user.run("sync")
        let stat = try await user.json("backend", "stat", "vault", root)
        #expect(stat.lock.locked_by == .text("governance") && stat.lock.locked_until.text?.isEmpty == false)
        #expect(
            try await bucket.versions().filter { $0.is == .text("Versions") }.allSatisfy {
                $0.mode == .text("GOVERNANCE")
            }
        )
        // The name goes, what had it stays, and that is said.
        try await user.run("pin", "rm", pruned)
        let result = try await user.run("sync", "--prune")
        #expect(result.errorText.contains("older version"), "\(result.errorText)")
        #expect(try await user.json("backend", "stat", "vault", pruned, code: 4).presence == .text("absent"))
        let lines = try Answer.lines(
            try await user.run("backend", "versions", "vault", pruned, "--locks", "--json").text
        )
        #expect(lines.map(\.type.text) == ["removal", "version", "summary"])
        #expect(lines[1].lock.locked_until.text?.isEmpty == false)
        let old = try #require(lines[1].kept_version.text)
        let car = try await user.run("backend", "get", "vault", pruned, "--kept-version", old).output
        #expect(car == (try await user.run("dag", "export", pruned, "-o", "-").output))
    }

    /// Keys that add and read, and remove nothing.
    @Test(arguments: [S3Server.BucketForm.plain, .versioned]) func keysThatOnlyAddKeepContent(
        _ form: S3Server.BucketForm
    ) async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make(.moto, form)
        try await user.createS3("cloud", try await bucket.forAdding())
        let content = sampleBytes(300_000)
        let root = try await user.add(content)
        try await user.run("sync")
        try await user.run("verify")
        // Two tests, two looks and two trials leave one object each, and say so.
        for _ in 0..<2 {
            let test = try await user.attempt(["backend", "test", "cloud"])
            #expect(test.code == 7 && test.errorText.contains("stays there"), "\(test.errorText)")
            let health = try await user.json("backend", "health", "cloud", code: 6).backends[0]
            #expect(health.health == .text("degraded"))
            let trial = try await user.attempt(["backend", "certify", "cloud"])
            #expect(trial.code == 6 && trial.errorText.contains("remove nothing"), "\(trial.errorText)")
        }
        let passing = try await bucket.names().filter { $0.hasPrefix("health/") || $0.hasPrefix("certify/") }
        #expect(passing.count == 4, "\(passing)")
        // A removal is refused: nothing is lost, and nobody is told that something goes.
        try await user.run("pin", "rm", root)
        let first = try await user.attempt(["sync", "--prune"])
        #expect(first.code == 7 && first.text.contains("may not do that"), "\(first.text)")
        #expect(try await user.json("whereis", root).mappings.items.count == 1)
        for _ in 0..<2 {
            let prune = try await user.attempt(["sync", "--prune"])
            #expect(prune.code == 7 && prune.text.contains("Nothing can be removed"), "\(prune.text)")
            #expect(try await user.json("whereis", root).mappings[0].status == .text("stored"))
        }
        // What was said once cannot be taken back, and is not said anew: others believe it for a day, and no longer.
        #expect(try await bucket.versions().count { $0.name.text?.hasSuffix(".removing") == true } == 1)
        // Who says so is not asked for it any more, and all is well.
        try await user.run("backend", "update", "cloud", "--append-only=true")
        for words in [["--dry-run"], []] {
            let prune = try await user.attempt(["sync", "--prune"] + words)
            #expect(prune.code == 0 && (prune.text + prune.errorText).contains("1 roots stay"), "\(prune.text)")
        }
        let health = try await user.json("backend", "health", "cloud")
        #expect(health.backends[0].health == .text("ok"), "\(health)")
        try await user.run("backend", "test", "cloud")
        try await user.run("pin", "add", root)
        try FileManager.default.removeItem(atPath: user.home + "/store/packs")
        try await user.run("store", "rebuild-index", code: 10)
        try await user.run("restore")
        #expect(try await user.content(root) == content)
    }
}
