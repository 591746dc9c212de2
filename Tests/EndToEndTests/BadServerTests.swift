import Foundation
import Samples
import TestKit
import Testing

/// Backends that do not do what they should: nothing half is visible, nothing acknowledged is lost, and a later sync
/// ends well.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct BadServerTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let title: String
        let rules: [FaultyProxy.Rule]
        let codes: Set<Int>
        var testDescription: String { title }
    }

    private static let page = "<html><body>Please log in</body></html>"

    static let faults = [
        Fault(title: "refuses", rules: [.status(403, body: page)], codes: [7]),
        Fault(title: "is broken", rules: [.status(500)], codes: [5]),
        Fault(title: "is overloaded", rules: [.status(503, ["Retry-After": "0"])], codes: [5]),
        Fault(title: "never answers", rules: [.hang], codes: [5]),
        Fault(title: "closes", rules: [.reset], codes: [5]),
        Fault(title: "never answers uploads", rules: [.hang.on("PUT")], codes: [5]),
        Fault(title: "loses replies", rules: [.drop.on("PUT")], codes: [5]),
        Fault(
            title: "answers everything with a page",
            rules: [.status(200, ["Content-Type": "text/html"], body: page)],
            codes: [1, 5, 10]
        ),
        Fault(
            title: "answers uploads with a page",
            rules: [.status(200, ["Content-Type": "text/html"], body: page).on("PUT")],
            codes: [1, 5, 10]
        ),
        Fault(title: "cuts lists", rules: [.cut(20).on("GET", path: "list-type")], codes: [1, 5, 10]),
        Fault(
            title: "has no such bucket",
            rules: [.status(404, body: "<Error><Code>NoSuchBucket</Code></Error>")],
            codes: [5]
        ),
    ]

    @Test(arguments: faults)
    func aServerThat(_ fault: Fault) async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let root = try await user.add(sampleBytes(200_000))
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, fault.rules)
        let settings = ["--timeout", "4", "--retry-count", "0"]
        try await user.createS3(
            "cloud",
            bucket,
            endpoint: proxy.endpoint,
            settings[0],
            settings[1],
            settings[2],
            settings[3]
        )
        let result = try await user.attempt(["sync", "--json"])
        #expect(fault.codes.contains(result.code), "\(result.code): \(result.text)\(result.errorText)")
        let backend = try Answer.parse(result.text).backends[0]
        #expect(backend.status == .text("failed"), "\(result.text)")
        #expect(try await user.dirty() == ["cloud"])
        let places = try Answer.parse(try await user.attempt(["whereis", root, "--json"]).text)
        #expect(places.mappings.items.allSatisfy { $0.status != .text("stored") })
        #expect(try await user.pins() == [root])
        let shown = try await user.attempt(["sync"])
        #expect(shown.text.contains("cloud") && shown.text.contains("Run: ipfs-kit "), "\(shown.text)")
        // Where something arrived, it is whole.
        let exported = [UInt8](try await user.run("dag", "export", root).output)
        for name in try await bucket.names() where !name.hasPrefix("kits/") {
            #expect(try await bucket.object(name) == exported)
        }
        try await user.lead("cloud", to: bucket)
        try await user.run("sync")
        #expect(try await user.json("verify").backends[0].whole.int == 1)
    }

    @Test func aWrongSecretIsNamedAsSuch() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        try await user.createS3("cloud", bucket)
        try await user.add(sampleBytes(1000))
        user.environment["E2E_SECRET"] = "wrong"
        let sync = try await user.run("sync", code: 7)
        #expect(sync.text.contains("cloud") && sync.text.contains("Run: ipfs-kit backend show cloud"))
        let test = try await user.run("backend", "test", "cloud", code: 7)
        #expect(test.errorText.contains("cloud") && test.errorText.contains("Run: ipfs-kit backend show cloud"))
        #expect(try await bucket.names().isEmpty)
        user.environment["E2E_SECRET"] = bucket.server.secretAccessKey
        try await user.run("sync")
        user.environment["E2E_SECRET"] = "wrong"
        #expect(try await user.json("verify", code: 7).backends[0].unknown.int == 1)
        try await user.run("recover", "--from", "cloud", code: 7)
    }

    @Test func aServerThatIsDownIsTemporary() async throws {
        let user = try await User.ready()
        try await user.add(sampleBytes(1000))
        try await user.run(
            "backend",
            "create",
            "cloud",
            "s3",
            "--endpoint",
            "http://127.0.0.1:1",
            "--bucket",
            "b",
            "--access-key-id",
            "a",
            "--secret-access-key",
            "b",
            "--retry-count",
            "0"
        )
        let sync = try await user.run("sync", code: 5)
        #expect(sync.text.contains("cloud") && sync.text.contains("Run: ipfs-kit backend test cloud"))
        #expect(try await user.run("backend", "test", "cloud", code: 5).errorText.contains("127.0.0.1"))
    }

    static let badReads: [(FaultyProxy.Rule, Set<Int>)] = [
        (.cut(5000), [5]), (.status(200, body: page), [5]), (.hang, [5]), (.status(503), [5]),
    ]

    @Test(arguments: badReads)
    func aBadReadIsNotTakenForContent(_ rule: FaultyProxy.Rule, _ codes: Set<Int>) async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let root = try await user.add(sampleBytes(200_000))
        try await user.createS3("cloud", bucket)
        try await user.run("sync")
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [rule.on("GET", path: root)])
        try await user.run(
            "backend",
            "update",
            "cloud",
            "--endpoint",
            proxy.endpoint,
            "--timeout",
            "1",
            "--retry-count",
            "0"
        )
        let verify = try await user.attempt(["verify", "--json"])
        #expect(codes.contains(verify.code), "\(verify.text)")
        #expect(try Answer.parse(verify.text).backends[0].whole.int == 0)
        try FileManager.default.removeItem(atPath: user.home)
        try await user.run("init")
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--timeout", "4", "--retry-count", "0")
        let recover = try await user.attempt(["recover", "--from", "cloud"])
        #expect(codes.contains(recover.code), "\(recover.code) \(recover.text)")
        #expect(recover.text.contains("Run: ipfs-kit "), "\(recover.text)")
        try await user.run("cat", root, code: 4)
        #expect(try await user.pins() == [root])
        try await user.lead("cloud", to: bucket)
        try await user.run("recover", "--from", "cloud")
        #expect(try [UInt8](await user.run("cat", root).output) == sampleBytes(200_000))
    }

    /// A restoration tells it, too; and what is given again was there all the time.
    @Test func whatIsSaidToBeThereAndNotGivenIsWithheld() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--retry-count", "0")
        let root = try await user.add(sampleBytes(100_000))
        try await user.run("sync")
        try FileManager.default.removeItem(atPath: user.home + "/store/packs")
        try await user.run("store", "rebuild-index", code: 10)
        let none = FaultyProxy.Rule.status(404, body: "<Error><Code>NoSuchKey</Code></Error>")
        try await proxy.set([none.on("GET", path: "/cars/")], for: "withholds")
        let kept = try await user.run("restore", code: 10)
        #expect(kept.text.contains("says that it has \(root), and does not give it"), "\(kept.text)")
        #expect(try await user.json("whereis", root).mappings[0].status == .text("unknown"))
        #expect(try await user.json("verify", code: 10).backends[0].withheld.int == 1)
        try await proxy.clear("withholds")
        try await user.run("restore")
        #expect(try await user.json("whereis", root).mappings[0].status == .text("stored"))
        #expect(try await user.json("sync").backends[0].uploaded.int == 0)
    }

    // MARK: What is left behind

    /// Tests of a backend that are killed, or cannot remove what they stored.
    @Test func whatATestLeavesIsToldAndRemovedByTheNext() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let removals = FaultyProxy.Rule.status(403).on("DELETE", path: "/health/", times: 1...1)
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [removals])
        try await proxy.set([.hang.on("GET", path: "/health/")], for: "slow")
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--retry-count", "0")
        let running = try Running(user, "backend", "test", "cloud")
        try await running.wait { try await !bucket.names().isEmpty }
        running.signal(SIGKILL)
        _ = await running.end()
        try await proxy.clear("slow")
        #expect(try await bucket.names().filter { $0.hasPrefix("health/") }.count == 1)
        let refused = try await user.run("backend", "test", "cloud", code: 7)
        #expect(refused.errorText.contains("stays there, and is used again"), "\(refused.errorText)")
        try await user.run("backend", "test", "cloud")
        #expect(try await bucket.names().isEmpty)
    }

    /// Parts of a killed upload go, also when nothing wants the root any more.
    @Test func whatAKilledUploadLeavesIsRemoved() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(
            before: bucket.server.endpoint,
            [.hang.on("PUT", path: "partNumber=2")]
        )
        try await user.createS3(
            "cloud",
            bucket,
            endpoint: proxy.endpoint,
            "--part-size",
            "5MiB",
            "--multipart-threshold",
            "5MiB"
        )
        let root = try await user.add(sampleBytes(6 << 20))
        let running = try Running(user, "sync")
        try await running.wait { try await proxy.requests().contains { $0.contains("partNumber=2") } }
        running.signal(SIGKILL)
        _ = await running.end()
        #expect(try await bucket.unfinished() == 1)
        try await user.run("pin", "rm", root)
        try await user.run("sync")
        #expect(try await bucket.unfinished() == 0)
    }

    static let foreignRemovals: [FaultyProxy.Rule] = [
        .status(200, ["Content-Type": "text/html"], body: page), .status(200, body: page),
        .status(200, body: "<html xmlns=\"http://www.w3.org/1999/xhtml\"><body/></html>"), .status(200, body: "{}"),
        .status(302, ["Location": "http://login.test/"]), .status(404, body: page), .status(404), .status(202),
    ]

    @Test(arguments: foreignRemovals)
    func aPageIsNoRemoval(_ rule: FaultyProxy.Rule) async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let root = try await user.add(sampleBytes(2000))
        try await user.createS3("cloud", bucket)
        try await user.run("sync")
        try await user.run("pin", "rm", root)
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [rule.on("DELETE")])
        // The real server may fail once, and is asked again; the removal is one request.
        try await user.run("backend", "update", "cloud", "--endpoint", proxy.endpoint, "--retry-count", "0")
        let result = try await user.attempt(["sync", "--prune", "--json"])
        #expect(result.code != 0, "\(result.text)")
        #expect(try Answer.parse(result.text).backends[0].removed.int == 0)
        #expect(try await bucket.names().contains("cars/\(root).car"))
    }

    @Test(arguments: [FaultyProxy.Rule.echo, .praise])
    func whatTheServiceSaysOfBytesItHasNotGotIsNoProof(_ rule: FaultyProxy.Rule) async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let root = try await user.add(sampleBytes(3 << 20))
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [rule.on("PUT", path: "/cars/")])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--retry-count", "0")
        #expect(try await user.attempt(["sync"]).code != 0)
        let places = try Answer.parse(try await user.attempt(["whereis", root, "--json"]).text)
        #expect(places.mappings.items.allSatisfy { $0.status != .text("stored") })
    }
}

extension User {
    /// Leads a backend to the server itself, with the patience of every day: it may be busy with other tests.
    fileprivate func lead(_ backend: String, to bucket: Bucket) async throws {
        let endpoint = bucket.server.endpoint
        try await run("backend", "update", backend, "--endpoint", endpoint, "--timeout", "60", "--retry-count", "3")
    }
}
