import Foundation
import Samples
import TestKit
import Testing

/// A world that is damaged in copies, and older states of it.
struct Original: Sendable {
    let world: World
    let older: [World]
    /// The files of the world by their kind, each kind in order.
    let files: [Site: [String]]
    /// What is damaged how, in the order in which it is done.
    let turns: [(Site, Damage)]
    /// What tells each block that a pin leads to, as it stands in a pack, by the root.
    let blocks: [String: [Data]]

    /// Makes it in a folder: in step with two backends, with packs of several processes, files left in their place and
    /// blocks that nobody wants.
    ///
    /// The last commit is in the log of the catalog alone, or where it is tidy, everything is in the catalog.
    static func make(in folder: String, isTidy: Bool) async throws -> Original {
        var world = World(folder + "/world")
        try FileManager.default.createDirectory(atPath: world.user.folder, withIntermediateDirectories: true)
        try await world.user.run("init")
        try await world.add("small", ["": Array("a small file\n".utf8)])
        try await world.createDisk("left")
        try await world.createDisk("right")
        try await world.sync()
        var older = [try await world.copy(to: folder + "/older")]
        let tree: [String: [UInt8]] = [
            "a.bin": sampleBytes(90_000, seed: 1), "b.txt": Array("b\n".utf8),
            "sub/c.bin": sampleBytes(30_000, seed: 2),
            "sub/deep/d": [],
        ]
        try await world.add("tree", tree, "--chunker", "size-16384")
        try await world.add("gone", ["": sampleBytes(40_000, seed: 5)], "--chunker", "size-16384")
        try await world.sync()
        older.append(try await world.copy(to: folder + "/old"))
        try await world.user.run("pin", "rm", world.cid("gone"))
        world.pins.remove(world.cid("gone"))
        try await world.add("stays", ["": sampleBytes(25_000, seed: 3)], "--no-copy")
        try await world.addAtOnce(["one", "two", "three"])
        try await world.sync()
        try await world.addLast("late", sampleBytes(7000, seed: 6))
        if isTidy { try await SQLiteFile.empty(world.user.home + "/catalog.sqlite") }
        world.expectNothing(of: "gone")
        var numbers = SeededNumbers(seed: Options.seed)
        let turns = Site.weighted.flatMap { site in Damage.allCases.map { (site, $0) } }.shuffled(using: &numbers)
        let blocks = try world.pinnedBlocks()
        let inPacks = try world.blocks(blocks)
        try #require(blocks.allSatisfy { inPacks[$0.key] == Set($0.value) }, "a block is in no pack")
        // What is looked at is a copy: opening a home changes it.
        let check = try await world.copy(to: folder + "/check")
        try #require(try await check.losses() == [])
        check.remove()
        let names = try Trees.files(in: world.folder).filter { !$0.hasPrefix("files/") }
        return Original(
            world: world,
            older: older,
            files: Dictionary(grouping: names, by: Site.init),
            turns: turns,
            blocks: blocks
        )
    }
}

extension World {
    /// Adds several files in processes side by side: each writes to a pack of its own.
    fileprivate mutating func addAtOnce(_ words: [String]) async throws {
        let home = user
        var contents: [String: [UInt8]] = [:]
        for (index, word) in words.enumerated() {
            contents[word] = sampleBytes(20_000, seed: UInt64(30 + index))
            try write(contents[word] ?? [], to: "\(files)/\(word)")
        }
        let paths = words.map { "\(files)/\($0)" }
        _ = try await sideBySide(paths) { try await home.run("add", $0, "--quiet") }
        for (word, content) in contents { try await add(word, ["": content]) }
    }

    /// Adds a file in a process that is killed once it has told it: nothing is tidied up after it.
    fileprivate mutating func addLast(_ word: String, _ content: [UInt8]) async throws {
        try await foresee(word, ["": content], [])
        let fault = Fault(call: "output", position: 1, error: "none", mode: .last)
        let log = folder + ".log"
        user.environment = try fault.environment(below: folder, log: log)
        let result = try await user.attempt(["add", "\(files)/\(word)", "--quiet"])
        user.environment = [:]
        try FileManager.default.removeItem(atPath: log)
        try #require(result.text.hasPrefix(cid(word)), "\(result.code) \(result.errorText)")
        pins.insert(cid(word))
    }

    /// What tells each block of each pin: its section in a pack, or that of the reference to the file where it stays.
    func pinnedBlocks() throws -> [String: [Data]] {
        var blocks: [String: [Data]] = [:]
        for cid in pins {
            guard let root = root(of: cid) else { continue }
            blocks[cid] = try Archive.sections(root.archive)
        }
        let packs = user.home + "/store/packs/"
        let references = try Trees.files(in: packs).filter { $0.hasSuffix(".ref") }.flatMap { name in
            try Archive.sections(Data(contentsOf: URL(filePath: packs + name)))
        }
        let stays = try #require(blocks[cid("stays")]?.first).prefix(36)
        blocks[cid("stays")] = references.filter { $0.range(of: stays) != nil }
        return blocks
    }

    /// Which of these blocks are in the packs of the store, byte for byte.
    func blocks(_ wanted: [String: [Data]]) throws -> [String: Set<Data>] {
        let folder = user.home + "/store/packs"
        let packs = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap { name in
            try? Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
        }
        return wanted.mapValues { blocks in
            Set(blocks.filter { block in packs.contains { $0.range(of: block) != nil } })
        }
    }
}

/// A CARv1 as its parts lie one after another.
enum Archive {
    /// The header or a section: all of it, and what follows its length.
    struct Part {
        let frame: Data
        let content: Data
    }

    /// The header and the sections; throws where it ends in the midst of one.
    static func parts(_ archive: Data) throws -> [Part] {
        var position = archive.startIndex
        var parts: [Part] = []
        while position < archive.endIndex {
            let start = position
            var count = 0
            for shift in stride(from: 0, to: 63, by: 7) {
                guard position < archive.endIndex else { throw CocoaError(.fileReadCorruptFile) }
                let byte = Int(archive[position])
                position += 1
                count |= (byte & 0x7F) << shift
                if byte < 0x80 { break }
            }
            guard count <= archive.endIndex - position else { throw CocoaError(.fileReadCorruptFile) }
            parts.append(
                Part(frame: archive[start..<(position + count)], content: Data(archive[position..<(position + count)]))
            )
            position += count
        }
        return parts
    }

    /// The CID and the bytes of each section.
    static func sections(_ archive: Data) throws -> [Data] { try parts(archive).dropFirst().map(\.content) }
}
