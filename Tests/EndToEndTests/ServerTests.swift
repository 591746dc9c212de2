import Foundation
import Samples
import TestKit
import Testing

/// The whole life of content on servers that one reaches by SSH, with the program that people get.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct ServerTests {
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
        // rclone has a cache before the disk.
        let seen = way == .rclone ? nil : folder
        let life = WholeLife(type: way.type, flags: flags(server, folder), folder: seen) { name in
            try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
        try await life.run()
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
