import Foundation
import POSIX
import Samples
import TestKit
import Testing

/// Programs that keep content, and a kit that is killed, or a disk that is full, in the middle of it.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct ExternalHazardTests {
    private var folder: String { Scratch.current + "/place" }
    /// Where a program says which processes are at work.
    private var work: String { Scratch.current + "/work" }

    /// The program of the page with something else in place of some of its code; gives its path.
    private func program(_ changes: [(from: String, to: String)]) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = try FolderProgram.python.write(to: Scratch.current + "/programs")
        var code = try String(contentsOfFile: path, encoding: .utf8)
        for change in changes {
            #expect(code.contains(change.from))
            code = code.replacing(change.from, with: change.to)
        }
        try write(Array(code.utf8), to: path)
        return path
    }

    private func user(with program: String, _ more: String...) async throws -> User {
        let user = try await User.ready()
        let words = ["backend", "create", "box", "external", "--program", program]
        let made = try await user.attempt(words + ["--program-options", "directory=\(folder)"] + more)
        #expect(made.code == 0, "\(made.errorText)")
        return user
    }

    private func workers() throws -> [Int32] {
        try String(contentsOfFile: work, encoding: .utf8).split(separator: "\n").compactMap { Int32($0) }
    }

    /// A program that heeds no signal removes something slowly, by a child that heeds none either: both end with the
    /// kit, whether another one comes or not.
    @Test(arguments: [true, false]) func whatAKilledKitAskedForIsNotDoneLater(_ comesAnother: Bool) async throws {
        let slowly = """
            import signal, subprocess
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            def remove(key):
                if "cars~" not in key: return place(key).unlink(missing_ok=True)
                print(os.getpid(), file=open("\(work)", "a"), flush=True)
                child = f"trap '' TERM HUP INT; echo $$ >> '\(work)'; sleep 5; rm -f '{place(key)}'"
                subprocess.run(["sh", "-c", child])
            """
        let slow = try program([
            ("place(about).unlink(missing_ok=True)", "remove(about)"),
            ("\nprint(\"VERSION 2\"", "\n\(slowly)\nprint(\"VERSION 2\""),
        ])
        let user = try await user(with: slow)
        let root = try await user.add(sampleBytes(100_000))
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try await user.json("verify").backends[0].whole.int == 1)
        try await user.run("pin", "rm", root)
        let prune = try Running(user, "sync", "--prune")
        try await prune.wait { (try? workers().count) == 2 }
        prune.signal(SIGKILL)
        #expect(await prune.end() == 128 + 9)
        if comesAnother {
            try await user.run("pin", "add", root)
            try await user.run("sync")
        }
        let left = try workers()
        #expect(try await holds { !left.contains(where: processIsAlive) })
        #expect(try Trees.files(in: folder).contains { $0.hasSuffix("\(root).car") })
        guard comesAnother else { return }
        #expect(try await user.json("verify").backends[0].whole.int == 1)
    }
}
