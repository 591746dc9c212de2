import Foundation
import Samples
import TestKit
import Testing

/// An IPFS Cluster as a backend, from the command line: the cluster is a simulator of its REST API and its proxies.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct ClusterTests {
    private func user(_ name: String, _ cluster: ClusterServer, _ more: String...) async throws -> User {
        let user = try await User.ready(name)
        let doors = cluster.proxies.joined(separator: ",")
        let flags = ["--api-url", cluster.endpoint, "--proxy-url", doors] + more
        let created = try await user.attempt(["backend", "create", "many", "ipfs_cluster"] + flags)
        #expect(created.code == 0, "\(created.errorText)")
        return user
    }

    /// The whole life of a backend, but for what needs room for snapshots.
    @Test func aClusterKeepsWhatIsPinned() async throws {
        let cluster = try await ClusterServer.start()
        let user = try await user("owner", cluster, "--replication", "2")
        let tested = try await user.json("backend", "test", "many")
        #expect(tested.seen.text?.contains("of a cluster of 3 answered") == true, "\(tested)")
        #expect(try await user.run("backend", "certify", "many").code == 0)
        var roots: [String] = []
        for number in 0..<10 { roots.append(try await user.add(sampleBytes(2000 + number), name: "n-\(number)")) }
        let large = try await user.add(sampleBytes(3 << 20), name: "large")
        let sync = try await user.json("sync").backends[0]
        #expect(sync.uploaded.int == 11 && sync.status == .text("synced"), "\(sync)")
        #expect(try await cluster.ask("GET", "/allocations/\(roots[3])").contains(#""name": "n-3""#))
        let second = try await user.json("sync").backends[0]
        #expect(second.status == .text("clean") && second.calls.int == 0, "\(second)")
        let forced = try await user.json("sync", "--force").backends[0]
        #expect(forced.adopted.int == 11 && forced.uploaded.int == 0, "\(forced)")
        #expect(try await user.json("verify").backends[0].whole.int == 11)
        let health = try await user.json("backend", "health", "many").backends[0]
        #expect(health.health.text == "ok", "\(health)")
        #expect(try await user.json("backend", "usage", "many").backends[0].free_bytes.int == 3_000_000_000)

        // One peer lost a block, and nobody has the pin of another root any more.
        try await cluster.change(#"{"do": "lose", "cid": "\#(roots[0])"}"#)
        try await cluster.change(#"{"do": "drop", "cid": "\#(roots[1])"}"#)
        let seen = try await user.json("verify", code: 10).backends[0]
        #expect(seen.whole.int == 9 && seen.corrupt.int == 1 && seen.missing.int == 1, "\(seen)")
        #expect(try await user.json("sync").backends[0].uploaded.int == 2)
        #expect(try await user.json("verify").backends[0].whole.int == 11)

        // The store is lost, and comes back from the cluster.
        try FileManager.default.removeItem(atPath: user.home + "/store/packs")
        try await user.run("store", "rebuild-index", code: 10)
        try await user.run("restore")
        #expect(try await user.content(large) == sampleBytes(3 << 20))

        // What nobody wants goes, and what others pinned stays.
        try await cluster.ask("POST", "/pins/bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku?name=theirs")
        try await user.run("pin", "rm", roots[2])
        #expect(try await user.json("sync", "--prune").backends[0].removed.int == 1)
        let left = try await cluster.ask("GET", "/allocations")
        #expect(!left.contains(roots[2]) && left.contains(roots[3]) && left.contains("theirs"))
        try await user.run("backend", "remove", "many", "--force")
        #expect(try await user.json("backend", "list").backends.items.isEmpty)
    }

    /// Pins of which peers are at work are asked for by the next sync.
    @Test func whatTakesItsTimeIsAskedForAgain() async throws {
        let cluster = try await ClusterServer.start(["--pace", "4"])
        let user = try await user("owner", cluster, "--retry-count", "0")
        let root = try await user.add(sampleBytes(1000), name: "slow")
        let first = try await user.attempt(["sync", "--json"])
        #expect(first.code == 5 && first.text.contains(root), "\(first.code) \(first.text)\(first.errorText)")
        var last = ""
        for _ in 0..<12 {
            let again = try await user.attempt(["sync", "--json"])
            last = again.text + again.errorText
            if again.code == 0 { break }
        }
        #expect(try await user.json("verify").backends[0].whole.int == 1, "\(last)")
        #expect(try await cluster.requests().count { $0.hasPrefix("POST /add") } == 1)
    }

    /// What was pinned is read through a gateway of its nodes, which is to give what it has itself.
    @Test func aGatewayIsADoor() async throws {
        let (cluster, gateway) = (try await ClusterServer.start(), try await GatewayServer.start())
        let user = try await User.ready("owner")
        let places = ["--api-url", cluster.endpoint, "--gateway-url", gateway.endpoint, "--retry-count", "0"]
        let created = try await user.attempt(["backend", "create", "many", "ipfs_cluster"] + places)
        #expect(created.code == 0, "\(created.errorText)")
        let root = try await user.add(sampleBytes(300_000), name: "large")
        try await user.run("dag", "export", root, "-o", user.folder + "/large.car")
        try await gateway.keep(try bytes(at: user.folder + "/large.car"))
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try await user.json("verify").backends[0].whole.int == 1)
        #expect(try await gateway.requests().contains { $0.contains(root) && $0.contains("format=car") })
        try await gateway.begin("status", #"{"status":412}"#)
        #expect(try await user.json("verify", code: 10).backends[0].whole.int == 0)
    }

    /// Without a place to read, what a cluster says is its word, and counts as no replica.
    @Test func aWordIsNoReplica() async throws {
        let cluster = try await ClusterServer.start()
        let user = try await User.ready("owner")
        try await user.run("backend", "create", "many", "cluster", "--api-url", cluster.endpoint)
        let root = try await user.add(sampleBytes(1000), name: "told")
        _ = try await user.attempt(["sync"])
        let mapping = try await user.json("backend", "pin", "list", "many").mappings[0]
        #expect(mapping.cid.text == root && mapping.status.text == "pending", "\(mapping)")
        _ = try await user.attempt(["sync"])
        #expect(try await cluster.requests().count { $0.hasPrefix("POST /add") } == 1)
    }

    /// A cluster that answers everything and takes nothing is read-only; what it takes in a test is gone afterwards.
    @Test func whoRefusesWhatIsAddedIsReadOnly() async throws {
        let cluster = try await ClusterServer.start()
        let user = try await user("owner", cluster)
        #expect(try await user.run("backend", "test", "many").text.contains("many works"))
        #expect(try await user.json("backend", "health", "many").backends[0].health == .text("ok"))
        #expect(try await cluster.ask("GET", "/allocations").isEmpty)
        try await cluster.begin("status", #"{"status": 403, "path": "add", "text": "no"}"#)
        let row = try await user.json("backend", "health", "many", code: 7).backends[0]
        #expect(row.health == .text("read-only"), "\(row)")
    }

    /// Of two with one root, each would find, or miss, what the other one stored or removed.
    @Test func testsAtOnceDoNotMeet() async throws {
        let cluster = try await ClusterServer.start()
        let user = try await user("owner", cluster)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<6 { group.addTask { Int(try await user.attempt(["backend", "test", "many"]).code) } }
            for try await code in group { #expect(code == 0) }
        }
        #expect(try await cluster.ask("GET", "/allocations").trimmingCharacters(in: .whitespacesAndNewlines).isEmpty)
    }

    @Test(arguments: ["password", "status", "pin-error", "forget-pin", "lying"])
    func aClusterThatFailsStoresNothing(_ what: String) async throws {
        let switches = [
            "password": ["--auth", "me:a-right-word"], "status": ["--fault", #"status={"status": 503, "text": "no"}"#],
            "pin-error": ["--fault", #"pin-error={"message": "no space left on device", "attempts": 9}"#],
            "forget-pin": ["--fault", "forget-pin={}"], "lying": [],
        ]
        let cluster = try await ClusterServer.start(switches[what] ?? [])
        let flags = ["--user", "me", "--password", "a-wrong-word", "--retry-count", "0", "--timeout", "5"]
        let user = try await User.ready("owner")
        let doors = cluster.proxies.joined(separator: ",")
        let places = ["--api-url", cluster.endpoint, "--proxy-url", doors]
        let created = try await user.attempt(["backend", "create", "many", "ipfs_cluster"] + places + flags)
        #expect(created.code == 0, "\(created.errorText)")
        _ = try await user.add(sampleBytes(1000), name: "small")
        if what == "lying" {
            try await user.run("sync")
            try await cluster.change(#"{"do": "lose-all"}"#)
            let health = try await user.attempt(["backend", "health", "many", "--json"])
            #expect(health.text.contains("lying"), "\(health.code) \(health.text)\(health.errorText)")
            return
        }
        let result = try await user.attempt(["sync", "--json"])
        // Who takes a pin and has nothing of it says what is not so, as health calls it.
        let codes = ["password": 7, "status": 5, "pin-error": 5, "forget-pin": 10]
        #expect(result.code == codes[what], "\(result.code): \(result.text)\(result.errorText)")
        #expect(!(result.text + result.errorText).contains("wrong-word"))
        let mappings = try await user.json("backend", "pin", "list", "many").mappings.items
        #expect(mappings.allSatisfy { $0.status != .text("stored") })
    }

    /// A pinset of a million is listed with little memory.
    @Test func aMillionPinsAreListed() async throws {
        let cluster = try await ClusterServer.start(["--fault", #"many={"count": 1000000}"#])
        let user = try await user("owner", cluster)
        _ = try await user.add(sampleBytes(1000), name: "small")
        let report = user.folder + "/report.json"
        let (python, kit) = (try #require(Programs.python), try #require(Programs.kit).path)
        let timed = packageRoot.appending(path: "tools/bench/timed.py").path
        let result = try await ProcessRunner.run(
            python,
            [timed, report, kit, "backend", "usage", "many", "--json"],
            environment: ["IPFS_KIT_HOME": user.home, "HOME": user.folder],
            timeout: .seconds(400)
        )
        #expect(result.code == 0, "\(result.errorText)")
        #expect(try Answer.parse(result.text).backends[0].object_count.int == 1_000_000, "\(result.text)")
        let taken = try Answer.parse(String(contentsOfFile: report, encoding: .utf8))
        #expect((taken.peak.int ?? .max) < 96 << 20, "\(taken)")
    }
}
