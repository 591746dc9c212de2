import Foundation
import Samples
import TestKit
import Testing

/// What people are told of work, while it goes on and afterwards.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct LogTests {
    private func events(_ user: User, _ more: String...) async throws -> [Answer] {
        let result = try await user.attempt(["log", "--json"] + more)
        #expect(result.code == 0, "\(result.errorText)")
        var lines = try Answer.lines(result.text)
        #expect(lines.popLast()?.type.text == "summary")
        return lines
    }

    /// A sync is killed when some of it is done; the log of the backend, read from its beginning, says what was done by
    /// whom, and that all of it was.
    @Test func `a sync that was killed and the next one read as one story`() async throws {
        let user = try await User.ready()
        // One after another, and so slowly that nobody can be too late to end it.
        try await user.createDisk("disk", "--bandwidth-limit", "10k", "--max-connections", "1")
        var roots: Set<String> = []
        for number in 0..<30 {
            roots.insert(try await user.add(sampleBytes(30_000, seed: UInt64(number)), name: "f\(number)"))
        }
        let sync = try Running(user, "sync")
        try await sync.wait {
            try await events(user, "--backend", "disk").count { $0.kind.text == "stored" } >= 3
        }
        sync.signal(SIGKILL)
        #expect(await sync.end() == 128 + 9)
        try await user.run("backend", "update", "disk", "--bandwidth-limit", "0", "--max-connections", "16")
        try await user.run("sync")
        let all = try await events(user)
        let calls = all.filter { $0.kind.text == "began" && $0.operation.text == "sync" }.compactMap(\.id.text)
        try #require(calls.count == 2)
        let (first, second) = (all.filter { $0.call.text == calls[0] }, all.filter { $0.call.text == calls[1] })
        #expect(first.prefix(2).compactMap(\.kind.text) == ["began", "working"])
        #expect(first[1].message.text == "roots to bring: 30, to remove: 0")
        #expect(!first.contains { $0.kind.text == "ended" }, "nobody saw it end")
        let before = Set(first.filter { $0.kind.text == "stored" }.compactMap(\.cid.text))
        #expect(before.count >= 3 && before.count < 30)
        #expect(second.prefix(2).compactMap(\.kind.text) == ["began", "abandoned"])
        #expect(second[1].message.text?.contains("did not come to its end") == true)
        let after = second.filter { ["stored", "verified"].contains($0.kind.text) }.compactMap(\.cid.text)
        #expect(before.union(after) == roots, "every root is in the story")
        #expect(before.isDisjoint(with: after) && Set(after).count == after.count, "and each is in it once")
        #expect(second.suffix(2).compactMap(\.kind.text) == ["synced", "ended"])
        #expect(second.last?.code.int == 0)
        #expect(all.compactMap(\.id.text).count == Set(all.compactMap(\.id.text)).count)
    }

    @Test func `a log that is followed shows what other commands do`() async throws {
        let user = try await User.ready()
        let follower = try Running(user, "log", "--follow", "--json")
        try await follower.wait { follower.output.contains(#""kind":"ended""#) }
        let root = try await user.add([1, 2, 3])
        try await follower.wait { follower.output.contains(root) }
        follower.signal(SIGINT)
        #expect(await follower.end() == 130)
    }

    @Test func `what happens is said with -v, and appended to a file that is named`() async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        let root = try await user.add([1, 2, 3])
        let file = user.folder + "/events.log"
        try Data("earlier\n".utf8).write(to: URL(filePath: file))
        let sync = try await user.run("sync", "-v", "--log-file", file)
        #expect(sync.errorText.contains("disk: stored \(root)"), "\(sync.errorText)")
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.hasPrefix("earlier\n"))
        let written = try Answer.lines(String(text.dropFirst(8)))
        #expect(try await Array(events(user).suffix(written.count)) == written, "it is what the home's own log has")
        let quiet = try await user.run("pin", "ls", "--log-file", file)
        #expect(quiet.errorText.isEmpty)
        let again = try String(contentsOfFile: file, encoding: .utf8)
        #expect(again == text)
    }

    @Test(arguments: [("logs/mine.log", 12), ("catalog.sqlite", 12), ("../no/such/folder/log", 4)])
    func `a file that is no place for a log is refused`(name: String, code: Int) async throws {
        let user = try await User.ready()
        let before = try await events(user).count
        try await user.run("gc", "--log-file", "\(user.home)/\(name)", code: code)
        #expect(try await events(user).count == before, "nothing was begun")
    }

    /// Whatever leads to a file of the home is that file.
    @Test(arguments: [("config/main.yaml", true), ("backend_configs/new.yaml", true), ("catalog.sqlite", false)])
    func `a log by another name of a file of the home is refused`(name: String, isLink: Bool) async throws {
        let user = try await User.ready()
        let (path, target) = (user.folder + "/mine.log", "\(user.home)/\(name)")
        let before = try? Data(contentsOf: URL(filePath: target))
        if isLink {
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        } else {
            try FileManager.default.linkItem(atPath: target, toPath: path)
        }
        try await user.run("gc", "--log-file", path, code: before == nil ? 4 : 12)
        #expect((try? Data(contentsOf: URL(filePath: target))) == before)
    }
}
