import Foundation
import Samples
import TestKit
import Testing

/// Several homes keep content at one place: each is known to the others, and none removes what another may count on.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct PeerTests {
    /// Two kits that share a directory; neither has synced.
    private func two() async throws -> (User, User, disk: String) {
        let disk = Scratch.current + "/shared"
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        let (first, second) = (try await User.ready("first"), try await User.ready("second"))
        for user in [first, second] {
            try await user.run("backend", "create", "disk", "filesystem", "--path", disk)
        }
        return (first, second, disk)
    }

    private func peers(_ user: User) async throws -> [Answer] {
        try await user.json("backend", "peers", "disk").peers.items
    }

    @Test func nothingIsRemovedBesideAnotherKitUntilItIsForgotten() async throws {
        let (first, second, disk) = try await two()
        let root = try await first.add(sampleBytes(2000))
        try await first.run("sync")
        #expect(try await peers(first).isEmpty)
        // It has nothing there yet, and is known already, for it may be about to count on what it found.
        try await second.add(sampleBytes(2000))
        try await second.run("sync")
        let home = try #require(try await peers(first).first?.home.text)
        #expect(try await second.json("backend", "peers", "disk").home.text == home)
        #expect(try await peers(first).map(\.active.flag) == [true])
        #expect(try await first.json("status").other_homes.items.map(\.home.text) == [home])
        try await first.run("pin", "rm", root)
        let plan = try await first.run("sync", "--prune", "--dry-run")
        #expect(plan.text.contains(root) && plan.errorText.contains("nothing is removed there"), "\(plan.errorText)")
        let refused = try await first.run("sync", "--prune", code: 12)
        #expect(refused.text.contains("ipfs-kit backend peers forget \(home)"), "\(refused.text)")
        #expect(try Trees.files(in: disk).contains("cars/\(root).car"))
        #expect(try await first.mapping(root, on: "disk")?.status == .text("stored"))
        #expect(try await second.json("verify").backends[0].whole.int == 1)
        // What a plain sync does is not held back.
        let other = try await first.add(sampleBytes(300, seed: 2), name: "other")
        #expect(try await first.json("sync").backends[0].uploaded.int == 1)

        try await first.run("backend", "peers", "forget", "nobody", code: 4)
        try await first.run("backend", "peers", "forget", home)
        #expect(try await peers(first).map(\.active.flag) == [false])
        #expect(try await first.json("sync", "--prune").backends[0].removed.int == 1)
        #expect(try Trees.files(in: disk).filter { $0.hasPrefix("cars/") } == ["cars/\(other).car"])
        // The other one sees what it lost, and who came back is not forgotten any more.
        #expect(try await second.json("verify", code: 10).backends[0].missing.int == 1)
        try await second.run("sync")
        #expect(try await second.json("verify").backends[0].whole.int == 1)
        try await second.shell("find '\(disk)/kits' -name '*.here' -newermt '@0' -exec touch -d '+2 seconds' {} +")
        try await first.run("pin", "rm", other)
        try await first.run("sync", "--prune", code: 12)
    }

    /// Two kits with an S3 backend in one place, the first of them through a proxy.
    private func twoAtABucket(_ method: String) async throws -> (User, User, FaultyProxy) {
        var (slow, other) = (try await User.ready("slow"), try await User.ready("other"))
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await slow.createS3("disk", bucket, endpoint: proxy.endpoint, "--timeout", "300", "--max-connections", "1")
        try await other.createS3("disk", bucket)
        try await proxy.set([.hold.on(method, path: "/cars/", times: 1...1)], for: "slow")
        return (slow, other, proxy)
    }

    private func isHeld(_ proxy: FaultyProxy, _ method: String) async throws -> Bool {
        try await proxy.requests().contains { $0.hasPrefix(method) && $0.contains("/cars/") }
    }

    /// The second kit counts on what the first has there, and is still busy with something else.
    @Test func whoIsInTheMiddleOfTheFirstSyncCountsAlready() async throws {
        let (second, first, proxy) = try await twoAtABucket("PUT")
        let shared = try await first.add(sampleBytes(50_000))
        try await first.add(sampleBytes(300, seed: 2), name: "kept")
        try await first.run("sync")
        try await second.add(sampleBytes(50_000))
        try await second.add(sampleBytes(4000, seed: 3), name: "more")
        let sync = try Running(second, "sync", "--json")
        try await sync.wait { try await isHeld(proxy, "PUT") }
        try await first.run("pin", "rm", shared)
        try await first.run("sync", "--prune", code: 12)
        try await proxy.clear("slow")
        #expect(await sync.end() == 0, "\(sync.output)\(sync.errors)")
        #expect(try await second.json("verify").backends[0].whole.int == 2)
    }

    /// And the other way about: who comes while another one removes does not count on what may go.
    @Test func whoComesBesideAPruneDoesNotCountOnWhatGoes() async throws {
        let (first, second, proxy) = try await twoAtABucket("DELETE")
        let shared = try await first.add(sampleBytes(2000))
        try await second.add(sampleBytes(2000))
        try await first.run("sync")
        try await first.run("pin", "rm", shared)
        let prune = try Running(first, "sync", "--prune")
        try await prune.wait { try await isHeld(proxy, "DELETE") }
        let sync = try await second.attempt(["sync", "--json"])
        #expect(sync.code != 0, "\(sync.text)")
        #expect(try await second.mapping(shared, on: "disk")?.status != .text("stored"))
        try await proxy.clear("slow")
        _ = await prune.end()
        try await second.run("sync")
        #expect(try await second.json("verify").backends[0].whole.int == 1)
    }

    // MARK: Homes of one kit

    /// A home that was copied with its files: two homes then work as one kit, and both are told.
    @Test func aCopiedHomeIsAnotherOneAndBothAreTold() async throws {
        let (user, _, _) = try await two()
        let root = try await user.add(sampleBytes(2000))
        try await user.run("sync")
        let copy = try user.copied("copy")
        #expect(try await copy.run("status").errorText.contains("copy of another one"))
        let (one, other) = (
            try await user.json("backend", "peers", "disk"), try await copy.json("backend", "peers", "disk")
        )
        #expect(one.kit == other.kit && one.home != other.home)
        #expect(other.peers.items.map(\.home) == [one.home])
        // Neither is the other's, whatever happens first.
        try await copy.run("pin", "rm", root)
        try await copy.run("sync", "--prune", code: 12)
        let late = try await copy.add(sampleBytes(500, seed: 2), name: "late")
        try await copy.run("sync")
        #expect(try await peers(user).map(\.home) == [other.home])
        #expect(try await user.json("verify").backends[0].whole.int == 1)

        // The first one has not seen what the copy did since, and overlays nothing of it.
        let mine = try await user.add(sampleBytes(700, seed: 3), name: "mine")
        let held = try await user.json("sync", code: 6)
        #expect(held.backends[0].uploaded.int == 1 && held.backends[0].snapshot == .null)
        #expect(held.backends[0].error.message.text?.contains("ipfs-kit catalog accept") == true)
        try await user.run("sync", "--prune", code: 12)
        let snapshots = try await user.json("snapshot", "list", "disk").snapshots
        #expect(snapshots[0].home == other.home)
        // The owner decides: take over what the other one had…
        try await user.run("recover", "--from", "disk")
        #expect(try await user.pins() == [root, late, mine].sorted())
        let synced = try await user.json("sync")
        #expect(synced.backends[0].snapshot != .null)
        // …or that this one is right.
        try await copy.add(sampleBytes(500, seed: 4), name: "later")
        try await copy.run("sync", code: 6)
        try await copy.run("catalog", "accept")
        try await copy.run("sync")
        #expect(try await copy.json("snapshot", "list", "disk").snapshots[0].is_own.flag == true)
    }

    /// The catalog and the store were put back as they were, in place: the same home, and its own newer snapshots are
    /// there.
    @Test func anOldStateOfTheHomeItselfOverlaysNothing() async throws {
        let (user, _, disk) = try await two()
        try await user.add(sampleBytes(2000))
        try await user.run("sync")
        let old = try user.copied("old")
        let late = try await user.add(sampleBytes(500, seed: 2), name: "late")
        try await user.run("sync")
        let newest = try await user.json("snapshot", "list", "disk").snapshots[0]
        for file in try user.catalogFiles() { try FileManager.default.removeItem(atPath: file) }
        try await user.shell("rm -r '\(user.home)/store' && cp -r '\(old.home)/.' '\(user.home)/'")
        // It has no newer state of its own to compare with; what it left on the backend is newer.
        let mine = try await user.add(sampleBytes(600, seed: 5), name: "after")
        let held = try await user.json("sync", code: 6)
        #expect(held.backends[0].uploaded.int == 1 && held.backends[0].snapshot == .null, "\(held)")
        try await user.run("sync", "--prune", code: 12)
        #expect(try await user.json("snapshot", "list", "disk").snapshots[0].id == newest.id)
        #expect(try Trees.files(in: disk).contains("cars/\(late).car"))
        try await user.run("recover", "--from", "disk")
        #expect(try await Set(user.pins()).isSuperset(of: [late, mine]))
        try await user.run("sync")
        #expect(try await user.json("verify").backends[0].whole.int == 3)
    }
}
