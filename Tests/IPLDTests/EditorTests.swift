import FuzzTargets
import IPLD
import Multiformats
import Samples
import Testing

@Suite struct EditorTests {
    /// Blocks by their CIDs, with a count of what was read.
    final class Blocks {
        var all: [CID: Block] = [:]
        var reads = 0

        func read(_ cid: CID) throws(DecodingProblem) -> Block {
            reads += 1
            guard let block = all[cid] else { throw DecodingProblem(.missing, "not there", cid: cid) }
            return block
        }
    }

    static func profile(
        _ estimate: ImportProfile.Sharding.Estimate,
        threshold: Int,
        fanout: Int,
        most: Int? = nil
    ) -> ImportProfile {
        var profile = ImportProfile.unixfsV1_2025
        profile.sharding.estimate = estimate
        profile.sharding.threshold = threshold
        profile.sharding.fanout = fanout
        profile.sharding.maxLinks = most
        return profile
    }

    static func leaf(_ number: Int) -> DAGEntry {
        let block = Block(codec: .raw, bytes: Array("\(number)".utf8))
        return DAGEntry(cid: block.cid, tsize: UInt64(block.bytes.count))
    }

    /// The root that the builder makes of a tree of paths.
    static func build(_ tree: [String: DAGEntry], _ profile: ImportProfile, _ folders: Set<String>) throws -> DAGEntry {
        func directory(_ prefix: String) throws -> DAGEntry {
            var builder = DirectoryBuilder(profile: profile)
            for (path, entry) in tree where path.hasPrefix(prefix) && !path.dropFirst(prefix.count).contains("/") {
                try builder.add(name: String(path.dropFirst(prefix.count)), entry)
            }
            for folder in folders where folder.hasPrefix(prefix) && !folder.dropFirst(prefix.count).contains("/") {
                try builder.add(name: String(folder.dropFirst(prefix.count)), try directory(folder + "/"))
            }
            return try builder.build { _ in }
        }
        return try directory("")
    }

    static func path(_ text: String) -> [[UInt8]] { text.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) } }

    static let profiles = [
        profile(.links, threshold: 1 << 18, fanout: 256), profile(.links, threshold: 300, fanout: 8),
        profile(.block, threshold: 500, fanout: 16), profile(.disabled, threshold: 0, fanout: 256, most: 6),
        profile(.block, threshold: 1000, fanout: 256),
    ]

    @Test(arguments: profiles.indices, [1, 2, 3])
    func anySequenceOfChangesGivesWhatTheBuilderMakes(profile: Int, seed: UInt64) throws {
        let profile = Self.profiles[profile]
        var numbers = SeededNumbers(seed: seed)
        let blocks = Blocks()
        var tree: [String: DAGEntry] = [:]
        let folders: Set<String> = ["d", "d/e"]
        var root: CID?
        for round in 0..<40 {
            let editor = try DirectoryEditor(root: root, profile: profile) { (cid) throws(DecodingProblem) in
                try blocks.read(cid)
            }
            if round == 0 { try editor.makeDirectory(Self.path("d/e"), parents: true) }
            for _ in 0..<Int.random(in: 1...6, using: &numbers) {
                let folder = ["", "d/", "d/e/"].randomElement(using: &numbers) ?? ""
                let name = folder + "name \(Int.random(in: 0..<25, using: &numbers))"
                let other = folder + "name \(Int.random(in: 0..<25, using: &numbers))"
                switch Int.random(in: 0..<(round < 20 ? 5 : 9), using: &numbers) {
                case 0..<3:
                    let entry = Self.leaf(Int.random(in: 0..<100, using: &numbers))
                    try editor.put(Self.path(name), entry)
                    tree[name] = entry
                case 3 where tree[name] != nil:
                    try editor.copy(Self.path(name), to: Self.path(other))
                    tree[other] = tree[name]
                case 4 where tree[name] != nil && name != other:
                    try editor.rename(Self.path(name), to: Self.path(other))
                    tree[other] = tree.removeValue(forKey: name)
                case 5...:
                    if tree.removeValue(forKey: name) != nil {
                        try editor.remove(Self.path(name))
                    } else {
                        #expect(throws: DecodingProblem.self) { try editor.remove(Self.path(name)) }
                    }
                default: break
                }
            }
            let (entry, made) = try editor.finish()
            for block in made { blocks.all[block.cid] = block }
            let wanted = try Self.build(tree, profile, folders)
            #expect(entry.cid == wanted.cid && entry.tsize == wanted.tsize, "round \(round)")
            root = entry.cid
        }
    }

    @Test func directoriesAreCopiedAndMovedWithTheirChanges() throws {
        let blocks = Blocks()
        let editor = try DirectoryEditor(root: nil, profile: .unixfsV1_2025) { (cid) throws(DecodingProblem) in
            try blocks.read(cid)
        }
        try editor.makeDirectory(Self.path("a"))
        try editor.put(Self.path("a/x"), Self.leaf(1))
        try editor.copy(Self.path("a"), to: Self.path("b"))
        try editor.put(Self.path("b/y"), Self.leaf(2))
        try editor.rename(Self.path("a"), to: Self.path("c"))
        let tree = ["b/x": Self.leaf(1), "b/y": Self.leaf(2), "c/x": Self.leaf(1)]
        #expect(try editor.finish().root == Self.build(tree, .unixfsV1_2025, ["b", "c"]))
        for (from, to) in [("b", "b/z"), ("nothing", "q"), ("b/x", "no/such")] {
            #expect(throws: DecodingProblem.self) { try editor.rename(Self.path(from), to: Self.path(to)) }
        }
        #expect(throws: DecodingProblem.self) { try editor.makeDirectory(Self.path("b")) }
        #expect(throws: DecodingProblem.self) { try editor.put([], Self.leaf(1)) }
        #expect(throws: DecodingProblem.self) { try editor.put(Self.path("b/x/z"), Self.leaf(1)) }
    }

    @Test func oneChangeInALargeDirectoryTouchesFewBlocks() throws {
        let profile = ImportProfile.unixfsV1_2025
        var builder = DirectoryBuilder(profile: profile)
        for number in 0..<30_000 { try builder.add(name: "file number \(number)", Self.leaf(number % 10)) }
        let blocks = Blocks()
        let root = try builder.build { blocks.all[$0.cid] = $0 }
        let editor = try DirectoryEditor(root: root.cid, profile: profile) { (cid) throws(DecodingProblem) in
            try blocks.read(cid)
        }
        try editor.put([Array("one more".utf8)], Self.leaf(3))
        let (fresh, made) = try editor.finish()
        #expect(blocks.reads <= 4 && made.count <= 4)
        try builder.add(name: "one more", Self.leaf(3))
        #expect(try builder.build { _ in } == fresh)
    }
}
