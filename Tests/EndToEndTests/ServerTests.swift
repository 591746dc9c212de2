import Foundation
import TestKit
import Testing

/// The whole life of content on servers that one reaches by SSH, with the program that people get.
@Suite(.scratch, .timeLimit(.minutes(5))) struct ServerTests {
    @Test(arguments: SFTPServer.Kind.allCases)
    func aServerIsEnough(_ kind: SFTPServer.Kind) async throws {
        let server = try await SFTPServer.running(kind)
        let folder = try server.newFolder()
        // rclone has a cache before the disk.
        let seen = kind == .openSSH ? folder : nil
        let life = WholeLife(type: "sftp", flags: flags(server, folder), folder: seen) { name in
            try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
        try await life.run()
    }

    private func flags(_ server: SFTPServer, _ folder: String) -> [String] {
        [
            "--host", "127.0.0.1", "--port", "\(server.port)", "--user", server.user, "--path", server.path(of: folder),
            "--key-file", server.keyFile, "--known-hosts", server.knownHosts,
            "--ssh-options", "IdentityAgent=none",
        ]
    }
}
