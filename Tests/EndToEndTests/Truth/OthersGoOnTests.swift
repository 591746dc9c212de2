import Foundation
import Samples
import TestKit
import Testing

/// One file, one root, or one backend that is bad never blocks the rest, and is never passed over either.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct OthersGoOnTests {
    static let broken = [
        "type: s3\nnonsense: 1\n", "type: nowhere\n", "", "type: filesystem\nconnection:\n  path: ${E2E_NOT_SET}\n",
        "\u{0}\u{1}", "a: &a [*a]\n",
    ]

    /// Every command that reads all backend files does for the good one what it does without the bad one.
    @Test(arguments: broken) func aBackendFileThatIsBrokenStopsNoOtherBackend(_ text: String) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(3000))
        let other = try await user.add(sampleBytes(2000, seed: 2), name: "other")
        try await user.run("sync")
        try write(Array(text.utf8), to: user.home + "/backend_configs/bad.yaml")

        // Damage on the good one is seen, told and put right.
        try flip("\(disk)/cars/\(root).car")
        let verify = try await user.json("verify", code: 10).backends.items
        let seen = try #require(verify.first { $0.name == .text("disk") })
        #expect(seen.corrupt.int == 1 && seen.whole.int == 1)
        #expect(verify.count == 2 || text.contains("NOT_SET"), "\(verify)")
        let late = try await user.add(sampleBytes(1000, seed: 3), name: "late")
        let sync = try await user.json("sync", code: 6)
        #expect(sync.backends.items.first { $0.name == .text("disk") }?.uploaded.int == 2, "\(sync)")
        #expect(sync.backends.items.first { $0.name == .text("bad") }?.status == .text("failed"))
        try await user.run("verify", "disk")
        try await user.run("sync", "disk")

        // Content comes back, and the other commands say what they know.
        for path in try user.packs() + user.segments() { try FileManager.default.removeItem(atPath: path) }
        #expect(try await user.json("restore").restored.items.count == 3)
        try await user.run("recover", "--from", "disk")
        try await user.run("gc", "--waste", "0")
        #expect(try await user.json("whereis", root).mappings.items.map(\.backend_name.text) == ["disk"])
        let status = try await user.json("status")
        let list = try await user.json("backend", "list")
        for answer in [status, list] {
            #expect(answer.backends.items.contains { $0.name == .text("disk") })
            let told = answer.warnings.items.contains { $0.text?.contains("bad") == true }
            #expect(told || answer.backends.items.contains { $0.name == .text("bad") }, "\(answer)")
        }
        #expect(status.pin_count.int == 3 && status.pins_without_replica.int == 0)
        for words in [
            "backend dirty", "backend show disk", "backend test disk", "backend mark-dirty disk",
            "backend pin list disk",
            "backend peers disk", "snapshot list disk", "pin show \(other)", "pin rm \(late)", "backend disable disk",
            "backend enable disk", "backend update disk --description x", "backend remove bad",
        ] {
            let result = try await user.attempt(words.split(separator: " ").map(String.init))
            #expect(result.code == 0, "\(words): \(result.text)\(result.errorText)")
        }
        #expect(try await user.json("sync", "--prune").backends.items.count == 1)
    }

    enum Bad: CaseIterable { case damagedInTheStore, refusedByTheService }

    /// One root can never be stored; what is added, and what is removed, beside it is in step after each sync.
    @Test(arguments: Bad.allCases) func aRootThatAlwaysFailsLeavesTheOthersInStep(_ bad: Bad) async throws {
        var user = try await User.ready()
        let root: String
        if bad == .damagedInTheStore {
            try await user.createDisk("place")
            try await user.run("sync")
            root = try await user.add(sampleBytes(100_000))
            try flip(try user.packs()[0], at: 60_000)
        } else {
            let bucket = try await Bucket.make()
            root = try await user.add(sampleBytes(100_000))
            let refusal = FaultyProxy.Rule.status(400, body: "<Error><Code>InvalidRequest</Code></Error>")
            let proxy = try await FaultyProxy.start(
                before: bucket.server.endpoint,
                [refusal.on("PUT", path: "/cars/\(root)")]
            )
            try await user.createS3("place", bucket, endpoint: proxy.endpoint)
        }
        var previous: String?
        for number in 0..<5 {
            let added = try await user.add(sampleBytes(500, seed: UInt64(number + 10)), name: "n\(number)")
            if let previous { try await user.run("pin", "rm", previous) }
            let row = try await user.json("sync", "--prune", code: 6).backends[0]
            #expect(row.uploaded.int == 1 && row.failures.items.map(\.cid.text) == [root], "\(row)")
            #expect(row.removed.int == (previous == nil ? 0 : 1), "\(row)")
            #expect(try await user.mapping(added, on: "place")?.status == .text("stored"))
            previous = added
        }
        #expect(try await user.dirty() == ["place"])
        #expect(try await user.json("verify").backends[0].whole.int == 1)
        // What is left there is enough to recover from.
        let recovered = try await user.json("recover", "--from", "place", "--dry-run")
        #expect(recovered.pin_count.int == 2, "\(recovered)")
    }

    /// A pin wants more replicas than can be made: that is a failure, for as long as it is true.
    @Test func shortOfReplicasIsNoSuccess() async throws {
        let user = try await User.ready()
        try await user.createDisk("one")
        let enough = try await user.add(sampleBytes(1000), name: "enough")
        try await user.run("pin", "add", enough, "--replicas", "1")
        let short = try await user.add(sampleBytes(1000, seed: 2), name: "short")
        try await user.run("pin", "add", short, "--replicas", "3")
        for count in 1...2 {
            if count == 2 { try await user.createDisk("two") }
            for _ in 0..<2 {
                #expect(try await user.json("sync", code: 6).short_of_replicas.items.map(\.text) == [short])
            }
            let told = try await user.run("sync", code: 6)
            #expect((told.text + told.errorText).contains(short))
            let status = try await user.json("status")
            #expect(status.pins_short_of_replicas.int == 1 && status.short_of_replicas.items.map(\.text) == [short])
            #expect(try await user.run("status").text.contains("pins short of their replicas:       1"))
        }
        let three = try await user.createDisk("three")
        // A place that only answers with errors is no replica either.
        try FileManager.default.removeItem(atPath: three)
        try write([], to: three)
        #expect(try await user.attempt(["sync"]).code == 6)
        #expect(try await user.json("status").pins_short_of_replicas.int == 1)
        try FileManager.default.removeItem(atPath: three)
        try FileManager.default.createDirectory(atPath: three, withIntermediateDirectories: true)
        #expect(try await user.json("sync").short_of_replicas.items.isEmpty)
        #expect(try await user.json("status").pins_short_of_replicas.int == 0)
        // One copy that is damaged, and nobody has mended yet, is one too few.
        try flip("\(three)/cars/\(short).car")
        try await user.run("verify", code: 10)
        #expect(try await user.json("status").pins_short_of_replicas.int == 1)
        try await user.run("backend", "disable", "three")
        try await user.run("sync", code: 6)
        try await user.run("backend", "enable", "three")
        try await user.run("sync")
        #expect(try await user.json("status").pins_short_of_replicas.int == 0)
    }
}
