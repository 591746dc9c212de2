import Foundation
import Samples
import TestKit
import Testing

/// Content that comes back by URLs of other backends, with the program that people get.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct Aria2Tests {
    private static let large = sampleBytes(24 << 20)

    /// A home with something in two buckets, one of them reached through a proxy, whose store was lost.
    ///
    /// They are not on moto, which cannot check who asks where that stands in the URL.
    private func lostHome() async throws -> (user: User, root: String, proxy: FaultyProxy) {
        try Requirement.check("aria2", program: "aria2c")
        var user = try await User.ready()
        let (near, far) = (try await Bucket.make(.rclone), try await Bucket.make(.rclone))
        let proxy = try await FaultyProxy.start(before: far.server.endpoint, [])
        try await user.createS3("near", near)
        try await user.createS3("far", far, endpoint: proxy.endpoint)
        let root = try await user.add(Self.large)
        try await user.run("sync")
        try await user.run("backend", "create", "fast", "aria2")
        try FileManager.default.removeItem(atPath: user.home + "/store/packs")
        try await user.run("store", "rebuild-index", code: 10)
        return (user, root, proxy)
    }

    /// The daemons that were started for a home.
    private func daemons(_ user: User) throws -> [Int32] {
        let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }
        return numbers.filter { number in
            let line = (try? bytes(at: "/proc/\(number)/cmdline")) ?? []
            let words = String(decoding: line, as: UTF8.self)
            return words.contains("--conf-path=\(user.home)")
        }
    }

    /// What is left of downloads in a home.
    private func remains(_ user: User) throws -> [String] {
        try Trees.files(in: user.home).filter { $0.contains("ipfs-kit-run-") && !$0.hasSuffix(".lock") }
    }

    @Test func contentComesBackThroughIt() async throws {
        let (user, root, proxy) = try await lostHome()
        #expect(try await user.json("backend", "test", "fast").seen.text?.contains("aria2 1.") == true)
        #expect(try await user.json("backend", "health", "fast").backends[0].health.text == "ok")
        let before = try await proxy.count("GET")
        let part = ["cat", root, "--from", "fast", "--offset", "9000000", "--length", "4096"]
        #expect([UInt8](try await user.attempt(part).output) == Array(Self.large[9_000_000..<9_004_096]))
        #expect(try await proxy.count("GET") > before)
        try await user.run("get", root, "--from", "fast", "--output", user.folder + "/out")
        #expect(try bytes(at: user.folder + "/out") == Self.large)
        let restored = try await user.json("restore", "--from", "fast").restored[0]
        #expect(restored.from.text == "fast" && restored.bytes_read.int ?? 0 > Self.large.count)
        #expect([UInt8](try await user.attempt(["cat", root]).output) == Self.large)
        // It is a replica of nothing, and nothing is stored there.
        #expect(try await user.mapping(root, on: "fast") == nil)
        #expect(try await user.json("status").pins_without_replica.int ?? 0 == 0)
        try await user.run("backend", "pin", "add", "fast", root, "cars/x.car", code: 12)
        try await user.run("sync", "fast")
        let verified = try await user.attempt(["verify", "fast"])
        #expect(verified.code == 4 && verified.errorText.contains("fast only gives what it has"))
        #expect(!verified.text.contains("ipfs-kit sync"))
        #expect(try await user.run("backend", "certify", "fast").code == 0)
        try await user.run("recover", "--from", "fast", code: 12)
        #expect(try daemons(user).isEmpty)
        #expect(try remains(user).isEmpty)
        // No URL was written down anywhere.
        let told = try await user.shell("grep -rl X-Amz-Signature '\(user.home)' || true")
        #expect(told.isEmpty, "\(told)")
    }

    /// One copy that is damaged on its way, or on the server, does not keep the other one.
    @Test func damageOnTheWireIsNoticed() async throws {
        let (user, root, proxy) = try await lostHome()
        try await proxy.set([FaultyProxy.Rule.halve.on("GET", path: root)], for: "test")
        try await user.run("restore", "--from", "fast")
        #expect([UInt8](try await user.attempt(["cat", root]).output) == Self.large)
        // Alone it is told, with the name of the backend, and not taken for what it is not.
        try await user.run("backend", "update", "fast", "--backends", "far")
        let refused = try await user.attempt(["cat", root, "--from", "fast", "--length", "10"])
        #expect(
            refused.code != 0 && refused.output.isEmpty && refused.errorText.contains("far"),
            "\(refused.errorText)"
        )
        try await user.run("backend", "update", "fast", "--backends", "nobody")
        #expect(try await user.attempt(["cat", root, "--from", "fast"]).code == 3)
    }

    /// The program is killed in the middle: its daemon ends, and the next command removes what it left.
    @Test func aKilledCommandLeavesNothingForLong() async throws {
        let (user, root, proxy) = try await lostHome()
        try await proxy.set([FaultyProxy.Rule.pause(200_000).on("GET", path: root)], for: "test")
        try await user.run("backend", "update", "fast", "--backends", "far")
        let running = try Running(user, "restore", "--from", "fast")
        #expect(
            try await holds {
                let isAsked = try await proxy.count("GET", path: root) > 0
                return try isAsked && !daemons(user).isEmpty
            }
        )
        running.signal(SIGKILL)
        #expect(try await holds { try daemons(user).isEmpty })
        try await proxy.clear("test")
        try await user.run("restore", "--from", "fast")
        #expect([UInt8](try await user.attempt(["cat", root]).output) == Self.large)
        #expect(try remains(user).isEmpty)
    }

    /// A daemon that is killed in the middle is replaced.
    @Test func aKilledDaemonIsReplaced() async throws {
        let (user, root, proxy) = try await lostHome()
        try await proxy.set([FaultyProxy.Rule.pause(200_000).on("GET", path: root)], for: "test")
        try await user.run("backend", "update", "fast", "--backends", "far")
        let restoring = Task { try await user.attempt(["restore", "--from", "fast"]) }
        #expect(
            try await holds {
                let isAsked = try await proxy.count("GET", path: root) > 0
                return try isAsked && !daemons(user).isEmpty
            }
        )
        for daemon in try daemons(user) { kill(daemon, SIGKILL) }
        try await proxy.clear("test")
        #expect(try await restoring.value.code == 0)
        #expect([UInt8](try await user.attempt(["cat", root]).output) == Self.large)
    }
}
