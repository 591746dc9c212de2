import Foundation
import TestKit
import Testing

/// The whole life of content on WebDAV servers, with the program that people get.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct WebDAVTests {
    @Test(arguments: WebDAVServer.Kind.allCases)
    func aFolderIsEnough(_ kind: WebDAVServer.Kind) async throws {
        let server = try await WebDAVServer.running(kind)
        let folder = try await server.newFolder()
        // The large file goes in chunks where the server takes some.
        let flags = ["--url", server.url(folder), "--multipart-threshold", "1MiB"] + server.flags
        let life = WholeLife(type: "webdav", flags: flags, folder: "\(server.data)/\(folder)") { name in
            // rclone remembers what is in a folder, so it is asked itself.
            let status = try await server.send("DELETE", "\(folder)/\(name)")
            #expect(status == 204)
        }
        try await life.run()
    }

    /// Where the settings say nothing, variables do; a password that is only proven is never sent, and is in no output.
    @Test func variablesAreEnough() async throws {
        let server = try await WebDAVServer.running(.apache)
        let folder = try await server.newFolder()
        var user = try await User.ready()
        user.environment["WEBDAV_URL"] = server.url(folder)
        user.environment["WEBDAV_USERNAME"] = server.user
        user.environment["WEBDAV_PASSWORD"] = server.password
        let created = try await user.attempt(["backend", "create", "box", "nextcloud", "--auth", "digest"])
        #expect(created.code == 0, "\(created.errorText)")
        let root = try await user.add([1, 2, 3])
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        for words in [["backend", "show", "box"], ["whereis", root], ["sync", "--force", "-v"]] {
            let answer = try await user.attempt(words)
            #expect(!(answer.text + answer.errorText).contains(server.password), "\(words)")
        }
    }
}
