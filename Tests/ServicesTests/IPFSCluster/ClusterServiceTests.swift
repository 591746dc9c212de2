import Foundation
import Multiformats
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// A backend on a cluster that is a simulator, whose peers fail, lose and lie.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(3))) struct ClusterServiceTests: ClusterTrial {
    // MARK: Storing

    @Test func aRootIsOnAsManyPeersAsItIsToBeOn() async throws {
        let server = try await ClusterServer.start()
        let settings: [String: FieldValue] = [
            "replication": .integer(2), "name_prefix": .text("kit/"), "pin_metadata": .list(["team=a b"]),
            "expire_in": .integer(7200),
        ]
        let content = try await open(server, settings)
        let archive = SampleArchive(seed: 1, leaves: 40)
        var upload = Upload(archive.root, archive.body)
        upload.name = "photos & more"
        #expect(try await content.store(upload) == .stored(Location("\(archive.root)"), proof: nil))
        let pin = try await server.ask("GET", "/allocations/\(archive.root)")
        let words = [#""name": "kit/photos & more""#, #""team": "a b""#, #""ipfs-kit": "kit-a""#]
        for word in words {
            #expect(pin.contains(word), "\(pin)")
        }
        #expect(pin.contains(#""replication_factor_min": 2"#) && !pin.contains(#""expire_at": "0001"#))
        guard case .present(let held) = await content.presence(of: archive.root, at: nil) else {
            Issue.record("It was stored.")
            return
        }
        #expect(held.remark?.hasPrefix("It is pinned on peer-") == true && held.length == nil)
        #expect(held.place?.hasSuffix(" \(archive.root)") == true)
        #expect(try await read(archive, content) == archive.bytes)
        #expect(try await content.block(archive.root).isEmpty == false)
    }

    /// The list of roots, a look at one and an upload are as many requests as the page says.
    @Test func whatIsDoneTakesFewRequests() async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server)
        let archive = SampleArchive(seed: 2)
        func requests(_ work: () async throws -> Void) async throws -> [String] {
            try await server.forgetRequests()
            try await work()
            return try await server.requests().map { String($0.prefix { $0 != "?" }) }
        }
        let root = "\(archive.root)"
        let stored = try await requests { _ = try await content.store(archive.upload) }
        #expect(stored == ["GET /allocations/\(root)", "POST /add", "GET /pins/\(root)"])
        _ = await content.presence(of: archive.root, at: nil)
        #expect(try await requests { _ = await content.presence(of: archive.root, at: nil) } == ["GET /pins/\(root)"])
        #expect(try await requests { for try await _ in content.roots() {} } == ["GET /allocations"])
        #expect(
            try await requests { try await content.remove(archive.root, at: nil) }
                == ["GET /allocations/\(root)", "DELETE /pins/\(root)"]
        )
    }

    @Test func aRootThatPeersAreAtWorkOnHasATicket() async throws {
        let server = try await ClusterServer.start(["--pace", "4"])
        let content = try await open(server)
        let archive = SampleArchive(seed: 3)
        guard case .accepted(let ticket) = try await content.store(archive.upload) else {
            Issue.record("No peer has pinned it yet.")
            return
        }
        #expect(ticket.wait == nil)
        #expect(word(await content.presence(of: archive.root, at: nil)) == "pending")
        #expect(word(try await content.check(ticket, of: archive.root)) == "open")
        var looks = 0
        while word(try await content.check(ticket, of: archive.root)) == "open", looks < 20 { looks += 1 }
        #expect(word(try await content.check(ticket, of: archive.root)) == "done")
        #expect(try await read(archive, content) == archive.bytes)
        // A machine of states may go backwards: that is no loss.
        try await server.begin("say", #"{"status": "pinning"}"#)
        #expect(word(await content.presence(of: archive.root, at: nil)) == "pending")
        try await server.end("say")
        #expect(word(await content.presence(of: archive.root, at: nil)) == "present")
    }

    @Test func aPinThatEnoughPeersHaveCounts() async throws {
        let server = try await ClusterServer.start()
        try await server.begin("pin-error", #"{"peers": [2], "message": "no space left"}"#)
        let archive = SampleArchive(seed: 4)
        let content = try await open(server, ["min_peers": .integer(2), "pin_attempts": .integer(1)])
        #expect(try await content.store(archive.upload) == .stored(Location("\(archive.root)"), proof: nil))
        let strict = try await open(server, ["min_peers": .integer(3), "pin_attempts": .integer(1)])
        #expect(word(await strict.presence(of: archive.root, at: nil)) == "pending")
        let failed = word(try await strict.check(Ticket(""), of: archive.root))
        #expect(failed == "failed: peer-2 says pin_error: “no space left”")
        #expect(try await server.requests().contains("POST /pins/\(archive.root)/recover"))
        try await server.end("pin-error")
        _ = try await strict.check(Ticket(""), of: archive.root)
        #expect(word(try await strict.check(Ticket(""), of: archive.root)) == "done")
    }

    /// Where each peer gave up there is nothing, and the next upload brings it.
    @Test func aPinThatAllPeersGaveUpIsStoredAnew() async throws {
        let server = try await ClusterServer.start()
        let archive = SampleArchive(seed: 5)
        let content = try await open(server, ["send": .text("cids"), "pin_attempts": .integer(1)])
        #expect(!content.capabilities.contains(.takesBytes))
        _ = try await content.store(archive.upload)
        #expect(word(await content.presence(of: archive.root, at: nil)) == "absent")
        #expect(word(try await content.check(Ticket(""), of: archive.root)).contains("ipld: could not find"))
        let sending = try await open(server)
        #expect(try await sending.store(archive.upload) == .stored(Location("\(archive.root)"), proof: nil))
        #expect(try await read(archive, sending) == archive.bytes)
    }

    @Test func aPinThatIsStuckIsRecovered() async throws {
        let server = try await ClusterServer.start(["--fault", "stuck={}"])
        let content = try await open(server, ["recover_after": .integer(60)])
        let archive = SampleArchive(seed: 6)
        guard case .accepted(let ticket) = try await content.store(archive.upload) else {
            Issue.record("It is stuck.")
            return
        }
        #expect(word(try await content.check(ticket, of: archive.root)) == "open")
        #expect(try await !server.requests().contains { $0.hasSuffix("/recover") })
        try await server.begin("say", #"{"age": 600}"#)
        #expect(word(try await content.check(ticket, of: archive.root)) == "open")
        #expect(try await server.requests().contains("POST /pins/\(archive.root)/recover"))
        try await server.end("say")
        try await server.end("stuck")
        #expect(word(try await content.check(ticket, of: archive.root)) == "done")
    }

    /// Whose peers fetch content themselves is given where that is.
    @Test func aCIDIsPinnedFromItsOrigins() async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server, ["send": .text("cids"), "peers": .list(["12D3KooWA"])])
        var upload = SampleArchive(seed: 7).upload
        upload.origins = ["/ip4/10.0.0.1/tcp/4001/p2p/12D3KooWB"]
        _ = try await content.store(upload)
        let sent = try #require(await server.requests().first { $0.hasPrefix("POST /pins/") })
        #expect(sent.contains("origins=%2Fip4%2F10.0.0.1%2Ftcp%2F4001%2Fp2p%2F12D3KooWB"))
        #expect(sent.contains("user-allocations=12D3KooWA") && sent.contains("meta-ipfs-kit=kit-a"))
    }

    // MARK: Others

    @Test func pinsOfOthersStayAsTheyAre() async throws {
        let server = try await ClusterServer.start()
        let archive = SampleArchive(seed: 8)
        let theirs = try await open(server, kit: "kit-b")
        _ = try await theirs.store(archive.upload)
        let before = try await server.ask("GET", "/allocations/\(archive.root)")
        let content = try await open(server)
        #expect(word(await content.presence(of: archive.root, at: nil)) == "present")
        // It is there, and nothing is sent.
        try await server.forgetRequests()
        #expect(try await content.store(archive.upload) == .stored(Location("\(archive.root)"), proof: nil))
        let error = try #require(await failure { try await content.remove(archive.root, at: nil) })
        #expect(error.code == .exists && error.message.contains("somebody else's"))
        #expect(try await server.requests().allSatisfy { $0.hasPrefix("GET ") })
        #expect(try await server.ask("GET", "/allocations/\(archive.root)") == before)
        try await theirs.remove(archive.root, at: nil)
        #expect(word(await content.presence(of: archive.root, at: nil)) == "absent")
    }

    /// Somebody who pins the first block alone has not the rest of it.
    @Test func aDirectPinIsNoCopy() async throws {
        let server = try await ClusterServer.start()
        let archive = SampleArchive(seed: 9)
        let content = try await open(server)
        _ = try await content.store(archive.upload)
        try await content.remove(archive.root, at: nil)
        try await server.ask("POST", "/pins/\(archive.root)?mode=direct")
        #expect(word(await content.presence(of: archive.root, at: nil)) == "absent")
        #expect(await failure { _ = try await content.store(archive.upload) }?.code == .exists)
        var roots: [CID] = []
        for try await page in content.roots() { roots += page.map(\.root) }
        #expect(roots.isEmpty)
    }

    // MARK: The cluster

    @Test func roomIsWhatAllPeersSay() async throws {
        let server = try await ClusterServer.start()
        func free(_ more: [String: FieldValue] = [:]) async throws -> UInt64? {
            try await open(server, more).usage(mayWalk: false).free
        }
        #expect(try await free() == 6_000_000_000)
        #expect(try await free(["replication": .integer(2)]) == 3_000_000_000)
        #expect(try await free(["replication": .integer(-1)]) == 1_000_000_000)
        for fields in [
            #"{"missing": [1]}"#, #"{"invalid": [2]}"#, #"{"age": -7200}"#, #"{"value": "much"}"#,
            #"{"value": 18446744073709551615}"#,
        ] {
            try await server.begin("metrics", fields)
            #expect(try await free() == nil, "\(fields)")
        }
        try await server.end("metrics")
        let content = try await open(server)
        for seed in 0..<3 { _ = try await content.store(SampleArchive(seed: 200 + UInt64(seed)).upload) }
        #expect(try await content.usage(mayWalk: true).objects == 3)
        #expect(try await content.usage(mayWalk: false).objects == nil)
    }

    @Test func aClusterSaysWhoItIs() async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server, state: Scratch.current + "/state")
        let name = try await content.identity()
        #expect(name?.hasPrefix("1") == true || name?.hasPrefix("12D3") == true)
        #expect(try await content.probe().hasSuffix("of version 1.1.6 of a cluster of 3 answered."))
        // Also while some of its peers are away.
        try await server.begin("peer-down", #"{"peers": [1, 2]}"#)
        #expect(try await open(server, state: Scratch.current + "/state").identity() == name)
    }

    @Test(arguments: [false, true]) func theRightWordsOpen(_ byToken: Bool) async throws {
        let server = try await ClusterServer.start(["--auth", "me:right-word"])
        let archive = SampleArchive(seed: 14)
        let more: [String: FieldValue] = ["user": .text("me"), "token_login": .flag(byToken)]
        let state = Scratch.current + "/state"
        let content = try await open(server, more.merging(["password": .text("right-word")]) { $1 }, state: state)
        _ = try await content.store(archive.upload)
        #expect(try await server.requests().count { $0 == "POST /token" } == (byToken ? 1 : 0))
        // A token that is not taken any more is got anew, and kept.
        try await server.change(#"{"do": "forget-tokens"}"#)
        #expect(word(await content.presence(of: archive.root, at: nil)) == "present")
        let again = try await open(server, more.merging(["password": .text("right-word")]) { $1 }, state: state)
        #expect(word(await again.presence(of: archive.root, at: nil)) == "present")
        #expect(try await server.requests().count { $0 == "POST /token" } == (byToken ? 2 : 0))
        let wrong = try await open(server, more.merging(["password": .text("wrong-word")]) { $1 })
        let error = await failure { _ = try await wrong.store(archive.upload) }
        #expect(error?.code == .badCredentials && error?.message.contains("wrong-word") == false)
        #expect(word(await wrong.presence(of: archive.root, at: nil)) == "unknown")
    }
}
