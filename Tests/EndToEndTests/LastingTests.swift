import Foundation
import Samples
import TestKit
import Testing

/// What is acknowledged outlasts a crash, and a call that fails undoes nothing that was published.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct LastingTests {
    /// Runs a command under strace, with calls that fail as `injections` say, and gives its result and the trace.
    private func trace(
        _ user: User,
        _ arguments: [String],
        calls: String = "mkdir,fsync,fdatasync,rename",
        injecting injections: [String] = []
    ) async throws -> (result: ProcessResult, lines: [String]) {
        try Requirement.check("strace", program: "strace")
        let strace = try #require(Programs.find("strace"))
        let binary = try #require(Programs.kit)
        let file = user.folder + "/trace-\(UUID().uuidString)"
        var options = ["-f", "-qq", "-y", "-o", file, "-e", "trace=" + calls]
        for injection in injections { options += ["-e", "inject=" + injection] }
        let result = try await ProcessRunner.run(
            strace,
            options + [binary.path] + arguments,
            environment: ["HOME": user.folder, "IPFS_KIT_HOME": user.home]
        )
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        return (result, text.split(separator: "\n").map(String.init))
    }

    private func folder(in line: String, after call: String, _ open: Character, _ close: Character) -> String? {
        guard line.contains(call), line.hasSuffix("= 0") else { return nil }
        return line.split(separator: open, maxSplits: 1).dropFirst().first.flatMap {
            $0.split(separator: close, maxSplits: 1).first.map(String.init)
        }
    }

    /// The folders that were made below `place`, and whose names were not synced afterwards.
    private func forgotten(_ lines: [String], below place: String) -> [String] {
        let made = lines.enumerated().compactMap { index, line in
            folder(in: line, after: "mkdir(", "\"", "\"").map { (index, $0) }
        }
        return made.filter { index, path in
            path.hasPrefix(place)
                && !lines.dropFirst(index + 1).contains {
                    folder(in: $0, after: " fsync(", "<", ">") == (path as NSString).deletingLastPathComponent
                }
        }.map(\.1)
    }

    @Test func everyFolderThatIsMadeIsSyncedIntoItsParent() async throws {
        let user = try User()
        let start = try await trace(user, ["init"])
        #expect(start.result.code == 0)
        #expect(start.lines.contains { $0.contains("mkdir(") })
        #expect(forgotten(start.lines, below: user.folder) == [])
        let disk = try await user.createDisk("disk")
        let file = user.folder + "/file"
        try Data(sampleBytes(5000)).write(to: URL(filePath: file))
        for command in [["add", file], ["sync"]] {
            let (result, lines) = try await trace(user, command)
            #expect(result.code == 0, "\(result.text)\(result.errorText)")
            #expect(forgotten(lines, below: user.folder) == [])
            #expect(command == ["add", file] || lines.contains { $0.contains("mkdir(\"\(disk)/cars\"") })
        }
    }

    /// A folder that somebody made who was killed before it was synced.
    @Test func aFolderThatIsThereIsSyncedBeforeAnythingInItCounts() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try FileManager.default.createDirectory(atPath: disk + "/cars", withIntermediateDirectories: true)
        try await user.add(sampleBytes(5000))
        let (result, lines) = try await trace(user, ["sync"])
        #expect(result.code == 0)
        let appears = lines.firstIndex { $0.contains("rename(") && $0.contains(disk + "/cars/") }
        let synced = lines.firstIndex { folder(in: $0, after: " fsync(", "<", ">") == disk }
        #expect(try #require(synced) < #require(appears))
    }

    @Test(arguments: ["fsync:error=EIO", "fsync:error=EIO:when=1", "fsync:error=EIO:when=2", "fsync:error=EIO:when=3"])
    func whatWasPublishedStaysWhenItsFolderCannotBeSynced(_ injection: String) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk", "--retry-count", "0")
        let root = try await user.add(sampleBytes(5000))
        let (result, _) = try await trace(user, ["sync"], injecting: [injection])
        let places = try Answer.parse(try await user.attempt(["whereis", root, "--json"]).text)
        if !injection.contains("when") {
            #expect(result.code != 0 && places.mappings.items.allSatisfy { $0.status.text != "stored" })
        }
        // Nothing half is there, and nothing that appeared is taken back.
        #expect(try Trees.files(in: disk).allSatisfy { !$0.hasSuffix(".part") })
        try await user.run("sync")
        #expect(try await user.json("verify").backends[0].whole.int == 1)
    }

    @Test(arguments: ["rename:error=EIO", "fdatasync:error=EIO", "rename:error=ENOSPC", "rename:error=EINTR"])
    func whatWasNotPublishedLeavesNothing(_ injection: String) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk", "--retry-count", "1")
        try await user.add(sampleBytes(5000))
        let (result, _) = try await trace(user, ["sync"], injecting: [injection])
        #expect(result.code != 0)
        #expect(try Trees.files(in: disk) == [])
        try await user.run("sync")
        #expect(try await user.json("verify").backends[0].whole.int == 1)
    }

    /// Calls are interrupted again and again, as by a debugger or a profiler; where the loader and the runtime make
    /// such calls too, only after they are done.
    @Test(arguments: [
        "rename:error=EINTR:when=1+2", "mkdir:error=EINTR:when=1+2", "fsync:error=EINTR:when=1+2",
        "flock:error=EINTR:when=1+2", "getdents64:error=EINTR:when=1+2", "unlink:error=EINTR:when=1+2",
        "ftruncate:error=EINTR:when=1+2", "openat:error=EINTR:when=60+3",
        "pread64:error=EINTR:when=60+3", "pwrite64:error=EINTR:when=60+3",
    ])
    func callsThatAreInterruptedAreMadeAgain(_ injection: String) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let file = user.folder + "/file"
        try Data(sampleBytes(100_000)).write(to: URL(filePath: file))
        let call = String(injection.prefix { $0 != ":" })
        for command in [["add", file], ["sync"], ["verify"], ["sync", "--force"]] {
            let (result, _) = try await trace(user, command, calls: call, injecting: [injection])
            #expect(result.code == 0, "\(command): \(result.text)\(result.errorText)")
        }
        #expect(try Trees.files(in: disk).contains { $0.hasPrefix("cars/") })
    }
}
