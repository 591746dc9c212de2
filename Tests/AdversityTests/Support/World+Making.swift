import Foundation
import Samples
import TestKit
import Testing

extension World {
    /// Adds a file or a folder of files, pins it, and remembers what it is.
    mutating func add(_ word: String, _ contents: [String: [UInt8]], _ flags: String...) async throws {
        let path = "\(files)/\(word)"
        let folders = Set(contents.keys.map { ("\(path)/\($0)" as NSString).deletingLastPathComponent })
        for each in folders.union([files]) {
            try FileManager.default.createDirectory(atPath: each, withIntermediateDirectories: true)
        }
        for (name, bytes) in contents { try write(bytes, to: name.isEmpty ? path : "\(path)/\(name)") }
        let result = try await user.attempt(["add", path, "--quiet", "--name", word] + flags)
        try #require(result.code == 0, "\(result.errorText)")
        try await know(word, result.text.split(separator: "\n").last.map(String.init) ?? "", contents)
        if !flags.contains("--no-pin") { pins.insert(cid(word)) }
    }

    /// Remembers a root that is whole in the store.
    mutating func know(_ word: String, _ cid: String, _ contents: [String: [UInt8]]) async throws {
        let archive = try await user.attempt(["dag", "export", cid])
        try #require(archive.code == 0, "\(archive.errorText)")
        roots[word] = Root(cid: cid, files: contents, archive: archive.output)
    }

    /// Makes a backend over a new directory.
    mutating func createDisk(_ name: String) async throws {
        try FileManager.default.createDirectory(atPath: disk(name), withIntermediateDirectories: true)
        try await user.run("backend", "create", name, "filesystem", "--path", disk(name))
        copies[name] = []
    }

    /// Brings the backends in step, and takes for kept what is there then.
    mutating func sync() async throws {
        try await user.run("sync")
        for name in copies.keys { copies[name] = pins.filter { isWhole($0, on: name) } }
    }

    /// Copies of a root need not be there any more.
    mutating func expectNothing(of word: String) {
        let cid = cid(word)
        for name in Array(copies.keys) { copies[name]?.remove(cid) }
    }

    /// A world with something of everything: pins of files and trees, files left in their place, two backends in step
    /// but for one pin and one removal, and blocks that nobody wants.
    @concurrent
    static func make(in folder: String) async throws -> World {
        var world = World(folder)
        try FileManager.default.createDirectory(atPath: world.user.folder, withIntermediateDirectories: true)
        try await world.user.run("init")
        try await world.add("small", ["": Array("a small file\n".utf8)])
        let tree: [String: [UInt8]] = [
            "a.bin": sampleBytes(150_000, seed: 1), "b.txt": Array("b\n".utf8),
            "sub/c.bin": sampleBytes(40_000, seed: 2),
            "sub/deep/d": [],
        ]
        try await world.add("tree", tree, "--chunker", "size-16384")
        try await world.add("stays", ["": sampleBytes(60_000, seed: 3)], "--no-copy")
        try await world.createDisk("left")
        try await world.createDisk("right")
        try await world.add("single", ["": sampleBytes(30_000, seed: 4)], "--replicas", "1")
        try await world.add("gone", ["": sampleBytes(70_000, seed: 5)], "--chunker", "size-16384")
        try await world.sync()
        try await world.user.run("pin", "rm", world.cid("gone"))
        world.pins.remove(world.cid("gone"))
        world.expectNothing(of: "gone")
        try await world.add("late", ["x": sampleBytes(20_000, seed: 6), "y": sampleBytes(50_000, seed: 7)])
        try #require(try await world.losses() == [])
        return world
    }
}
