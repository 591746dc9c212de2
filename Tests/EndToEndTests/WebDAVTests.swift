import Foundation
import Samples
import TestKit
import Testing

/// The whole life of content on WebDAV servers, with the program that people get.
@Suite(.scratch, .timeLimit(.minutes(5))) struct WebDAVTests {
    @Test(arguments: WebDAVServer.Kind.allCases)
    func aFolderIsEnough(_ kind: WebDAVServer.Kind) async throws {
        let server = try await WebDAVServer.running(kind)
        let folder = try await server.newFolder()
        let owner = try await User.ready("owner")
        #expect(try await owner.attempt(["backend", "create", "cloud", "webdav"] + flags(server, folder)).code == 0)
        try await owner.run("backend", "test", "cloud")
        var roots: [String] = []
        for number in 0..<30 { roots.append(try await owner.add(sampleBytes(2000 + number))) }
        let large = try await owner.add(sampleBytes(3 << 20))
        let first = try await owner.json("sync").backends[0]
        #expect(first.uploaded.int == 31 && first.status.text == "synced", "\(first)")
        // What was there and is sent anew, is listed; and so is who else is there.
        let more = try await owner.add(sampleBytes(77))
        #expect(try await owner.json("sync").backends[0].uploaded.int == 1)
        let forced = try await owner.json("sync", "--force").backends[0]
        #expect(forced.adopted.int == 32 && forced.uploaded.int == 0, "\(forced)")
        #expect(try await owner.json("verify").backends[0].whole.int == 32)
        #expect(try await owner.json("snapshot", "list", "cloud").snapshots.items.count == 3)
        #expect(try await owner.run("backend", "certify", "cloud").code == 0)

        // A home that has nothing but the server has everything again.
        let fresh = try await User.ready("fresh")
        #expect(try await fresh.attempt(["backend", "create", "cloud", "webdav"] + flags(server, folder)).code == 0)
        let part = ["cat", large, "--from", "cloud", "--offset", "1500000", "--length", "4096"]
        #expect([UInt8](try await fresh.attempt(part).output) == Array(sampleBytes(3 << 20)[1_500_000..<1_504_096]))
        try await fresh.run("recover", "--from", "cloud")
        #expect(try await Set(fresh.pins()) == Set(roots + [large, more]))
        #expect([UInt8](try await fresh.attempt(["cat", large]).output) == sampleBytes(3 << 20))

        // The other home was at work there: nothing is removed before it is said to be gone.
        try await fresh.run("pin", "rm", more)
        try await fresh.run("sync")
        for peer in try await fresh.json("backend", "peers", "cloud").peers.items {
            if let home = peer.home.text { _ = try await fresh.attempt(["backend", "peers", "forget", home]) }
        }
        let pruned = try await fresh.json("sync", "--prune").backends[0]
        #expect(pruned.removed.int == 1, "\(pruned)")
    }

    private func flags(_ server: WebDAVServer, _ folder: String) -> [String] {
        [
            "--url", "\(server.endpoint)/\(folder)", "--user", server.user, "--password", server.password,
            "--auth", server.kind == .apache ? "digest" : "auto",
        ]
    }
}
