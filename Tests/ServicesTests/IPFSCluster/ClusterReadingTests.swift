import Foundation
import Multiformats
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// What is read through the doors of a cluster, whose peers fail, lose and lie.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(3))) struct ClusterReadingTests: ClusterTrial {
    @Test func theProxyOfAPeerThatHasItIsAsked() async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server, ["replication": .integer(1)])
        let archives = (0..<6).map { SampleArchive(seed: 100 + $0) }
        for archive in archives {
            _ = try await content.store(archive.upload)
            #expect(try await read(archive, content) == archive.bytes)
        }
        // What is on another peer than those that are asked is not missing.
        var isElsewhere = 0
        let few = try await open(server, doors: [server.proxies[2]])
        for archive in archives {
            guard let error = await failure({ _ = try await read(archive, few) }) else { continue }
            isElsewhere += 1
            #expect(error.code == .unavailable && error.message.contains("connection.proxy_url"), "\(error)")
        }
        #expect(isElsewhere > 0)
    }

    /// A node of somebody else may have everything: that proves nothing of the cluster, and its lack does not either.
    @Test func aNodeOutsideTheClusterProvesNothing() async throws {
        let server = try await ClusterServer.start()
        let archive = SampleArchive(seed: 14)
        _ = try await open(server).store(archive.upload)
        let stranger = try await KuboServer.start()
        let lent = try await open(server, doors: [stranger.endpoint])
        for _ in 0..<2 {
            let error = try #require(await failure { _ = try await read(archive, lent) })
            #expect(error.code == .unavailable && !error.isBrokenPromise, "\(error)")
            #expect(error.message.contains("connection.proxy_url"), "\(error)")
            // The second time it has all of it, and the cluster nothing.
            let node = try await Subject.open("ipfs", ["api_url": .text(stranger.endpoint)])
            _ = try await node.store(archive.upload)
            await node.close()
            try await server.change(#"{"do": "lose-all"}"#)
        }
        let anywhere = try await open(server, ["read_online": .flag(true)], doors: [stranger.endpoint])
        #expect(try await read(archive, anywhere) == archive.bytes)
    }

    /// Who could not be asked which node it is may be anybody's; who has no such command is what its owner said.
    @Test func aNodeThatCouldNotBeAskedProvesNothing() async throws {
        let server = try await ClusterServer.start()
        let archive = SampleArchive(seed: 15)
        _ = try await open(server).store(archive.upload)
        let stranger = try await KuboServer.start()
        func begin(_ fields: String) async throws {
            try await stranger.begin("status", #"{"command": "id", \#(fields)}"#)
        }
        try await begin(#""status": 503, "text": "busy""#)
        let lent = try await open(server, doors: [stranger.endpoint])
        let unasked = try #require(await failure { _ = try await read(archive, lent) })
        #expect(unasked.code == .unavailable && !unasked.isBrokenPromise, "\(unasked)")
        #expect(unasked.message.contains("could not be asked whose it is"), "\(unasked)")
        // The next try knows that it is somebody else's.
        try await begin(#""status": 503, "text": "busy", "times": 1"#)
        let asked = try #require(await failure { _ = try await read(archive, lent) })
        #expect(asked.code == .unavailable && asked.message.contains("connection.proxy_url"), "\(asked)")
        try await begin(#""status": 404, "text": "404 page not found""#)
        let own = try await open(server, doors: [stranger.endpoint])
        let broken = try #require(await failure { _ = try await read(archive, own) })
        #expect(broken.code == .corrupt && broken.isBrokenPromise, "\(broken)")
    }

    @Test func withoutADoorThereIsOnlyTheWordOfTheCluster() async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server, doors: [])
        #expect(!content.capabilities.contains(.reads) && !content.capabilities.contains(.blocks))
        let archive = SampleArchive(seed: 10)
        _ = try await content.store(archive.upload)
        #expect(word(await content.presence(of: archive.root, at: nil)) == "present")
        #expect(await failure { _ = try await read(archive, content) }?.code == .unsupported)
    }

    /// A cluster that says “pinned” and has lost it is found out by whoever reads.
    @Test(arguments: [
        #"{"do": "lose", "cid": "ROOT"}"#, #"{"do": "lose-all"}"#, #"{"do": "damage", "cid": "LEAF"}"#,
    ])
    func aPromiseThatIsBrokenIsDamage(_ what: String) async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server)
        let archive = SampleArchive(seed: 11, leaves: 8)
        _ = try await content.store(archive.upload)
        let leaf = try #require(archive.places.last).cid
        try await server.change(what.replacing("ROOT", with: "\(archive.root)").replacing("LEAF", with: "\(leaf)"))
        #expect(word(await content.presence(of: archive.root, at: nil)) == "present")
        if what.contains("damage") {
            #expect(try await archive.problem(of: read(archive, content)) != nil)
        } else {
            let error = try #require(await failure { _ = try await read(archive, content) })
            #expect(error.code == .corrupt && error.isBrokenPromise, "\(error)")
        }
        // Sent again, it is whole again where it was lost.
        guard !what.contains("damage") else { return }
        _ = try await content.store(archive.upload)
        #expect(try await read(archive, content) == archive.bytes)
    }

    @Test func whatANodeUnpinnedByItselfIsGone() async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server)
        let archive = SampleArchive(seed: 12)
        _ = try await content.store(archive.upload)
        try await server.change(#"{"do": "unpin", "cid": "\#(archive.root)"}"#)
        #expect(word(await content.presence(of: archive.root, at: nil)) == "absent")
        _ = try await content.store(archive.upload)
        #expect(word(await content.presence(of: archive.root, at: nil)) == "present")
    }

    @Test func aPeerThatIsDownSaysNothing() async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server)
        let archive = SampleArchive(seed: 13)
        _ = try await content.store(archive.upload)
        try await server.begin("peer-down", #"{"peers": [0, 1, 2]}"#)
        #expect(word(await content.presence(of: archive.root, at: nil)) == "unknown")
        #expect(await failure { _ = try await content.check(Ticket(""), of: archive.root) }?.code == .unavailable)
    }
}
