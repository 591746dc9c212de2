import Foundation
import Samples
import TestKit
import Testing

/// The store under collections that are killed, under adds beside them, and with content that stays in its files.
@Suite(.scratch, .timeLimit(.minutes(10))) struct StoreTests {
    @Test func aCollectionThatIsKilledLosesNothing() async throws {
        let user = try await User.ready()
        var generator = SeededNumbers(seed: 7)
        var kept: [String: UInt64] = [:]
        var killed = 0
        var seed: UInt64 = 0
        var longest = 60
        for round in 0..<12 {
            for _ in 0..<3 {
                seed += 1
                let root = try await user.add(sampleBytes(1_000_000, seed: seed), name: "content")
                // Every third stays; the others are garbage in the midst of what is pinned.
                if seed % 3 == 0 { kept[root] = seed } else { try await user.run("pin", "rm", root) }
            }
            let moment = Duration.milliseconds(Int.random(in: 5..<longest, using: &generator))
            let begin = ContinuousClock.now
            let result = try await user.attempt(["gc", "--waste", "0"], timeout: moment)
            killed += result.timedOut ? 1 : 0
            // What was too early or too late for the last one tells when the next should come.
            if !result.timedOut { longest = max(10, Int((ContinuousClock.now - begin) / .milliseconds(1))) }
            if result.timedOut { longest = min(400, longest + 10) }
            let report = try await user.json("store", "verify")
            #expect(report.problems.items.isEmpty, "round \(round)")
        }
        #expect(killed >= 2, "\(killed) of 12 were killed in time")
        try await user.run("gc", "--waste", "0")
        for (root, seed) in kept {
            #expect(try await [UInt8](user.run("cat", root).output) == sampleBytes(1_000_000, seed: seed))
        }
        // Nothing but what is pinned is left, in the index and in the packs.
        let size = try Trees.size(of: user.home + "/store/packs")
        #expect(size < kept.count * 1_000_000 + 200_000, "\(size) bytes for \(kept.count) pins")
    }

    @Test func addsBesideCollectionsAreKept() async throws {
        let user = try await User.ready()
        let roots = try await withThrowingTaskGroup(of: [String].self) { group in
            for writer in 0..<2 {
                group.addTask {
                    var roots: [String] = []
                    for round in 0..<6 {
                        // The same content again and again: a collection must not take what is being found.
                        let name = "file-\(writer)-\(round)"
                        roots.append(try await user.add(sampleBytes(400_000, seed: UInt64(round % 3)), name: name))
                        if round < 4 { _ = try await user.attempt(["pin", "rm", roots[round]]) }
                    }
                    return roots
                }
            }
            group.addTask {
                for _ in 0..<8 { try await user.run("gc", "--waste", "0") }
                return []
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let pins = Set(try await user.pins())
        #expect(!pins.isEmpty && pins.isSubset(of: roots))
        for root in pins { try await user.run("dag", "export", root, "-o", "\(user.folder)/\(root).car") }
        #expect(try await user.json("store", "verify").problems.items.isEmpty)
    }

    @Test func contentThatStaysInItsFilesIsReadAndSyncedFromThem() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let tree = user.folder + "/tree"
        try Trees.make(at: tree)
        try Data(sampleBytes(2_900_000, seed: 5)).write(to: URL(filePath: tree + "/large"))
        let hashed = try await user.run("add", tree, "-q", "-n")
        let added = try await user.run("add", tree, "-q", "--no-copy")
        #expect(added.text == hashed.text)
        let root = added.text.trimmingCharacters(in: .whitespacesAndNewlines)
        let size = try Trees.size(of: user.home + "/store/packs")
        #expect(size < 100_000, "\(size) bytes were copied")
        try await user.run("get", root, "-o", user.folder + "/back")
        try await user.run("sync")
        #expect(try Trees.size(of: disk) > 2_900_000)
        let report = try await user.json("store", "verify")
        #expect(report.problems.items.isEmpty && (report.referenced_blocks.int ?? 0) >= 3)

        // A file that is changed is an error that says which; a restore makes a copy of what it was.
        var bytes = sampleBytes(2_900_000, seed: 5)
        bytes[2_500_000] ^= 1
        try Data(bytes).write(to: URL(filePath: tree + "/large"))
        let refused = try await user.run("cat", root + "/large", code: 10)
        #expect(refused.errorText.contains(tree + "/large") && refused.errorText.contains("ipfs-kit restore"))
        #expect(refused.output.count < 2_900_000)
        try await user.run("store", "verify", code: 10)
        try await user.run("restore", root)
        #expect(try await [UInt8](user.run("cat", root + "/large").output) == sampleBytes(2_900_000, seed: 5))
        #expect(try [UInt8](Data(contentsOf: URL(filePath: tree + "/large"))) == bytes)
    }

    @Test(arguments: [["--raw-leaves=false"], ["--preserve-mode"], ["--profile", "unixfs-v0-2015"]])
    func contentThatCannotStayInItsFilesIsRefused(options: [String]) async throws {
        let user = try await User.ready()
        let path = user.folder + "/file"
        try Data(sampleBytes(1000)).write(to: URL(filePath: path))
        let result = try await user.attempt(["add", path, "--no-copy"] + options)
        #expect(result.code == 2, "\(result.text)\(result.errorText)")
    }
}
