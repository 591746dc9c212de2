import Foundation
import Samples
import TestKit
import Testing

/// On one machine a backend belongs to who works on it until he ends, however long he is stopped and whatever the clock
/// says.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct FencingTests {
    enum Work: CaseIterable { case upload, removal }

    /// A user with something to do on a backend whose answers to that never come, and the request that is in the air
    /// then.
    private func busy(_ work: Work) async throws -> (user: User, proxy: FaultyProxy, roots: [String]) {
        var user = try await User.ready()
        user.environment["IPFS_KIT_LEASE"] = "0.3"
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--max-connections", "1", "--timeout", "300")
        var roots: [String] = []
        for number in 0..<4 {
            roots.append(try await user.add(sampleBytes(2000, seed: UInt64(number)), name: "f\(number)"))
        }
        if work == .removal {
            try await user.run("sync")
            for root in roots { try await user.run("pin", "rm", root) }
        }
        let method = work == .upload ? "PUT" : "DELETE"
        try await proxy.set([.hold.on(method, path: "/cars/", times: 1...1)], for: "slow")
        return (user, proxy, roots)
    }

    private func changes(_ proxy: FaultyProxy) async throws -> [String] {
        try await proxy.requests().filter { $0.contains("/cars/") && !$0.hasPrefix("GET ") && !$0.hasPrefix("HEAD ") }
    }

    @Test(arguments: Work.allCases) func whoIsStoppedKeepsOthersOutAndGoesOnWell(_ work: Work) async throws {
        let (user, proxy, roots) = try await busy(work)
        let before = try await changes(proxy).count
        let first = try Running(user, "sync", "--prune", "--json")
        try await first.wait { try await changes(proxy).count > before }
        try await first.pause(user)
        // Its lease has run out several times over by the time that anybody else has started.
        let status = try await user.json("status")
        let process = try #require(status.running[0].process.int)
        #expect(status.running.items.count == 1 && status.running[0].backend == .text("cloud"))
        if work == .removal { for root in roots { try await user.run("pin", "add", root) } }
        for words in [["sync"], ["sync", "--prune"], ["sync", "--force"], ["snapshot", "prune", "cloud"]] {
            let other = try await user.attempt(words)
            #expect(other.code == 11, "\(words): \(other.text)")
            #expect((other.text + other.errorText).contains("process \(process)"), "\(other.text)\(other.errorText)")
        }
        // Reading is not kept from anybody.
        #expect([0, 4].contains(try await user.attempt(["verify"]).code))
        #expect(try await changes(proxy).count == before + 1)
        try await proxy.clear("slow")
        first.signal(SIGCONT)
        let code = await first.end()
        // What was on its way is done; everything else is wanted by now.
        #expect(try Answer.parse(first.output).backends[0].removed.int ?? 0 <= 1, "\(code) \(first.output)")
        try await user.run("sync")
        for root in roots { #expect(try await user.mapping(root, on: "cloud")?.status == .text("stored")) }
        #expect(try await user.json("verify").backends[0].whole.int == 4)
        #expect(try await user.json("status").running.items.isEmpty)
    }

    /// The backend is made anew while its sync is stopped: who wakes up writes nothing, and sends nothing that was not
    /// on its way.
    @Test(arguments: Work.allCases) func whoWakesUpToAnotherBackendWritesNothing(_ work: Work) async throws {
        let (user, proxy, roots) = try await busy(work)
        let before = try await changes(proxy).count
        let first = try Running(user, "sync", "--prune", "--json")
        try await first.wait { try await changes(proxy).count > before }
        try await first.pause(user)
        let settings = try bytes(at: user.home + "/backend_configs/cloud.yaml")
        try await user.run("backend", "remove", "cloud", "--force")
        try write(settings, to: user.home + "/backend_configs/cloud.yaml")
        _ = try await user.json("backend", "list")
        if work == .removal { for root in roots { try await user.run("pin", "add", root) } }
        let sent = try await changes(proxy).count
        try await proxy.clear("slow")
        first.signal(SIGCONT)
        #expect(await first.end() != 0, "\(first.output)")
        #expect(try await changes(proxy).count == sent)
        #expect(try await user.json("backend", "pin", "list", "cloud").mappings.items.isEmpty)
        try await user.run("sync")
        #expect(try await user.json("verify").backends[0].whole.int == 4)
    }

    /// The clock of a second process is far ahead, or far behind: NTP after a resume, or a battery that is empty.
    @Test(arguments: ["120", "-120", "90000"]) func noClockTakesALeaseFromTheLiving(_ seconds: String) async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await proxy.set([.hold.on("PUT", path: "/cars/")], for: "slow")
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--timeout", "300")
        let root = try await user.add(sampleBytes(2000))
        let first = try Running(user, "sync", "--json")
        try await first.wait { try await !changes(proxy).isEmpty }
        var second = user
        second.environment = try await Preload.clock(second, offset: seconds)
        let refused = try await second.attempt(["sync"])
        #expect(refused.code == 11, "\(refused.code) \(refused.text)")
        try await proxy.clear("slow")
        #expect(await first.end() == 0, "\(first.output)\(first.errors)")
        #expect(try await user.mapping(root, on: "cloud")?.status == .text("stored"))
        // What was seen is not doubted either, and what comes next is newer all the same; only a service that looks at
        // the time of a request may refuse one.
        let disk = try await user.createDisk("disk")
        try await user.run("sync")
        #expect(try await second.json("verify", "disk").backends[0].whole.int == 1)
        try await second.add(sampleBytes(500, seed: 2), name: "more")
        #expect(try await second.json("sync", "disk").backends[0].uploaded.int == 1)
        try await user.add(sampleBytes(500, seed: 3), name: "last")
        let last = try await user.json("sync", "disk")
        #expect(last.backends[0].uploaded.int == 1 && last.backends[0].snapshot != .null, "\(last)")
        let newest = try await user.json("snapshot", "list", "disk").snapshots[0]
        #expect(newest.name == last.backends[0].snapshot)
        #expect(try Trees.files(in: disk).count { $0.hasPrefix("cars/") } == 3)
    }

    @Test func aLeaseThatIsNoTimeIsRefused() async throws {
        var user = try await User.ready()
        try await user.createDisk("disk")
        for value in ["", "soon", "0", "-1", "1e99", "nan"] {
            user.environment["IPFS_KIT_LEASE"] = value
            try await user.run("sync", code: 2)
        }
    }
}
