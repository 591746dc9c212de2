import Foundation
import Samples
import TestKit
import Testing

/// Everything that is written appears whole, under a name that nothing had, or not at all.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct WrittenFilesTests {
    /// A user with a file, a tree, their roots and their archives.
    private struct Content {
        let user: User
        let file: String
        let tree: String
        let archive: String

        init() async throws {
            user = try await User.ready()
            file = try await user.add(sampleBytes(3 << 20))
            try Trees.make(at: user.folder + "/tree")
            tree = try await user.run("add", user.folder + "/tree", "-Q").text
                .trimmingCharacters(in: .whitespacesAndNewlines)
            archive = user.folder + "/f.car"
            try await user.run("dag", "export", file, "-o", archive)
        }

        /// Commands that write to a file, without its name.
        var writers: [[String]] {
            [
                ["get", file], ["get", tree], ["dag", "export", file], ["cat", file], ["block", "get", file],
                ["dag", "get", "--output-codec", "dag-pb", tree], ["car", "create", user.folder + "/tree"],
                ["car", "convert", archive], ["car", "join", archive], ["car", "index", archive],
                ["car", "extract", archive],
            ]
        }
    }

    private static func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test func whatIsThereIsNotOverwritten() async throws {
        let content = try await Content()
        let place = Scratch.current + "/place"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let target = place + "/target"
        for writer in content.writers {
            for kind in ["printf old > '\(target)'", "mkdir '\(target)'", "ln -s nowhere '\(target)'"] {
                try await content.user.shell(kind)
                let result = try await content.user.attempt(writer + ["--output", target])
                #expect(result.code == 12 && result.errorText.contains(target), "\(writer): \(result.errorText)")
                #expect(try Self.names(place) == ["target"])
                try await content.user.shell("rm -r '\(target)'")
            }
            let missing = try await content.user.attempt(writer + ["--output", place + "/no/target"])
            #expect(missing.code == 4, "\(writer): \(missing.errorText)")
            // A slash at the end names the same.
            let good = try await content.user.attempt(writer + ["--output", target + "/"])
            #expect(try good.code == 0 && Self.names(place) == ["target"], "\(writer): \(good.errorText)")
            try await content.user.shell("rm -r '\(target)'")
        }
    }

    @Test func whatComesTooLateIsNotOverwrittenEither() async throws {
        try Requirement.check("strace", program: "strace")
        let content = try await Content()
        let kit = try #require(Programs.kit).path
        for writer in content.writers {
            // The file system knows no rename that replaces nothing.
            for fault in [
                "", "-e inject=renameat2:error=EINVAL", "-e inject=renameat2:error=EINVAL -e inject=link:error=EPERM",
            ] {
                let target = Scratch.current + "/late"
                let words = (writer + ["--output", target]).map { "'\($0)'" }.joined(separator: " ")
                let script = """
                    export IPFS_KIT_HOME='\(content.user.home)'; strace -f -o /dev/null -e trace=renameat2,link \(fault) \
                    '\(kit)' \(words) > /dev/null
                    """
                try await content.user.shell(script)
                #expect(FileManager.default.fileExists(atPath: target), "\(writer) \(fault)")
                try FileManager.default.removeItem(atPath: target)
            }
        }
    }

    @Test func whatFailsLeavesNothing() async throws {
        let content = try await Content()
        let (user, place) = (content.user, Scratch.current + "/place")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        // The last block of the file is missing, and so is one file of the tree.
        let whole = try bytes(at: content.archive)
        let short = user.folder + "/short.car"
        let marker = Data([0x01, 0x55, 0x12, 0x20])
        let last = try #require(Data(whole).range(of: marker, options: .backwards)).lowerBound
        try write(Array(whole[..<(last - 3)]), to: short)
        try await user.run("car", "extract", short, "-o", place + "/out", code: 4)
        #expect(try Self.names(place).isEmpty)
        let other = try await User.ready("other")
        try await other.run("dag", "import", short, "--no-pin-roots")
        for command in ["get", "cat"] {
            try await other.run(command, content.file, "--output", place + "/out", code: 4)
            #expect(try Self.names(place).isEmpty)
        }
        // Of a tree with folders that nobody may write to.
        try await user.shell(
            "cd '\(user.folder)' && mkdir -p t/a/b && printf 1 > t/a/b/c && printf 2 > t/z && chmod 500 t/a/b t/a"
        )
        let tree = try await user.run("add", user.folder + "/t", "-Q", "--preserve-mode").text
        let root = tree.trimmingCharacters(in: .whitespacesAndNewlines)
        try await user.run("dag", "export", root, "-o", user.folder + "/t.car")
        let archive = try bytes(at: user.folder + "/t.car")
        var damaged = archive
        damaged[damaged.count - 3] ^= 1
        try write(damaged, to: user.folder + "/t-damaged.car")
        try await user.run("car", "extract", user.folder + "/t-damaged.car", "-o", place + "/out", code: 10)
        #expect(try Self.names(place).isEmpty)
        try await user.run("car", "extract", user.folder + "/t.car", "-o", place + "/out")
        try await user.shell("test $(stat -c %a '\(place)/out/a/b') = 500")
    }

    @Test func whatIsInterruptedLeavesNothing() async throws {
        let content = try await Content()
        let place = Scratch.current + "/place"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let (pipe, fed) = (Scratch.current + "/pipe", Scratch.current + "/fed")
        try await content.user.shell("mkfifo '\(pipe)'")
        for command in ["convert", "join", "extract", "index"] {
            // Something of the archive comes, and then nothing for a while.
            let script = "exec > '\(pipe)'; head -c 1000000 '\(content.archive)'; touch '\(fed)'; exec sleep 60"
            let feeder = try Child(Child.Start("/bin/sh", ["-c", script]))
            defer { feeder.signal(SIGKILL) }
            let running = try Running(content.user, "car", command, pipe, "-o", place + "/out")
            try await running.wait { FileManager.default.fileExists(atPath: fed) }
            running.signal(SIGINT)
            #expect(await running.end() == 130, "\(command)")
            #expect(try Self.names(place).isEmpty, "\(command)")
            try FileManager.default.removeItem(atPath: fed)
        }
        // A tree is written file by file, and the program is stopped in the middle.
        let many = content.user.folder + "/many"
        try await content.user.shell("mkdir '\(many)'; cd '\(many)'; for n in $(seq 60000); do echo $n > $n; done")
        let root = try await content.user.run("add", many, "-Q").text.trimmingCharacters(in: .whitespacesAndNewlines)
        let running = try Running(content.user, "get", root, "-o", place + "/out")
        try await running.wait { try !Self.names(place).isEmpty }
        #expect(try !Self.names(place).contains("out"))
        running.signal(SIGINT)
        #expect(await running.end() == 130)
        #expect(try Self.names(place).isEmpty)
    }

    @Test func standardOutputIsAFileEverywhere() async throws {
        let content = try await Content()
        for writer in content.writers where writer != ["get", content.tree] {
            let path = Scratch.current + "/file"
            let written = try await content.user.attempt(writer + ["-q", "--output", path])
            let printed = try await content.user.attempt(writer + ["-q", "--output", "-", "--json"])
            #expect(written.code == 0 && printed.code == 0, "\(writer): \(written.errorText)\(printed.errorText)")
            #expect(try bytes(at: path) == [UInt8](printed.output), "\(writer)")
            try FileManager.default.removeItem(atPath: path)
        }
        try await content.user.run("get", content.tree, "-o", "-", code: 2)
        try await content.user.run("car", "split", content.archive, "-o", "-", code: 2)
    }

    @Test func whatIsNoTextGoesToATerminalOnlyWhenThatIsSaid() async throws {
        try Requirement.check("script", program: "script")
        let content = try await Content()
        let user = content.user
        let text = try await user.add(Array("text\n".utf8), name: "text")
        let kit = try #require(Programs.kit).path
        func onTerminal(_ words: [String]) async throws -> (code: Int, text: String) {
            let command = ([kit] + words).joined(separator: " ")
            let log = Scratch.current + "/typescript"
            let script =
                "IPFS_KIT_HOME='\(user.home)' script -qec '\(command)' '\(log)' > /dev/null < /dev/null; echo $?"
            let code = Int(try await user.shell(script).trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
            return (code, String(decoding: try bytes(at: log), as: UTF8.self))
        }
        for words in [["dag", "export", content.file], ["cat", content.file], ["block", "get", content.file]] {
            let refused = try await onTerminal(words)
            #expect(refused.code == 2 && refused.text.contains("--output -"), "\(words): \(refused)")
            #expect(try await onTerminal(words + ["--output", "-"]).code == 0, "\(words)")
        }
        let shown = try await onTerminal(["cat", text])
        #expect(shown.code == 0 && shown.text.contains("text"))
    }
}
