import Foundation
import Samples
import TestKit
import Testing

/// A Kubo node as a backend, from the command line: the node is a simulator that is held to recorded exchanges.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct NodeTests {
    /// A user with a small file, one of several blocks and a folder, and a backend `node`; the roots in that order.
    private static func ready(
        _ node: KuboServer,
        _ more: String...
    ) async throws -> (user: User, roots: [String]) {
        let user = try await User.ready()
        let created = try await user.attempt(["backend", "create", "node", "ipfs", "--api-url", node.endpoint] + more)
        #expect(created.code == 0, "\(created.errorText)")
        try Trees.make(at: user.folder + "/tree")
        let roots = [
            try await user.add(sampleBytes(1000), name: "small"),
            try await user.add(sampleBytes(3 << 20), name: "large"),
            try await user.run("add", user.folder + "/tree", "-q").cid,
        ]
        return (user, roots)
    }

    private func pins(_ node: KuboServer) async throws -> Set<String> {
        let answer = try Answer.parse(String(decoding: try await node.command("pin/ls?type=recursive"), as: UTF8.self))
        guard case .object(let keys) = answer.Keys else { return [] }
        return Set(keys.keys)
    }

    @Test func aNodeKeepsWhatIsPinned() async throws {
        let node = try await KuboServer.start()
        let before = try await pins(node)
        let (user, roots) = try await Self.ready(node)
        try await user.run("backend", "test", "node")
        let sync = try await user.json("sync")
        #expect(sync.backends[0].uploaded.int == 3 && sync.backends[0].status == .text("synced"))
        #expect(try await pins(node).subtracting(before) == Set(roots))
        let imports = try await node.requests().count { $0.contains("/dag/import?") }
        #expect(imports == 3)

        // What was done needs no question.
        try await node.forgetRequests()
        let second = try await user.json("sync")
        #expect(second.backends[0].status == .text("clean") && second.backends[0].calls.int == 0)
        #expect(try await user.run("status").text.contains("node"))
        #expect(try await node.requests() == [])
        #expect(try await user.json("verify").backends[0].whole.int == 3)

        // The store is lost, and comes back from the node.
        let contents = try Trees.contents(of: user.folder + "/tree")
        try FileManager.default.removeItem(atPath: user.home + "/store/packs")
        try await user.run("store", "rebuild-index", code: 10)
        try await user.run("restore")
        #expect(try await user.content(roots[1]) == sampleBytes(3 << 20))
        try await user.run("get", roots[2], "--output", user.folder + "/restored")
        #expect(try Trees.contents(of: user.folder + "/restored") == contents)
    }

    @Test func whatNoPinWantsIsUnpinned() async throws {
        let node = try await KuboServer.start()
        let (user, roots) = try await Self.ready(node)
        try await user.run("sync")
        let own = try await pins(node)
        // Pins that are not ours stay, whoever made them.
        let other = try await User.ready("other")
        let theirs = try await other.add(sampleBytes(500, seed: 9))
        try await other.run("dag", "export", theirs, "-o", other.folder + "/a.car")
        let car = try Data(contentsOf: URL(filePath: other.folder + "/a.car"))
        try await node.command("dag/import", file: Array(car))
        try await user.run("pin", "rm", roots[0])
        #expect(try await user.json("sync", "--prune").backends[0].removed.int == 1)
        #expect(try await pins(node) == own.subtracting([roots[0]]).union([theirs]))
        // The node collects what nobody pins, and keeps the rest and what the home left.
        try await node.command("repo/gc")
        #expect(try await user.json("verify").backends[0].whole.int == 2)
        #expect(try await user.json("snapshot", "list", "node").snapshots.items.isEmpty == false)
    }

    /// What somebody else pins on the node is not taken for ours.
    @Test func aHomeComesBackFromTheNodeAlone() async throws {
        let node = try await KuboServer.start()
        let (user, roots) = try await Self.ready(node)
        try await user.run("sync")
        try await node.command("add?cid-version=1&pin=true", file: Array("somebody else's".utf8))
        let pins = try await user.json("pin", "ls")
        try FileManager.default.removeItem(atPath: user.home)
        try await user.run("init")
        try await user.run("backend", "create", "node", "kubo", "--api-url", node.endpoint)
        let recovered = try await user.run("recover", "--from", "node")
        #expect(recovered.errorText.contains("They are not pinned."), "\(recovered.errorText)")
        #expect(try await user.json("pin", "ls") == pins)
        #expect(try await user.content(roots[1]) == sampleBytes(3 << 20))
        let sync = try await user.json("sync")
        #expect(sync.backends[0].uploaded.int == 0, "\(sync)")
    }

    /// A node that lost a pin, or a block, is mended by the sync after the look.
    @Test(arguments: ["pin", "block"]) func whatTheNodeLostIsSentAgain(_ what: String) async throws {
        let node = try await KuboServer.start()
        let (user, roots) = try await Self.ready(node)
        try await user.run("sync")
        if what == "pin" {
            try await node.command("pin/rm?arg=\(roots[1])")
        } else {
            try await node.begin("lose-block", #"{"cid": "\#(roots[1])"}"#)
        }
        let seen = try await user.json("verify", code: 10).backends[0]
        #expect(seen.whole.int == 2 && (seen.missing.int ?? 0) + (seen.corrupt.int ?? 0) == 1, "\(seen)")
        try await node.end("lose-block")
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try await user.json("verify").backends[0].whole.int == 3)
    }

    /// A node that fails is no node that is empty, and no secret is told.
    @Test(arguments: ["token", "status", "pin-error", "forget-pin", "export-cut"])
    func aNodeThatFailsStoresNothing(_ what: String) async throws {
        let faults = [
            "token": ["--auth", "a-right-token"], "status": ["--fault", #"status={"status": 503}"#],
            "pin-error": ["--fault", #"pin-error={"message": "no space left on device"}"#],
            "forget-pin": ["--fault", "forget-pin={}"], "export-cut": ["--fault", #"export-cut={"bytes": 10}"#],
        ]
        let node = try await KuboServer.start(faults[what] ?? [])
        let (user, _) = try await Self.ready(
            node,
            "--api-auth",
            "bearer:a-wrong-token",
            "--retry-count",
            "0",
            "--timeout",
            "5"
        )
        let codes = ["token": 7, "status": 5, "pin-error": 8, "forget-pin": 10, "export-cut": 5]
        let result = try await user.attempt(["sync", "--json"])
        #expect(result.code == codes[what], "\(result.code): \(result.text)\(result.errorText)")
        #expect(!(result.text + result.errorText).contains("wrong-token"))
        let mappings = try await user.json("backend", "pin", "list", "node").mappings.items
        #expect(mappings.allSatisfy { $0.status != .text("stored") })
        #expect(try await user.dirty() == ["node"])
    }
}
