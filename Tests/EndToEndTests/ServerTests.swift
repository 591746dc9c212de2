import Foundation
import Samples
import TestKit
import Testing

/// The whole life of content on servers that one reaches by SSH, with the program that people get.
@Suite(.scratch, .timeLimit(.minutes(5))) struct ServerTests {
    /// A type that reaches a server.
    enum Way: String, CaseIterable {
        case openSSH, rclone, mounted

        var type: String { self == .mounted ? "sshfs" : "sftp" }

        func server() async throws -> SFTPServer {
            switch self {
            case .openSSH: try await SFTPServer.running(.openSSH)
            case .rclone: try await SFTPServer.running(.rclone)
            case .mounted: try await SFTPServer.mountable()
            }
        }
    }

    @Test(arguments: Way.allCases) func aServerIsEnough(_ way: Way) async throws {
        let server = try await way.server()
        let folder = try server.newFolder()
        let owner = try await User.ready("owner")
        #expect(try await owner.attempt(["backend", "create", "box", way.type] + flags(server, folder)).code == 0)
        try await owner.run("backend", "test", "box")
        var roots: [String] = []
        for number in 0..<30 { roots.append(try await owner.add(sampleBytes(2000 + number))) }
        let large = try await owner.add(sampleBytes(3 << 20))
        let first = try await owner.json("sync").backends[0]
        #expect(first.uploaded.int == 31 && first.status.text == "synced", "\(first)")
        #expect(first.bytes_sent.int ?? 0 > first.bytes_uploaded.int ?? .max, "\(first)")
        // What was there and is sent anew, is listed; and so is who else is there.
        let more = try await owner.add(sampleBytes(77))
        #expect(try await owner.json("sync").backends[0].uploaded.int == 1)
        let forced = try await owner.json("sync", "--force").backends[0]
        #expect(forced.adopted.int == 32 && forced.uploaded.int == 0, "\(forced)")
        #expect(try await owner.json("verify").backends[0].whole.int == 32)
        #expect(try await owner.json("snapshot", "list", "box").snapshots.items.count == 3)
        #expect(try await owner.run("backend", "certify", "box").code == 0)

        // A home that has nothing but the server has everything again.
        let fresh = try await User.ready("fresh")
        #expect(try await fresh.attempt(["backend", "create", "box", way.type] + flags(server, folder)).code == 0)
        let part = ["cat", large, "--from", "box", "--offset", "1500000", "--length", "4096"]
        #expect([UInt8](try await fresh.attempt(part).output) == Array(sampleBytes(3 << 20)[1_500_000..<1_504_096]))
        try await fresh.run("recover", "--from", "box")
        #expect(try await Set(fresh.pins()) == Set(roots + [large, more]))
        #expect([UInt8](try await fresh.attempt(["cat", large]).output) == sampleBytes(3 << 20))

        // The other home was at work there: nothing is removed before it is said to be gone.
        try await fresh.run("pin", "rm", more)
        try await fresh.run("sync")
        for peer in try await fresh.json("backend", "peers", "box").peers.items {
            if let home = peer.home.text { _ = try await fresh.attempt(["backend", "peers", "forget", home]) }
        }
        let pruned = try await fresh.json("sync", "--prune").backends[0]
        #expect(pruned.removed.int == 1, "\(pruned)")
    }

    /// What is mounted to be looked at stays, whatever else uses it, and goes when it is told to.
    @Test func aMountCanBeLookedAt() async throws {
        let server = try await SFTPServer.mountable()
        let folder = try server.newFolder()
        let user = try await User.ready()
        #expect(try await user.attempt(["backend", "create", "box", "sshfs"] + flags(server, folder)).code == 0)
        try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(5000))
        #expect(try await user.json("backend", "mount", "box", "--dry-run").path == .null)
        let path = try #require(try await user.json("backend", "mount", "box").path.text)
        try await user.run("sync")
        #expect(try FileManager.default.contentsOfDirectory(atPath: path + "/cars") == ["\(root).car"])
        try await user.run("backend", "mount", "disk", code: 12)
        // Whoever stands in it keeps it.
        let held = try #require(FileHandle(forReadingAtPath: "\(path)/cars/\(root).car"))
        try await user.run("backend", "unmount", "box", code: 5)
        try await user.run("backend", "remove", "box", "--force", code: 5)
        try held.close()
        #expect(try await user.run("backend", "unmount", "box", "--dry-run").text.contains("would"))
        #expect(try await user.run("backend", "unmount", "box").text.contains("unmounted"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
        #expect(try await user.run("backend", "unmount", "box").text.contains("was not"))
        // The home goes, and what is kept there stays.
        try await user.run("backend", "mount", "box")
        try await user.run("backend", "remove", "box", "--force")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/cars") == ["\(root).car"])
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    private func flags(_ server: SFTPServer, _ folder: String) -> [String] {
        [
            "--host", "127.0.0.1", "--port", "\(server.port)", "--user", server.user, "--path", server.path(of: folder),
            "--key-file", server.keyFile, "--known-hosts", server.knownHosts,
            "--ssh-options", "IdentityAgent=none",
        ]
    }
}
