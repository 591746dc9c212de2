import Foundation
import Samples
import TestKit
import Testing

/// The store under collections with adds beside them, and with content that stays in its files.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct StoreTests {
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

    /// What leads to a file today may lead elsewhere tomorrow, or nowhere as soon as the program has ended.
    @Test(arguments: ["link", "process"]) func contentStaysInItsFileWhateverLedToIt(_ way: String) async throws {
        let user = try await User.ready()
        let folder = user.folder + "/kept"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let content = sampleBytes(300_000)
        try write(content, to: folder + "/file")
        let link = user.folder + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder)
        let path = way == "link" ? link + "/file" : "/proc/self/root" + folder + "/file"
        let root = try await user.run("add", "-Q", "--no-copy", path).cid
        try FileManager.default.removeItem(atPath: link)
        #expect(try await user.content(root) == content)
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
