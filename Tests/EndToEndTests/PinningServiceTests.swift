import Foundation
import Samples
import TestKit
import Testing

/// A pinning service as a backend, from its first day to its last.
///
/// One fetches content from a node, and to the other one it is uploaded. The service is a simulator that is held to
/// recorded exchanges.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct PinningServiceTests {
    private static let large = sampleBytes(3 << 20)

    /// A user with a backend `pins`, and what he has pinned; the service gets content from the node, or from him.
    private static func ready(uploads: Bool) async throws -> (user: User, server: PinningServer, roots: [String]) {
        let user = try await User.ready()
        let server = try await PinningServer.start(uploads ? [] : ["--steps", "2"])
        var words = ["backend", "create", "pins", uploads ? "pinata" : "pinning_service"] + server.flags
        if uploads {
            words += ["--upload-url", server.endpoint, "--multipart-threshold", "1MiB", "--part-size", "5MiB"]
        } else {
            let node = try await KuboServer.start()
            let port = try #require(node.endpoint.split(separator: ":").last)
            words += ["--origins", "/ip4/127.0.0.1/tcp/\(port)"]
            try await user.run("backend", "create", "node", "ipfs", "--api-url", node.endpoint)
        }
        let created = try await user.attempt(words)
        #expect(created.code == 0, "\(created.errorText)")
        var roots = [try await user.add(Self.large, name: "large")]
        for number in 0..<4 { roots.append(try await user.add(sampleBytes(1000 + number), name: "small \(number)")) }
        if !uploads { try await user.run("sync", "node") }
        return (user, server, roots)
    }

    /// Syncs until the service has all that it works on, and it was read back.
    private func settle(_ user: User, _ count: Int) async throws {
        let isDone = try await holds {
            _ = try await user.attempt(["sync", "pins"])
            let rows = try await user.json("backend", "pin", "list", "pins").mappings.items
            return rows.count == count && rows.allSatisfy { $0.status == .text("stored") }
        }
        let last = isDone ? "" : try await user.attempt(["sync", "pins"]).text
        #expect(isDone, "\(last)")
    }

    @Test(arguments: [false, true]) func aServiceKeepsWhatIsPinned(uploads: Bool) async throws {
        let (user, server, roots) = try await Self.ready(uploads: uploads)
        #expect(try await user.run("backend", "test", "pins").text.contains("pins \(uploads ? "works" : "takes")"))
        if !uploads {
            // What it works on is a claim of nobody, and no copy.
            let begun = try await user.attempt(["sync", "pins", "--json"])
            let row = try Answer.parse(begun.text).backends[0]
            #expect(row.uploaded.int == 0 && row.status != .text("synced"), "\(row)")
            #expect(try await user.json("backend", "pin", "list", "pins").mappings.items.isEmpty)
        }
        try await settle(user, roots.count)
        let clean = try await user.json("sync", "pins").backends[0]
        #expect(clean.status == .text("clean") && clean.calls.int == 0, "\(clean)")
        #expect(try await user.json("verify", "pins").backends[0].whole.int == roots.count)
        #expect(try await user.json("backend", "health", "pins").backends[0].health == .text("ok"))
        #expect(try await user.run("backend", "certify", "pins").code == 0)

        try await repair(user, server, roots, uploads: uploads)
        try await restore(user, roots, uploads: uploads)
        try await prune(user, server, roots, uploads: uploads)
        try await user.run("backend", "remove", "pins", "--force")
    }

    /// What is damaged there, or gone, is found, and brought anew.
    private func repair(_ user: User, _ server: PinningServer, _ roots: [String], uploads: Bool) async throws {
        try await server.spoil(roots[0])
        let list = uploads ? "/v3/files/public?cid=\(roots[1])" : "/psa/pins?cid=\(roots[1])"
        let found = try Answer.parse(String(decoding: try await server.send("GET", list), as: UTF8.self))
        let id = uploads ? found.data.files[0].id.text : found.results[0].requestid.text
        try await server.send("DELETE", (uploads ? "/v3/files/public/" : "/psa/pins/") + (try #require(id)))
        let seen = try await user.json("verify", "pins", code: 10).backends[0]
        #expect(seen.corrupt.int == 1 && seen.missing.int == 1, "\(seen)")
        try await settle(user, roots.count)
        #expect(try await user.json("verify", "pins").backends[0].whole.int == roots.count)
    }

    /// The store is lost, and comes back from the service alone.
    private func restore(_ user: User, _ roots: [String], uploads: Bool) async throws {
        if !uploads { try await user.run("backend", "disable", "node") }
        try FileManager.default.removeItem(atPath: user.home + "/store/packs")
        try await user.run("store", "rebuild-index", code: 10)
        try await user.run("restore")
        #expect([UInt8](try await user.attempt(["cat", roots[0]]).output) == Self.large)
        let part = ["cat", roots[0], "--from", "pins", "--offset", "1500000", "--length", "4096"]
        #expect([UInt8](try await user.attempt(part).output) == Array(Self.large[1_500_000..<1_504_096]))
        if !uploads { try await user.run("backend", "enable", "node") }
    }

    /// What no pin wants goes, and what somebody else asked for stays.
    private func prune(_ user: User, _ server: PinningServer, _ roots: [String], uploads: Bool) async throws {
        let theirs = #"{"cid": "\#(roots[2])", "name": "theirs"}"#
        try await server.send("POST", "/psa/pins", theirs)
        try await user.run("pin", "rm", roots[2], roots[3])
        let pruned = try await user.json("sync", "pins", "--prune").backends[0]
        #expect(pruned.removed.int == 2, "\(pruned)")
        let every = "/psa/pins?status=queued,pinning,pinned,failed&limit=100"
        let answer = try Answer.parse(String(decoding: try await server.send("GET", every), as: UTF8.self))
        #expect(answer.results.items.filter { $0.pin.name == .text("theirs") }.count == 1)
        #expect(answer.results.items.count == (uploads ? 1 : roots.count - 2 + 1))
        if uploads {
            let files = try Answer.parse(
                String(decoding: try await server.send("GET", "/v3/files/public?limit=100"), as: UTF8.self)
            )
            #expect(files.data.files.items.count == roots.count - 2)
        }
    }

    /// A service that says “pinned” of what it does not give lies.
    ///
    /// What it does not give counts no more, and stays there.
    @Test(arguments: [true, false])
    func whoSaysPinnedAndDoesNotGiveItIsLying(uploads: Bool) async throws {
        let (user, server, roots) = try await Self.ready(uploads: uploads)
        try await settle(user, roots.count)
        for root in roots { try await server.lose(root) }
        let row = try await user.json("backend", "health", "pins", code: 10).backends[0]
        #expect(row.health == .text("lying"), "\(row)")
        // That it does not give it now is no proof that it is gone.
        let rows = try await user.json("verify", "pins", code: 10).backends[0]
        #expect(rows.withheld.int == roots.count && rows.missing.int == 0, "\(rows)")
        let mappings = try await user.json("backend", "pin", "list", "pins").mappings.items
        #expect(mappings.allSatisfy { $0.status == .text("unknown") }, "\(mappings)")
        #expect(try await user.dirty().contains("pins"))
        // What it withholds may be whole there, so nothing of it is let go, and no look at its word makes it count.
        for _ in 0..<2 {
            #expect(try await user.json("backend", "health", "pins", code: 10).backends[0].health == .text("lying"))
            #expect(try await user.attempt(["sync", "pins"]).code == 10)
        }
        let list = uploads ? "/v3/files/public?limit=100" : "/psa/pins?status=pinned&limit=100"
        let found = try Answer.parse(String(decoding: try await server.send("GET", list), as: UTF8.self))
        #expect((uploads ? found.data.files : found.results).items.count == roots.count, "\(found)")
    }

    /// A home that is rebuilt from the service takes what a kit had it pin, goes on as that kit, and leaves what is
    /// somebody else's.
    @Test func whatSomebodyElsePinsIsNotRecovered() async throws {
        let (user, server, roots) = try await Self.ready(uploads: false)
        try await settle(user, roots.count)
        try await server.send("POST", "/psa/pins", #"{"cid": "\#(roots[4])", "name": "theirs"}"#)
        try await user.run("pin", "rm", roots[4])
        #expect(try await user.json("sync", "pins", "--prune").backends[0].removed.int == 1)
        #expect(
            try await holds {
                let all = try await server.send("GET", "/psa/pins?status=pinned")
                return try Answer.parse(String(decoding: all, as: UTF8.self)).results.items.count == roots.count
            }
        )
        let other = try await User.ready("other")
        let created = try await other.attempt(["backend", "create", "pins", "pinning_service"] + server.flags)
        #expect(created.code == 0, "\(created.errorText)")
        let found = try await other.json("recover", "--from", "pins", "--metadata-only")
        #expect(try await other.pins().sorted() == roots.dropLast().sorted(), "\(found)")
        #expect("\(found.warnings)".contains("1 roots that the kit did not have stored there, such as \(roots[4])"))
        #expect(found.kit.text == (try await user.json("backend", "peers", "pins").kit.text))
        // What that kit had pinned is its own to remove.
        try await other.run("sync", "pins")
        try await other.run("pin", "rm", roots[3])
        #expect(try await other.json("sync", "pins", "--prune").backends[0].removed.int == 1)
    }

    /// A copy of a home cannot see there whether the other one is at work: it removes nothing that one may want.
    @Test func aCopyOfAHomeRemovesNothing() async throws {
        let (user, server, roots) = try await Self.ready(uploads: true)
        try await settle(user, roots.count)
        let copy = try user.copied("copy")
        try await copy.run("pin", "rm", roots[1])
        let held = try await copy.attempt(["sync", "pins", "--prune", "--json"])
        #expect(
            held.code == 6 && held.text.contains("backend peers forget"),
            "\(held.code) \(held.text)\(held.errorText)"
        )
        let files = try Answer.parse(
            String(decoding: try await server.send("GET", "/v3/files/public?limit=100"), as: UTF8.self)
        )
        #expect(files.data.files.items.count == roots.count)
        let home = try await user.json("backend", "peers", "pins").home.text
        try await copy.run("backend", "peers", "forget", try #require(home))
        #expect(try await copy.json("sync", "pins", "--prune").backends[0].removed.int == 1)
    }

    /// A service that answers everything and takes nothing is read-only; what it takes in a test is gone afterwards.
    @Test(arguments: [true, false]) func whoRefusesWhatIsToBePinnedIsReadOnly(uploads: Bool) async throws {
        let (user, server, _) = try await Self.ready(uploads: uploads)
        #expect(try await user.json("backend", "health", "pins").backends[0].health == .text("ok"))
        let every = "/psa/pins?status=queued,pinning,pinned,failed&limit=100"
        let left = try Answer.parse(String(decoding: try await server.send("GET", every), as: UTF8.self))
        #expect(left.results.items.isEmpty, "\(left)")
        try await server.begin("status", #"{"status": 403, "on": "POST", "body": "{}", "times": 1000}"#)
        let row = try await user.json("backend", "health", "pins", code: 7).backends[0]
        #expect(row.health == .text("read-only"), "\(row)")
        #expect(try await user.attempt(["backend", "test", "pins"]).code == 7)
    }

    /// What a service says is a claim until it was read: where its gateway does not give it, nothing is stored.
    @Test func whatTheGatewayDoesNotGiveIsNotStored() async throws {
        let (user, server, roots) = try await Self.ready(uploads: false)
        try await server.begin("gateway-status", #"{"status": 503}"#)
        try await user.run("backend", "update", "pins", "--retry-count", "0")
        let isClaimed = try await holds {
            _ = try await user.attempt(["sync", "pins"])
            let rows = try await user.json("backend", "pin", "list", "pins").mappings.items
            return rows.count == roots.count && rows.allSatisfy { $0.status == .text("pending") }
        }
        let dirty = try await user.dirty()
        #expect(isClaimed && dirty.contains("pins"))
        let failed = try await user.attempt(["sync", "pins"])
        #expect(failed.code != 0 && (failed.text + failed.errorText).contains("503"), "\(failed.text)")
        try await server.end("gateway-status")
        try await settle(user, roots.count)
    }

    /// No secret is told, whatever the service repeats.
    @Test func noSecretIsTold() async throws {
        let (user, server, _) = try await Self.ready(uploads: true)
        let echo = #"{\"error\":{\"reason\":\"UNAUTHORIZED\",\"details\":\"the token \#(server.token) is old\"}}"#
        try await server.begin("status", #"{"status": 401, "body": "\#(echo)"}"#)
        for words in [["sync"], ["backend", "test", "pins"], ["backend", "health", "pins"], ["log"]] {
            let result = try await user.attempt(words)
            #expect(!(result.text + result.errorText).contains(server.token), "\(words)")
        }
        #expect(try await user.attempt(["sync"]).code == 7)
        #expect(try await !user.run("backend", "show", "pins").text.contains(server.token))
    }
}
