public import Multiformats

/// Changes a tree of directories, reading and writing only the nodes on the paths that change.
///
/// Changes gather in memory; ``finish()`` makes the blocks. Whatever the order of the changes, the root is the one that
/// ``DirectoryBuilder`` makes of the same entries, except that a sharded directory that only grew stays sharded.
/// Copies of an editor share their changes.
public struct DirectoryEditor {
    /// Gives a block of the tree, verified.
    public typealias Source = (CID) throws(DecodingProblem) -> Block

    private let context: EditingContext
    private let root: OpenDirectory

    /// Starts with the directory at `root`, or with an empty one.
    ///
    /// - Throws: `.wrongKind` where the root is no directory; what `read` throws.
    public init(
        root: CID?,
        profile: ImportProfile,
        read: @escaping Source
    ) throws(DecodingProblem) {
        let context = EditingContext(profile: profile, read: read)
        self.context = context
        if let root {
            self.root = try OpenDirectory(root, context)
        } else {
            self.root = OpenDirectory()
        }
    }

    /// The entry at a path, or nil.
    public func entry(_ path: [[UInt8]]) throws(DecodingProblem) -> DAGEntry? {
        guard let name = path.last else { throw Self.rootItself }
        guard let directory = try open(path.dropLast(), making: false) else { return nil }
        return try directory.entry(name, context)
    }

    /// Puts an entry at a path, in place of what is there.
    ///
    /// - Throws: `.missing` where the directory above it is not there; `.wrongKind` where the path leads through
    ///   something that is no directory; `.malformed` for a name that no entry may have.
    public func put(_ path: [[UInt8]], _ entry: DAGEntry) throws(DecodingProblem) {
        let (directory, name) = try parent(of: path)
        try directory.set(name, .entry(PBLink(cid: entry.cid, name: name, tsize: entry.tsize)), context)
    }

    /// Makes a directory; with `parents` those above it too, and then one that is there already is no error.
    ///
    /// - Throws: `.wrongKind` where something is there already; what ``put(_:_:)`` throws.
    public func makeDirectory(_ path: [[UInt8]], parents: Bool = false) throws(DecodingProblem) {
        if parents {
            _ = try open(path[...], making: true)
            return
        }
        let (directory, name) = try parent(of: path)
        guard try directory.entry(name, context) == nil, directory.opened[name] == nil else {
            throw DecodingProblem(.wrongKind, "There is something at \(Self.text(path)) already.")
        }
        try directory.set(name, .directory(OpenDirectory()), context)
    }

    /// Removes what is at a path; throws `.missing` where nothing is.
    public func remove(_ path: [[UInt8]]) throws(DecodingProblem) {
        let (directory, name) = try parent(of: path)
        guard try directory.remove(name, context) else { throw Self.missing(path) }
    }

    /// Puts what is at one path at another as well, in place of what is there.
    public func copy(_ path: [[UInt8]], to target: [[UInt8]]) throws(DecodingProblem) {
        let (directory, name) = try parent(of: path)
        // What was changed below becomes blocks first, for two places cannot share what is still changing.
        guard let entry = try directory.settled(name, context) else { throw Self.missing(path) }
        try put(target, entry)
    }

    /// Moves what is at one path to another, in place of what is there.
    ///
    /// - Throws: `.wrongKind` where that is below itself; what ``copy(_:to:)`` throws.
    public func rename(_ path: [[UInt8]], to target: [[UInt8]]) throws(DecodingProblem) {
        guard path != target else { return }
        guard !target.starts(with: path) else {
            throw DecodingProblem(.wrongKind, "\(Self.text(path)) cannot be moved to below itself.")
        }
        try copy(path, to: target)
        try remove(path)
    }

    /// The root, and the blocks that are new, children first.
    ///
    /// - Throws: `.tooDeep` where a HAMT cannot tell names apart; what reading throws.
    public func finish() throws(DecodingProblem) -> (root: DAGEntry, blocks: [Block]) {
        let entry = try root.encode(context)
        return (entry, context.takeBlocks())
    }

    private func parent(of path: [[UInt8]]) throws(DecodingProblem) -> (OpenDirectory, [UInt8]) {
        guard let name = path.last else { throw Self.rootItself }
        try DirectoryEntry.check(name: name)
        guard let directory = try open(path.dropLast(), making: false) else { throw Self.missing(path.dropLast()) }
        return (directory, name)
    }

    private func open(_ path: ArraySlice<[UInt8]>, making: Bool) throws(DecodingProblem) -> OpenDirectory? {
        var directory = root
        for name in path {
            try DirectoryEntry.check(name: name)
            if let child = try directory.child(name, context) {
                directory = child
            } else {
                guard making else { return nil }
                let child = OpenDirectory()
                try directory.set(name, .directory(child), context)
                directory = child
            }
        }
        return directory
    }

    private static let rootItself = DecodingProblem(.wrongKind, "The root itself has no name to change.")

    private static func missing(_ path: some Collection<[UInt8]>) -> DecodingProblem {
        DecodingProblem(.missing, "There is nothing at \(text(path)).")
    }

    private static func text(_ path: some Collection<[UInt8]>) -> String {
        path.map { shownName($0) }.joined(separator: "/")
    }
}

/// What all directories of one editor share.
final class EditingContext {
    let profile: ImportProfile
    let read: DirectoryEditor.Source
    private var blocks: [Block] = []
    /// Where the blocks that were made stand among them.
    private var places: [CID: Int] = [:]

    init(profile: ImportProfile, read: @escaping DirectoryEditor.Source) {
        self.profile = profile
        self.read = read
    }

    /// A block of the tree: one that was made here, or one that was there before.
    func block(_ cid: CID) throws(DecodingProblem) -> Block {
        if let content = cid.inlineContent { return Block(cid: cid, bytes: content) }
        if let place = places[cid] { return blocks[place] }
        return try read(cid)
    }

    func emit(_ block: Block) {
        places[block.cid] = blocks.count
        blocks.append(block)
    }

    func takeBlocks() -> [Block] {
        defer { (blocks, places) = ([], [:]) }
        return blocks
    }
}
