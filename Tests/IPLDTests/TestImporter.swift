import Foundation
import IPLD
import Multiformats

/// Imports the inputs of the vector table with the builders under test, and keeps no blocks unless asked to.
struct TestImporter {
    let profile: ImportProfile
    var options: ImportOptions?
    var blocks: [Block] = []
    var keepsBlocks = false

    init(_ profile: ImportProfile) { self.profile = profile }

    init(_ options: ImportOptions) throws {
        self.options = options
        profile = try options.importProfile()
    }

    /// A tree of entries, made from paths; keyed by bytes, since two spellings of one letter are two names here.
    private indirect enum Tree {
        case file([UInt8])
        case symlink(String)
        case directory([[UInt8]: Tree])
    }

    mutating func add(_ input: KuboVectors.Input) throws -> CID {
        var root: DAGEntry
        if let content = input.content {
            root = try file(KuboVectors.bytes(content))
        } else {
            root = try add(try Self.tree(input)) ?? DAGEntry(cid: try CID("bafkqaaa"), tsize: 0)
        }
        if options?.wraps == true {
            var wrapper = DirectoryBuilder(profile: profile)
            try wrapper.add(name: input.id, root)
            root = try build(wrapper)
        }
        return root.cid
    }

    mutating func file(_ bytes: [UInt8]) throws(DecodingProblem) -> DAGEntry {
        var builder = FileBuilder(profile: profile)
        var made: [Block] = []
        let keeps = keepsBlocks
        let emit = { (block: Block) throws(DecodingProblem) in if keeps { made.append(block) } }
        // Pieces that chunks do not begin and end with.
        for start in stride(from: 0, to: bytes.count, by: 300_001) {
            try builder.append(content: bytes[start..<min(start + 300_001, bytes.count)], emit: emit)
        }
        let entry = try builder.finish(metadata: options?.metadata ?? .none, emit: emit)
        blocks += made
        return entry
    }

    mutating func build(_ directory: DirectoryBuilder) throws(DecodingProblem) -> DAGEntry {
        var made: [Block] = []
        let entry = try directory.build(metadata: options?.metadata ?? .none) { made.append($0) }
        if keepsBlocks { blocks += made }
        return entry
    }

    private mutating func keep(_ node: BuiltNode) -> DAGEntry {
        if keepsBlocks { blocks.append(node.block) }
        return node.entry
    }

    /// The entry of a tree, or nil for an empty directory that is left out.
    private mutating func add(_ tree: Tree, isRoot: Bool = true) throws -> DAGEntry? {
        switch tree {
        case .file(let bytes): return try file(bytes)
        case .symlink(let target):
            return keep(
                SymlinkNode.build(target: Array(target.utf8), profile: profile, metadata: options?.metadata ?? .none)
            )
        case .directory(let children):
            if children.isEmpty && !isRoot && options?.emptyDirectories == false { return nil }
            var directory = DirectoryBuilder(profile: profile)
            for (name, child) in children where options?.hidden == true || name.first != 0x2E {
                guard let entry = try add(child, isRoot: false) else { continue }
                try directory.add(name: name, cid: entry.cid, tsize: entry.tsize)
            }
            return try build(directory)
        }
    }

    private static func tree(_ input: KuboVectors.Input) throws -> Tree {
        if let pattern = input.pattern {
            let names = (0..<pattern.count).map { String(format: pattern.name, $0) }
            return .directory(Dictionary(uniqueKeysWithValues: names.map { (Array($0.utf8), .file(Array($0.utf8))) }))
        }
        var root: [[UInt8]: Tree] = [:]
        for entry in input.entries ?? [] {
            let leaf: Tree =
                switch entry.type {
                case "symlink": .symlink(entry.target ?? "")
                case "dir": .directory([:])
                default: .file(try entry.content.map { try KuboVectors.bytes($0) } ?? [])
                }
            insert(leaf, at: entry.path.utf8.split(separator: 0x2F).map(Array.init)[...], in: &root)
        }
        return .directory(root)
    }

    private static func insert(_ leaf: Tree, at path: ArraySlice<[UInt8]>, in directory: inout [[UInt8]: Tree]) {
        guard let name = path.first else { return }
        guard path.count > 1 else {
            if directory[name] == nil { directory[name] = leaf }
            return
        }
        var inner: [[UInt8]: Tree] = [:]
        if case .directory(let found)? = directory[name] { inner = found }
        insert(leaf, at: path.dropFirst(), in: &inner)
        directory[name] = .directory(inner)
    }
}
