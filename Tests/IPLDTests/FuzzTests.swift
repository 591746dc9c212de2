import Foundation
import FuzzTargets
import Multiformats
import TestKit
import Testing

/// The inputs that fuzzing kept, and damaged copies of whole files, through the decoders.
@Suite struct FuzzTests {
    static let corpus = Fixtures.packageRoot.appending(path: "Tests/Fixtures/fuzz")

    /// The public folders whose files are damaged.
    static let folders = [
        "codec-fixtures", "dasl-testing", "go-car", "ipld-car-spec", "helia", "storacha-ipfs-car", "go-unixfsnode",
        "js-ipfs-unixfs", "boxo", "js-car", "go-ipld-cbor", "atproto-interop", "kubo-test-data",
    ]

    /// The targets for a file, by the ending of its name.
    static let targets = [
        "car": ["carv1"], "carv2": ["carv2"], "carindex": ["index"], "dag-cbor": ["dag-cbor"], "cbor": ["dag-cbor"],
        "dag-json": ["dag-json"], "json": ["dag-json"], "dag-pb": ["dag-pb", "unixfs", "hamt"],
        "unixfs": ["dag-pb", "unixfs"],
    ]

    static func corpusFiles(_ target: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: corpus.appending(path: target), includingPropertiesForKeys: nil)
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
    }

    @Test(arguments: FuzzTarget.all.map(\.name))
    func `what fuzzing kept breaks no law`(name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let files = try Self.corpusFiles(name)
        #expect(!files.isEmpty)
        for file in files {
            #expect(throws: Never.self, "\(file.lastPathComponent)") { try target.run(Fixtures.bytes(file)) }
        }
        try target.run([])
    }

    @Test(arguments: FuzzTarget.all.map(\.name))
    func `no damaged copy of what fuzzing kept breaks a law`(name: String) async throws {
        try await run(try Self.corpusFiles(name).map { (name, $0) }, rounds: 1000)
    }

    /// The one test of time: eight times the input takes at most sixteen times as long, in a release build.
    @Test func `no decoder takes more than linear time`() async throws {
        for target in FuzzTarget.all {
            #expect(Growth.all.contains { $0.name.hasPrefix(target.name + ":") }, "no input of \(target.name) grows")
        }
        let result = try await ProcessRunner.run(try Self.mutate(), ["grow"], timeout: .seconds(1200))
        let last = result.text.split(separator: "\n").last ?? ""
        #expect(result.code == 0 && last.hasPrefix("all \(Growth.all.count) take no more"), "\(last)")
    }

    @Test func `no damaged copy of an archive of Kubo breaks a law`() async throws {
        let folder = Fixtures.kubo.appending(path: "cars")
        try await run(Fixtures.archives.map { ("carv1", folder.appending(path: $0)) })
    }

    @Test(arguments: folders)
    func `no damaged copy of a public file breaks a law`(folder: String) async throws {
        let files = try Fixtures.sharedFiles(folder, ending: "")
        try await run(files.flatMap { file in (Self.targets[file.pathExtension] ?? []).map { ($0, file) } })
    }

    /// A release build of the decoders.
    private static func mutate() throws -> URL {
        let path = ProcessInfo.processInfo.environment["IPFS_KIT_MUTATE"]
        try Requirement.check("mutate", missing: path == nil ? "IPFS_KIT_MUTATE names no kit-mutate" : nil)
        return URL(filePath: path ?? "")
    }

    /// Runs damaged copies of each file that is no longer than 64 KiB, in a release build of the decoders: a debug
    /// build would take an hour.
    private func run(_ all: [(target: String, file: URL)], rounds: Int = 10_000) async throws {
        let work = all.filter { (try? Fixtures.bytes($0.file).count).map { $0 <= 65536 } ?? false }
        try #require(!work.isEmpty)
        let arguments = ["\(rounds)"] + work.flatMap { [$0.target, $0.file.path] }
        let result = try await ProcessRunner.run(
            try Self.mutate(),
            arguments,
            environment: ["SWIFT_BACKTRACE": "enable=no"],
            timeout: .seconds(1800)
        )
        let last = result.text.split(separator: "\n").suffix(3).joined(separator: "\n")
        #expect(result.code == 0 && !result.timedOut, "IPFS_KIT_FUZZ_KEEP=FILE leaves the input of a crash: \(last)")
        #expect(last.hasSuffix("all \(work.count) files, \(rounds) damaged copies of each") || result.code != 0)
    }
}
