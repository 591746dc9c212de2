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
            ("place(about).unlink(missing_ok=True);", "remove(about);"),
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

    /// What is written without end ends where the catalog knows the length, and the disk keeps room.
    @Test func whatIsWrittenWithoutEndIsEnded() async throws {
        let endless = """
            def bring(key, file):
                if "cars~" not in key or not os.path.exists("\(work)"): return copy(place(key), file)
                with open(file, "wb") as writer:
                    while True: writer.write(bytes(1 << 16)); writer.flush(); os.listdir(folder)
            """
        let box = try program([
            ("else copy(place(key), pathlib.Path(file))", "else bring(key, pathlib.Path(file))"),
            ("\nprint(\"VERSION 2\"", "\n\(endless)\nprint(\"VERSION 2\""),
        ])
        let user = try await user(with: box)
        try await user.add(sampleBytes(100_000))
        try await user.run("sync")
        try write([], to: work)
        #expect(try await user.json("verify", code: 10).backends[0].corrupt.int == 1)
        #expect(try Trees.files(in: user.home + "/metadata").filter { $0.contains("XIPFSKIT") } == [])
    }

    /// A disk of this machine that has to keep its room is no quota of the place, and no silence of the program.
    @Test func roomThatStaysFreeIsALimit() async throws {
        let user = try await user(with: try program([]), "--min-free", "100TiB")
        try await user.add(sampleBytes(100_000))
        let answer = try await user.attempt(["sync"])
        #expect(answer.code == 8 && answer.text.contains("connection.min_free"), "\(answer.text)\(answer.errorText)")
        try await user.run("backend", "update", "box", "--min-free", "1MiB")
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
    }

    /// The programs of the page leave no part of what does not fit.
    @Test(arguments: FolderProgram.allCases) func aFullDiskIsLeftWithoutParts(_ program: FolderProgram) async throws {
        try await Disk.mounted(["-t", "tmpfs", "-o", "size=2m", "tmpfs"], at: folder) { folder in
            let path = try program.write(to: Scratch.current + "/programs")
            let user = try await user(with: path)
            try await user.run("backend", "test", "box")
            try await user.add(sampleBytes(4_000_000))
            #expect(try await user.attempt(["sync"]).code != 0)
            #expect(try Trees.files(in: folder).filter { $0.contains(".part") || $0.contains("cars~") } == [])
        }
    }

    /// Who says that he did what he did not do is told so in the same words, whoever asks.
    @Test(arguments: [
        ("copy(file, place(key)) if direction == \"STORE\"", "None if direction == \"STORE\""),
        ("else copy(place(key), pathlib.Path(file))", "else os.symlink('/etc/passwd', file)"),
        ("else copy(place(key), pathlib.Path(file))", "else os.mkfifo(file)"),
        ("else copy(place(key), pathlib.Path(file))", "else None"),
    ])
    func aLieIsOneForAll(_ honest: String, _ lie: String) async throws {
        let user = try await user(with: try program([(honest, lie)]))
        try await user.add(sampleBytes(100_000))
        let sync = try await user.attempt(["sync"])
        #expect(sync.code == 10, "\(sync.text)\(sync.errorText)")
        #expect(try await user.json("backend", "health", "box", code: 10).backends[0].health.text == "lying")
    }
}
