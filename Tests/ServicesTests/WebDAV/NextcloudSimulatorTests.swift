import Foundation
import Samples
import TestKit
import Testing

/// The simulator of Nextcloud is held to what clients of the real one do, each time that its tests run.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(3))) struct NextcloudSimulatorTests {
    /// A folder with files that go at once and in chunks, and names that need escapes.
    private func makeFiles() throws -> String {
        let folder = Scratch.current + "/files"
        let files = FileManager.default
        try files.createDirectory(atPath: folder + "/folder & more", withIntermediateDirectories: true)
        try write(sampleBytes(11 << 20), to: folder + "/large")
        for name in ["small", "folder & more/100% ünï", "folder & more/empty"] {
            try write(name == "folder & more/empty" ? [] : sampleBytes(700), to: "\(folder)/\(name)")
        }
        return folder
    }

    private func program(_ name: String) throws -> URL {
        let found = Programs.find(name)
        try Requirement.check("nextcloud", missing: found == nil ? "there is no \(name) on this machine" : nil)
        return try #require(found)
    }

    @Test func rcloneTakesItForNextcloud() async throws {
        let rclone = try program("rclone")
        let server = try await WebDAVServer.running(.nextcloud)
        let (files, folder) = (try makeFiles(), try await server.newFolder())
        let secret = try await ProcessRunner.run(rclone, ["obscure", server.password]).text.filter { !$0.isWhitespace }
        let place = """
            :webdav,vendor=nextcloud,user=\(server.user),pass=\(secret),nextcloud_chunk_size=5Mi,\
            url='\(server.url(folder))':
            """
        for words in [
            ["copy", files, place], ["check", "--download", files, place], ["copy", place, files + ".back"],
        ] {
            let result = try await ProcessRunner.run(rclone, ["--config", "/dev/null", "--retries", "1"] + words)
            #expect(result.code == 0, "\(words[0]): \(result.errorText)")
        }
        #expect(try Trees.contents(of: files + ".back").filter { $0.value.hasPrefix("file") }.count == 4)
        #expect(try Trees.contents(of: "\(server.data)/\(folder)") == Trees.contents(of: files))
        let pending = try await ProcessRunner.run(try program("curl"), ["-s", "\(server.endpoint)/-/requests"]).text
        #expect(pending.contains("/rclone-chunked-upload-") && pending.contains("/.file"))
    }

    @Test func nextcloudsOwnClientTakesItForNextcloud() async throws {
        let client = try program("nextcloudcmd")
        let server = try await WebDAVServer.running(.nextcloud)
        let (files, folder) = (try makeFiles(), try await server.newFolder())
        let other = Scratch.current + "/other"
        try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
        let sizes = ["OWNCLOUD_CHUNK_SIZE", "OWNCLOUD_MIN_CHUNK_SIZE", "OWNCLOUD_MAX_CHUNK_SIZE"].map {
            "\($0)=5000000"
        }
        for place in [files, other] {
            let words =
                sizes + [
                    "HOME=\(Scratch.current)", client.path, "--non-interactive", "--path", "/" + folder, "--user",
                    server.user, "--password", server.password, place, server.endpoint,
                ]
            let result = try await ProcessRunner.run(URL(filePath: "/usr/bin/env"), words)
            #expect(result.code == 0, "\(result.errorText.suffix(3000))")
        }
        func contents(_ place: String) throws -> [String: String] {
            try Trees.contents(of: place).filter { !$0.key.contains(".sync_") && !$0.key.contains(".nextcloudsync") }
        }
        #expect(try contents(other) == contents(files))
        #expect(try Trees.contents(of: "\(server.data)/\(folder)") == contents(files))
    }
}
