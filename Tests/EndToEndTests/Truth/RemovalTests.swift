import Foundation
import Samples
import TestKit
import Testing

/// A removal is true when the service says so; until then the copy is known, and looked at again.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct RemovalTests {
    /// A user with an S3 backend behind a proxy, in step.
    private func stored(
        _ count: Int,
        in bucket: Bucket,
        _ settings: [String] = []
    ) async throws -> (User, FaultyProxy, [String]) {
        var user = try await User.ready()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint)
        if !settings.isEmpty {
            #expect(try await user.attempt(["backend", "update", "cloud"] + settings).code == 0)
        }
        var roots: [String] = []
        for number in 0..<count {
            roots.append(try await user.add(sampleBytes(2000, seed: UInt64(number + 1)), name: "f\(number)"))
        }
        try await user.run("sync")
        return (user, proxy, roots)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let rule: FaultyProxy.Rule
        let code: Int
        let testDescription: String
    }

    static let refusals = [
        Refusal(
            rule: .status(403, body: "<Error><Code>AccessDenied</Code></Error>"),
            code: 7,
            testDescription: "refuses"
        ),
        Refusal(
            rule: .status(405, body: "<Error><Code>MethodNotAllowed</Code></Error>"),
            code: 12,
            testDescription: "knows no removal"
        ),
        Refusal(rule: .status(500), code: 5, testDescription: "is broken"),
        Refusal(rule: .status(503, ["Retry-After": "0"]), code: 5, testDescription: "is overloaded"),
        Refusal(rule: .reset, code: 5, testDescription: "closes"),
        Refusal(rule: .hang, code: 5, testDescription: "never answers"),
        Refusal(rule: .drop, code: 5, testDescription: "removes and says nothing"),
    ]

    @Test(arguments: refusals) func whatAServiceDidNotRemoveIsKnownStill(_ refusal: Refusal) async throws {
        let bucket = try await Bucket.make()
        let (user, proxy, roots) = try await stored(2, in: bucket)
        try await user.run("pin", "rm", roots[0])
        try await proxy.set([refusal.rule.on("DELETE", path: "/cars/")], for: "delete")
        // Only who never answers is waited for to the end; a busy machine may be slow to answer the others.
        let patience = refusal.testDescription == "never answers" ? "3" : "25"
        try await user.run("backend", "update", "cloud", "--timeout", patience, "--retry-count", "0")
        for _ in 0..<2 {
            let pruned = try await user.attempt(["sync", "--prune", "--json"])
            let row = try Answer.parse(pruned.text).backends[0]
            if refusal.testDescription != "removes and says nothing" {
                #expect(pruned.code == refusal.code, "\(pruned.code) \(pruned.text)")
                #expect(row.removed.int == 0 && row.status != .text("synced"))
                #expect(try await user.mapping(roots[0], on: "cloud") != nil)
            }
        }
        #expect(try await user.mapping(roots[1], on: "cloud")?.status == .text("stored"))
        try await proxy.clear("delete")
        try await user.run("backend", "update", "cloud", "--unset", "timeout", "--unset", "retry_count")
        try await user.run("sync", "--prune")
        #expect(try await user.mapping(roots[0], on: "cloud") == nil)
        #expect(try await user.json("verify").backends[0].whole.int == 1)
        #expect(try await bucket.names().filter { $0.hasPrefix("cars/") } == ["cars/\(roots[1]).car"])
    }

    /// An account that may store and read, and nothing else.
    @Test func withoutTheRightToDeleteSyncsEndWell() async throws {
        let (user, proxy, roots) = try await stored(1, in: try await Bucket.make())
        let refusal = FaultyProxy.Rule.status(403, body: "<Error><Code>AccessDenied</Code></Error>")
        try await proxy.set([refusal.on("DELETE")], for: "delete")
        for number in 0..<4 {
            try await user.add(sampleBytes(1000, seed: UInt64(number + 50)), name: "g\(number)")
            let row = try await user.json("sync").backends[0]
            #expect(row.status == .text("synced") && row.uploaded.int == 1)
        }
        #expect(try await user.dirty().isEmpty)
        try await user.run("pin", "rm", roots[0])
        try await user.run("sync")
        let refused = try await user.run("sync", "--prune", code: 7)
        #expect(refused.text.contains("cloud: Removing cars/\(roots[0]).car failed"), "\(refused.text)")
        #expect(try await user.mapping(roots[0], on: "cloud") != nil)
        // A refusal to remove keeps nothing from being stored.
        try await user.add(sampleBytes(1000, seed: 99), name: "last")
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try await user.json("verify").backends[0].whole.int == 6)
    }

    /// A prune that is stopped in the middle: by the user, by a kill, or because the backend goes away.
    @Test(arguments: [SIGINT, SIGTERM, SIGKILL])
    func aPruneThatIsStoppedIsFinishedByTheNext(_ signal: Int32) async throws {
        let bucket = try await Bucket.make()
        let (user, proxy, roots) = try await stored(12, in: bucket, ["--max-connections", "2"])
        let kept = roots[11]
        for root in roots.dropLast() { try await user.run("pin", "rm", root) }
        try await proxy.set([.hang.on("DELETE", path: "/cars/", times: 4...(1 << 60))], for: "delete")
        let prune = try Running(user, "sync", "--prune")
        try await prune.wait {
            try await proxy.requests().count { $0.contains("/cars/") && $0.hasPrefix("DELETE") } >= 4
        }
        prune.signal(signal)
        #expect(await prune.end() == (signal == SIGKILL ? 128 + 9 : 130), "\(prune.errors)")
        try await proxy.clear("delete")
        // One of those that were still to go is wanted again.
        let back = try #require(roots.dropLast().last)
        try await user.run("pin", "add", back)
        try await user.run("sync", "--prune")
        let known = try await user.json("backend", "pin", "list", "cloud").mappings.items.compactMap(\.cid.text)
        #expect(Set(known) == [kept, back])
        #expect(try await user.json("verify").backends[0].whole.int == 2)
        #expect(
            try await Set(bucket.names().filter { $0.hasPrefix("cars/") }) == ["cars/\(kept).car", "cars/\(back).car"]
        )
    }

    enum Afterwards: CaseIterable { case unpinned, unpinnedAndForced, pinned }

    /// What a killed upload left is taken over, or taken away, and never left lying.
    @Test(arguments: Afterwards.allCases) func whatAKilledSyncLeftIsFound(_ afterwards: Afterwards) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk", "--bandwidth-limit", "40KB", "--max-connections", "1")
        let first = try await user.add(sampleBytes(1000), name: "first")
        try await user.run("sync")
        var roots: [String] = []
        for number in 0..<6 {
            roots.append(try await user.add(sampleBytes(20_000, seed: UInt64(number)), name: "f\(number)"))
        }
        let sync = try Running(user, "sync")
        try await sync.wait { try Trees.files(in: disk).count { $0.hasPrefix("cars/") && $0.hasSuffix(".car") } >= 3 }
        sync.signal(SIGKILL)
        _ = await sync.end()
        try await user.run("backend", "update", "disk", "--unset", "bandwidth_limit")
        if afterwards != .pinned { for root in roots { try await user.run("pin", "rm", root) } }
        try await user.run("sync")
        if afterwards == .unpinnedAndForced { try await user.run("sync", "--force") }
        try await user.run("sync", "--prune")
        let wanted = [first] + (afterwards == .pinned ? roots : [])
        let there = try Trees.files(in: disk + "/cars").filter { !$0.hasPrefix(".") }
        #expect(Set(there) == Set(wanted.map { $0 + ".car" }))
        let known = try await user.json("backend", "pin", "list", "disk").mappings.items.compactMap(\.cid.text)
        #expect(Set(known) == Set(wanted))
        #expect(try await user.json("verify").backends[0].whole.int == wanted.count)
    }
}
