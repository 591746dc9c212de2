import Foundation
import Samples
import TestKit
import Testing

/// `backend certify`: a backend on trial keeps what it had, and nothing of the trial.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct CertifyTests {
    private func files(_ folder: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
    }

    @Test(arguments: [["certify"], ["certify", "--full"]])
    func `a directory passes and is as it was`(_ words: [String]) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await user.add(sampleBytes(3000))
        try await user.run("sync")
        let (before, status) = (try files(disk), try await user.run("status", "--json").text)
        let result = try await user.attempt(["backend"] + words + ["disk", "--json"])
        #expect(result.code == 0, "\(result.errorText)")
        let answer = try Answer.parse(result.text)
        #expect(answer.ok == .flag(true) && answer.remains.items.isEmpty)
        let outcomes = answer.laws.items.map(\.outcome.text)
        #expect(outcomes.count { $0 == "passed" } >= (words.count == 1 ? 15 : 70))
        #expect(outcomes.allSatisfy { $0 == "passed" || $0 == "does_not_apply" })
        #expect(answer.laws.items.allSatisfy { ($0.outcome == .text("passed")) == ($0.reason == .null) })
        #expect(try files(disk) == before)
        #expect(try await user.run("status", "--json").text == status)
        #expect(try await user.json("sync").backends[0].calls.int == 0)
    }

    @Test(arguments: [["certify"], ["certify", "--full"]])
    func `a bucket passes and is as it was`(_ words: [String]) async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        try await user.createS3("cloud", bucket, "--multipart-threshold", "5 MiB", "--part-size", "5 MiB")
        let result = try await user.attempt(["backend"] + words + ["cloud"])
        #expect(result.code == 0, "\(result.text)\(result.errorText)")
        #expect(result.text.contains("laws passed"))
        #expect(try await bucket.names() == [])
    }

    /// What a trial measured stands beside what is declared, until the backend leads elsewhere.
    @Test func `what was measured is shown with the types`() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        #expect(try await user.json("backend", "types").backends.items.isEmpty)
        try await user.run("backend", "update", "disk", "--bandwidth-limit", "8MiB")
        let trial = try await user.json("backend", "certify", "disk")
        #expect(trial.measured.laws_failed == .number(0) && trial.measured.laws_passed.int ?? 0 >= 14)
        #expect((1...(20 << 20)).contains(trial.measured.up_bytes_per_second.int ?? 0), "\(trial.measured)")
        #expect(try files(disk) == [])
        let shown = try await user.json("backend", "types").backends
        #expect(shown.items.count == 1 && shown[0].backend == .text("disk") && shown[0].measured == trial.measured)
        #expect(shown[0].bandwidth_limit == .number(Double(8 << 20)) && shown[0].can.items.contains(.text("ranges")))
        let text = try await user.run("backend", "types").text
        #expect(text.contains("disk") && text.contains("/s") && text.contains("just now"))
        try await user.run("backend", "update", "disk", "--path", user.folder)
        #expect(try await user.json("backend", "types").backends.items.isEmpty)
        // The table needs no home.
        try FileManager.default.removeItem(atPath: user.home)
        #expect(try await user.json("backend", "types").types.items.count > 10)
    }

    @Test func `a node passes and has the pins that it had`() async throws {
        let node = try await KuboServer.start()
        let user = try await User.ready()
        try await user.run("backend", "create", "node", "ipfs", "--api-url", node.endpoint)
        let before = try await pins(node)
        let answer = try await user.json("backend", "certify", "node")
        #expect(answer.laws.items.contains { $0.of == .text("content") && $0.outcome == .text("passed") })
        #expect(try await pins(node) == before)
        #expect(try await files(of: node).isEmpty)
    }

    @Test func `a law that is broken is told with its sentence, and what stays is named`() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let praise = FaultyProxy.Rule.status(204).on("DELETE")
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [praise])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint)
        let result = try await user.attempt(["backend", "certify", "cloud", "--json"])
        #expect(result.code == 10, "\(result.text)\(result.errorText)")
        let answer = try Answer.parse(result.text)
        let broken = answer.laws.items.filter { $0.outcome == .text("failed") }
        #expect(
            broken.contains { $0.law == .text("what is removed is gone") && $0.reason.text?.hasSuffix(".") == true }
        )
        #expect(Set(answer.remains.items.compactMap(\.text)) == Set(try await bucket.names()))
        #expect(result.errorText.contains("stays on cloud") && result.errorText.contains("what is removed is gone"))
        // Where removing works again, the next trial removes that too.
        try await user.run("backend", "update", "cloud", "--endpoint", bucket.server.endpoint)
        try await user.run("backend", "certify", "cloud")
        #expect(try await bucket.names() == [])
    }

    @Test func `a service that cannot be asked breaks no law`() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let down = FaultyProxy.Rule.status(503, ["Retry-After": "0"]).on("PUT", times: 3...(1 << 60))
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [down])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--retry-count", "0")
        let result = try await user.attempt(["backend", "certify", "cloud", "--json"])
        let answer = try Answer.parse(result.text)
        #expect(answer.laws.items.allSatisfy { $0.outcome != .text("failed") })
        #expect(answer.laws.items.contains { $0.outcome == .text("unknown") })
        #expect(result.code == 6 || result.code == 5, "\(result.code)")
        #expect(try await bucket.names() == [])
    }

    @Test func `a node that cannot say what it holds breaks no law`() async throws {
        let node = try await KuboServer.start()
        let proxy = try await FaultyProxy.start(before: node.endpoint, [.status(500).on("POST", path: "pin/ls")])
        let user = try await User.ready()
        try await user.run("backend", "create", "node", "ipfs", "--api-url", proxy.endpoint)
        let result = try await user.attempt(["backend", "certify", "node", "--json"])
        let answer = try Answer.parse(result.text)
        #expect(answer.laws.items.allSatisfy { $0.outcome != .text("failed") }, "\(result.text)")
        #expect(
            answer.laws.items.contains { $0.outcome == .text("unknown") && $0.of == .text("content") },
            "\(result.text)"
        )
        #expect(result.code == 6 || result.code == 5, "\(result.code)")
    }

    @Test func `a trial that is stopped removes what it made`() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let hold = FaultyProxy.Rule.hold.on("PUT", times: 6...6)
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [hold])
        // On a busy machine it may take long before somebody sees that it is held, and it must not give up before.
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--timeout", "600")
        let trial = try Running(user, "backend", "certify", "cloud")
        try await trial.wait { try await proxy.count("PUT") >= 6 }
        trial.signal(SIGINT)
        #expect(await trial.end() == 130)
        #expect(trial.errors.contains("interrupted") && !trial.errors.contains("stays"), "\(trial.errors)")
        #expect(try await bucket.names() == [])
    }

    @Test func `what a killed trial left is removed by the next, and what others have there is not`() async throws {
        let node = try await KuboServer.start()
        let proxy = try await FaultyProxy.start(before: node.endpoint, [.hang.on("POST", path: "dag/export")])
        let user = try await User.ready()
        let before = try await pins(node)
        try await user.run("backend", "create", "node", "ipfs", "--api-url", proxy.endpoint)
        let trial = try Running(user, "backend", "certify", "node")
        try await trial.wait { try await proxy.count("POST", path: "dag/export") > 0 }
        trial.signal(SIGKILL)
        #expect(await trial.end() == 137)
        #expect(try await pins(node).count == before.count + 1)
        // Of another home, a moment ago.
        let other = "certify%2Fother.1.x%2Fobject"
        try await node.command("files/write?arg=/ipfs-kit/\(other.replacing("%", with: "%25"))&create=true", file: [1])
        try await user.run("backend", "update", "node", "--api-url", node.endpoint)
        try await user.run("backend", "certify", "node")
        #expect(try await pins(node) == before)
        #expect(try await files(of: node) == [other])
    }

    private func pins(_ node: KuboServer) async throws -> Set<String> {
        let answer = try Answer.parse(String(decoding: try await node.command("pin/ls?type=recursive"), as: UTF8.self))
        guard case .object(let keys) = answer.Keys else { return [] }
        return Set(keys.keys)
    }

    private func files(of node: KuboServer) async throws -> [String] {
        let answer = try Answer.parse(String(decoding: try await node.command("files/ls?arg=/ipfs-kit"), as: UTF8.self))
        return answer.Entries.items.compactMap(\.Name.text)
    }
}
