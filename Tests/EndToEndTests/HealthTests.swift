import Foundation
import Samples
import TestKit
import Testing

/// How backends are, by what they do, and not by what they say.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct HealthTests {
    /// The word for a backend, and what was seen of each subject.
    private func look(
        _ user: User,
        _ name: String,
        code: Int = 0
    ) async throws -> (state: String?, seen: [String: String], row: Answer) {
        let row = try await user.json("backend", "health", name, code: code).backends[0]
        var seen: [String: String] = [:]
        for sight in row.observations.items {
            // What failed is told of a subject sooner than what did not.
            guard let subject = sight.subject.text, seen[subject] != "failed" else { continue }
            seen[subject] = sight.outcome.text
        }
        return (row.health.text, seen, row)
    }

    @Test func `a place that does everything is ok, and says by what that is known`() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let empty = try await look(user, "disk")
        #expect(empty.state == "ok" && empty.seen["content"] == "skipped" && empty.seen["store"] == "ok")
        #expect(empty.row.last_proof == .null && empty.row.free_bytes.int ?? 0 > 0 && empty.row.clock_offset.int == 0)
        try await user.add(sampleBytes(1000))
        try await user.run("sync")
        let full = try await look(user, "disk")
        #expect(full.state == "ok" && full.seen["content"] == "ok" && full.row.last_proof.verify_method.text != nil)
        #expect(Set(full.seen.values).isSubset(of: ["ok", "skipped"]), "\(full.seen)")
        // Nothing of it stays.
        #expect(try Trees.files(in: disk).allSatisfy { !$0.contains("health") })
        let used = try await user.json("backend", "usage", "disk").backends[0]
        let files = try Trees.files(in: disk)
        #expect(used.object_count.int == files.count && used.stored_roots.int == 1, "\(used) \(files)")
        #expect(used.used_bytes.int == files.reduce(0) { $0 + ((try? bytes(at: "\(disk)/\($1)"))?.count ?? 0) })
        try await user.run("backend", "update", "disk", "--leaving")
        let leaving = try await look(user, "disk")
        #expect(leaving.state == "leaving" && leaving.seen == full.seen.merging(["settings": "ok"]) { old, _ in old })
    }

    @Test func `what was there and is not, or is something else, is told apart`() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(1000))
        try await user.run("sync")
        let car = "\(disk)/cars/\(root).car"
        var content = try bytes(at: car)
        content[content.count / 2] ^= 1
        try write(content, to: car)
        let rotten = try await look(user, "disk", code: 10)
        #expect(rotten.state == "lying" && rotten.seen["content"] == "failed")
        // It is not forgotten with that.
        #expect(try await look(user, "disk", code: 10).state == "lying")
        try FileManager.default.removeItem(atPath: car)
        try await user.run("sync")
        try FileManager.default.removeItem(atPath: car)
        let gone = try await look(user, "disk", code: 6)
        #expect(gone.state == "degraded" && gone.seen["content"] == "failed")
        #expect(try await look(user, "disk", code: 6).state == "degraded")
        try await user.run("sync")
        #expect(try await look(user, "disk").state == "ok")
        try FileManager.default.removeItem(atPath: car)
        // Something else where the disk was mounted is not the place.
        try FileManager.default.moveItem(atPath: disk, toPath: disk + ".away")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        let away = try await user.json("backend", "health", "--all", code: 12).backends[0]
        #expect(away.health == .text("unreachable"), "\(away)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk).isEmpty)
    }

    /// A node that says “pinned” of what it has not lies, whatever else it does well.
    @Test func `who says pinned and has not the content is lying`() async throws {
        let node = try await KuboServer.start()
        let user = try await User.ready()
        #expect(try await user.attempt(["backend", "create", "node", "ipfs", "--api-url", node.endpoint]).code == 0)
        let root = try await user.add(sampleBytes(1000))
        try await user.run("sync")
        #expect(try await look(user, "node").state == "ok")
        try await node.begin("lose-block", #"{"cid": "\#(root)"}"#)
        let found = try await look(user, "node", code: 10)
        #expect(found.state == "lying" && found.seen["answer"] == "ok" && found.seen["store"] == "ok", "\(found.row)")
        let words = found.row.observations.items.compactMap(\.seen.text)
        #expect(words.contains { $0.hasPrefix("It says that it has \(root), and does not give it.") }, "\(words)")
    }

    /// A service that answers everything well and takes nothing is read-only.
    @Test func `who says fine and refuses writes is read-only`() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint)
        try await user.add(sampleBytes(1000))
        try await user.run("sync")
        #expect(try await look(user, "cloud").state == "ok")
        let body = "<Error><Code>AccessDenied</Code></Error>"
        try await proxy.set([.status(403, body: body).on("PUT")], for: "all")
        let found = try await look(user, "cloud", code: 7)
        #expect(found.state == "read-only" && found.seen["answer"] == "ok" && found.seen["content"] == "ok")
        #expect(found.seen["store"] == "failed" && found.seen["read"] == nil, "\(found.row)")
        // That its owner gave it up is the word then, and excuses nothing.
        try await user.run("backend", "update", "cloud", "--leaving")
        #expect(try await look(user, "cloud", code: 7).state == "leaving")
    }

    /// What is said to be removed, and is there still, was not removed.
    @Test func `who says that something is removed and keeps it is lying`() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [.status(204).on("DELETE")])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint)
        let found = try await look(user, "cloud", code: 10)
        #expect(found.state == "lying" && found.seen["remove"] == "failed" && found.seen["list"] == "ok")
    }

    /// A server that praises what it does not keep, or lists what it does not give, lies however it says so.
    @Test(arguments: [FaultyProxy.Rule.status(201).on("PUT"), .status(404).on("GET", path: "/cars/")])
    func whoPraisesWhatItHasNotIsLying(_ lie: FaultyProxy.Rule) async throws {
        let server = try await WebDAVServer.running(.wsgidav)
        let proxy = try await FaultyProxy.start(before: server.endpoint, [])
        let user = try await User.ready()
        let flags = ["--url", server.url(try await server.newFolder(), at: proxy.endpoint), "--retry-count", "0"]
        let created = try await user.attempt(["backend", "create", "box", "webdav"] + flags + server.flags)
        #expect(created.code == 0, "\(created.errorText)")
        try await user.add(sampleBytes(1000))
        try await user.run("sync")
        try await proxy.set([lie], for: "lie")
        let found = try await look(user, "box", code: 10)
        #expect(found.state == "lying", "\(found.row)")
    }

    @Test func `who does not answer is unreachable, and who cannot be asked is unknown`() async throws {
        let user = try await User.ready()
        let flags = [
            "--endpoint", "http://127.0.0.1:1", "--bucket", "b", "--access-key", "a", "--secret-key", "s",
            "--retry-count", "0", "--timeout", "2",
        ]
        #expect(try await user.attempt(["backend", "create", "gone", "s3"] + flags).code == 0)
        let gone = try await look(user, "gone", code: 5)
        #expect(gone.state == "unreachable" && gone.seen == ["answer": "failed"], "\(gone.row)")
        let unset = [
            "--endpoint", "http://127.0.0.1:1", "--bucket", "b", "--access-key", "a", "--secret-key", "${NOT_SET}",
        ]
        #expect(try await user.attempt(["backend", "create", "blank", "s3"] + unset).code == 0)
        let dry = try await user.json("backend", "health", "--all", "--dry-run").backends
        #expect(dry.items.count == 2 && dry[0].health == .null && dry[0].observations.items.isEmpty)
        #expect(dry[0].asked_at == .null)
        let both = try await user.json("backend", "health", "--all", code: 6).backends
        #expect(both[0].health == .text("unknown") && both[1].health == .text("unreachable"), "\(both)")
    }
}
