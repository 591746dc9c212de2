import Foundation
import TestKit
import Testing

/// The whole life of content on FTP servers, with the program that people get.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct FTPTests {
    @Test(arguments: FTPServer.Kind.allCases)
    func aDirectoryIsEnough(_ kind: FTPServer.Kind) async throws {
        let server = try await FTPServer.running(kind)
        let folder = try server.newFolder()
        let life = WholeLife(
            type: server.authority == nil ? "ftp" : "ftps",
            flags: server.flags(for: folder),
            folder: folder
        ) { name in
            // rclone remembers what is in a folder, so it is asked itself.
            guard kind == .rclone else { return try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
            let curl = try #require(Programs.find("curl"))
            let words = ["-s", "-o", "/dev/null", "-u", "\(server.user):\(server.password)", "-Q"]
            let order = ["DELE \(server.path(of: folder))/\(name)", "ftp://127.0.0.1:\(server.port)/"]
            #expect(try await ProcessRunner.run(curl, words + order).code == 0)
        }
        try await life.run()
    }

    /// Where the settings say nothing, variables do, and what they hold is in no output.
    @Test func variablesAreEnough() async throws {
        let server = try await FTPServer.running(.pyftpdlib)
        let folder = try server.newFolder()
        var user = try await User.ready()
        user.environment["FTP_HOST"] = "127.0.0.1"
        user.environment["FTP_USER"] = server.user
        user.environment["FTP_PASSWORD"] = server.password
        let created = try await user.attempt([
            "backend", "create", "box", "ftps", "--port", "\(server.port)", "--path", folder, "--ca-file",
            server.authority ?? "",
        ])
        #expect(created.code == 0, "\(created.errorText)")
        let root = try await user.add([1, 2, 3])
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        for words in [["backend", "show", "box"], ["whereis", root], ["sync", "--force", "-v"]] {
            let answer = try await user.attempt(words)
            #expect(!(answer.text + answer.errorText).contains(server.password), "\(words)")
        }
    }
}
