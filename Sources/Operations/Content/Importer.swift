internal import BlockStore
internal import IPLD
internal import Multiformats
internal import POSIX
internal import Storage

/// What was made of one file, directory or link.
struct Imported: Sendable {
    let path: String
    let entry: DAGEntry
}

/// What of a folder is taken, and what is kept of its entries.
struct ImportRules: Sendable {
    /// Entries whose names begin with a dot are taken too.
    var takesHidden = false
    /// Folders without entries are taken too.
    var takesEmpty = true
    /// What symbolic links lead to is taken in their place.
    var followsLinks = false
    /// The same for links that were named themselves.
    var followsNamedLinks = false
    /// The permissions of files and folders are kept.
    var keepsModes = false
    /// The times of the last change are kept.
    var keepsTimes = false
    /// Kept for everything, in place of its own.
    var metadata = FileMetadata.none

    /// The metadata of what `info` describes.
    func metadata(of info: FileInfo) -> FileMetadata {
        guard keepsModes || keepsTimes else { return metadata }
        let time = UnixFSNode.Time(seconds: info.modified, nanoseconds: info.nanoseconds)
        return FileMetadata(
            mode: metadata.mode ?? (keepsModes ? info.permissions : nil),
            modified: metadata.modified ?? (keepsTimes ? time : nil)
        )
    }
}

/// Turns files and directories into UnixFS DAGs.
struct Importer: Sendable {
    let profile: ImportProfile
    let rules: ImportRules
    let progress: Progress
    /// Takes the blocks, children before their parents.
    let write: @Sendable ([Block]) async throws -> Void
    /// Takes the leaves that stay in their files; nil where they are blocks like others.
    var refer: (@Sendable ([Reference]) async throws -> Void)?
    /// Told of everything that was made, in the order in which it was.
    let made: @Sendable (Imported) -> Void

    /// Files up to this length are read and hashed several at once; larger ones have their chunks hashed side by side.
    private static let small: UInt64 = 1 << 20
    /// How many bytes of small files are read, hashed and written at a time, and how many files.
    private static let batch: (bytes: UInt64, files: Int) = (4 << 20, 512)

    /// Adds what is at `path`, which somebody named, under `name`.
    func add(_ path: String, name: String) async throws -> DAGEntry {
        let bytes = Array(path.utf8)
        return try await add(bytes, name: name, try await info(bytes, follow: rules.followsNamedLinks))
    }

    private func info(_ path: [UInt8], follow: Bool = false) async throws(FileError) -> FileInfo {
        try await files { () throws(FileError) in try fileInfo(path, follow: follow) }
    }

    /// Adds what `info` describes, which is in `folders`.
    private func add(
        _ path: [UInt8],
        name: String,
        _ info: FileInfo,
        in folders: [FileInfo.Identity] = []
    ) async throws -> DAGEntry {
        switch info.kind {
        case .directory:
            guard !folders.contains(info.identity) else {
                throw KitError(.usage, "\(path.shown) leads back to a folder that it is in, so adding it has no end.")
            }
            return try await addDirectory(path, name: name, info, in: folders + [info.identity])
        case .file: return try await addFile(path, name: name, info)
        case .symbolicLink:
            if rules.followsLinks {
                return try await add(path, name: name, try await self.info(path, follow: true), in: folders)
            }
            let target = try await files { () throws(FileError) in try linkTarget(path) }
            let built = SymlinkNode.build(target: target, profile: profile, metadata: rules.metadata(of: info))
            try await write([built.block])
            made(Imported(path: name, entry: built.entry))
            return built.entry
        case .other:
            throw KitError(.usage, "\(path.shown) is a device, a socket or a pipe, which cannot be added.")
        }
    }

    private func addDirectory(
        _ path: [UInt8],
        name: String,
        _ info: FileInfo,
        in folders: [FileInfo.Identity]
    ) async throws -> DAGEntry {
        let names = try await files { () throws(FileError) in try listDirectory(path) }
            .filter { rules.takesHidden || $0.first != 0x2E }
        var builder = DirectoryBuilder(profile: profile)
        var index = names.startIndex
        while index < names.endIndex {
            let run = try await smallFiles(path, names, from: index)
            for (bytes, entry) in zip(names[index...], try await addSmall(run)) {
                made(Imported(path: name + "/" + bytes.shown, entry: entry))
                try builder.add(name: bytes, cid: entry.cid, tsize: entry.tsize)
            }
            index += run.count
            guard run.isEmpty else { continue }
            let bytes = names[index]
            index += 1
            let child = path + [0x2F] + bytes
            let info = try await self.info(child)
            if info.kind == .directory, try await isLeftOut(child) { continue }
            let entry = try await add(child, name: name + "/" + bytes.shown, info, in: folders)
            try builder.add(name: bytes, cid: entry.cid, tsize: entry.tsize)
        }
        var blocks: [Block] = []
        let entry = try builder.build(metadata: rules.metadata(of: info)) { blocks.append($0) }
        try await write(blocks)
        made(Imported(path: name, entry: entry))
        return entry
    }

    /// Whether a folder has no entries and such folders are left out.
    private func isLeftOut(_ path: [UInt8]) async throws -> Bool {
        guard !rules.takesEmpty else { return false }
        return try await files { () throws(FileError) in try listDirectory(path).isEmpty }
    }

    /// The small files that follow one another from `start` on, as many as make a batch.
    private func smallFiles(
        _ folder: [UInt8],
        _ names: [[UInt8]],
        from start: Int
    ) async throws -> [(path: [UInt8], info: FileInfo)] {
        let limit = min(Self.small, UInt64(profile.chunker.longest))
        return try await files { () throws(FileError) in
            var found: [([UInt8], FileInfo)] = []
            var bytes: UInt64 = 0
            for name in names[start...].prefix(Self.batch.files) {
                let path = folder + [0x2F] + name
                let info = try fileInfo(path)
                // Content that a chunker might cut goes the way of large files.
                guard info.kind == .file, info.length <= limit, isWhole(info.length) else { break }
                bytes += info.length
                found.append((path, info))
                if bytes > Self.batch.bytes { break }
            }
            return found
        }
    }

    /// Whether content of that length is one chunk.
    private func isWhole(_ length: UInt64) -> Bool {
        switch profile.chunker {
        case .size(let size): length <= UInt64(size)
        case .rabin(let least, _, _): length < UInt64(least)
        case .buzhash: length < 128 << 10
        }
    }

    /// Reads, hashes and writes small files together, each of them one leaf.
    private func addSmall(_ files: [(path: [UInt8], info: FileInfo)]) async throws -> [DAGEntry] {
        guard !files.isEmpty else { return [] }
        let (profile, rules) = (profile, rules)
        let middle = files.count / 2
        @Sendable func make(_ part: ArraySlice<(path: [UInt8], info: FileInfo)>) async -> [SmallFile] {
            // Reading may wait for a disk, so it is not for the threads of tasks, and hashing goes with it.
            await BlockingThreads.shared.run { part.map { SmallFile($0.path, $0.info, profile, rules) } }
        }
        async let first = make(files[..<middle])
        async let second = make(files[middle...])
        let made = await first + second
        var leaving = Leaving(refers: refer != nil)
        for (file, made) in zip(files, made) {
            if let failure = made.failure { throw failure }
            try leaving.begin(file.path)
            for block in made.blocks { leaving.take(block) }
        }
        progress.bytes(files.reduce(0) { $0 + $1.info.length })
        progress.items(files.count)
        try await store(&leaving)
        return made.compactMap(\.entry)
    }

    private func addFile(_ path: [UInt8], name: String, _ info: FileInfo) async throws -> DAGEntry {
        let file = try await files { () throws(FileError) in
            let file = try File(path, .read)
            file.expectSequentialReads()
            return file
        }
        let metadata = rules.metadata(of: info)
        let entry: DAGEntry
        if case .size(let size) = profile.chunker, info.length > 0 {
            let parts = FileParts(file: file, length: info.length, chunk: size)
            entry = try await build(metadata, path) { parts.next() }
        } else {
            entry = try await addStream(metadata, path) { (offset, count) throws(FileError) in
                try file.read(at: offset, count: count)
            }
        }
        progress.items()
        made(Imported(path: name, entry: entry))
        return entry
    }

    /// Adds content of unknown length, which `read` gives in order; it is that of the file at `path`, if there is one.
    func addStream(
        _ metadata: FileMetadata,
        _ path: [UInt8]? = nil,
        _ read: @escaping @Sendable (UInt64, Int) throws(FileError) -> [UInt8]
    ) async throws -> DAGEntry {
        let source = ChunkSource(profile.chunker, read: read)
        return try await build(metadata, path) {
            let chunks = try await source.next()
            if chunks.isEmpty { return nil }
            return { () throws(FileError) in chunks }
        }
    }

    /// How many parts of a file are read and hashed at once: one for each core, and some that wait for them.
    private static let width = 4

    /// Makes a file out of parts: some are read and hashed while others are written.
    private func build(
        _ metadata: FileMetadata,
        _ path: [UInt8]?,
        _ next: () async throws -> ChunkSource.Part?
    ) async throws -> DAGEntry {
        let profile = profile
        var builder = FileBuilder(profile: profile)
        var leaving = Leaving(refers: refer != nil)
        try leaving.begin(path)
        try await inOrder(width: Self.width, next: next) { part in
            // Reading may wait for a disk, so it is not for the threads of tasks, and hashing goes with it.
            try await BlockingThreads.shared.run { () throws(FileError) -> [FileLeaf] in
                let chunks = try part()
                return chunks.map { FileLeaf($0, profile: profile) }
            }
        } take: { (leaves: [FileLeaf]) in
            for leaf in leaves { builder.append(leaf) { leaving.take($0) } }
            try await store(&leaving)
            progress.bytes(leaves.reduce(0) { $0 + $1.fileSize })
        }
        let entry = builder.finish(metadata: metadata) { leaving.take($0) }
        try await store(&leaving)
        return entry
    }

    private func store(_ leaving: inout Leaving) async throws {
        try await write(leaving.blocks)
        try await refer?(leaving.references)
        leaving.blocks = []
        leaving.references = []
    }

    /// One directory with things that were added as its entries.
    func wrapped(_ entries: [(name: String, entry: DAGEntry)]) async throws -> DAGEntry {
        var builder = DirectoryBuilder(profile: profile)
        for entry in entries { try builder.add(name: entry.name, entry.entry) }
        var blocks: [Block] = []
        let entry = try builder.build(metadata: rules.metadata) { blocks.append($0) }
        try await write(blocks)
        made(Imported(path: "", entry: entry))
        return entry
    }

    private func files<Value: Sendable>(
        _ work: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(FileError) -> Value {
        try await BlockingThreads.shared.run(work)
    }
}

/// What is on its way from files to the store.
private struct Leaving {
    /// Whether leaves stay in their files.
    let refers: Bool
    var blocks: [Block] = []
    var references: [Reference] = []
    private var path: String?
    private var offset: UInt64 = 0

    init(refers: Bool) { self.refers = refers }

    /// Starts with a file.
    mutating func begin(_ path: [UInt8]?) throws(KitError) {
        if let path, refers {
            guard Array(path.shown.utf8) == path else {
                throw KitError(.refused, "\(path.shown) has a name that is no UTF-8, which --no-copy cannot note.")
            }
            self.path = absolutePath(path.shown)
        }
        offset = 0
    }

    /// Takes the next block; the raw ones of a file are its content, in order.
    mutating func take(_ block: Block) {
        guard refers, let path, block.cid.codec == .raw else {
            blocks.append(block)
            return
        }
        references.append(Reference(cid: block.cid, path: path, offset: offset, length: block.bytes.count))
        offset += UInt64(block.bytes.count)
    }
}

/// A file that is one leaf, read and made into blocks, or why it could not be.
private struct SmallFile: Sendable {
    var blocks: [Block] = []
    var entry: DAGEntry?
    var failure: FileError?

    /// Reads the file and makes its blocks.
    init(_ path: [UInt8], _ info: FileInfo, _ profile: ImportProfile, _ rules: ImportRules) {
        do throws(FileError) {
            let bytes = try readFile(path, limit: Int(info.length))
            guard bytes.count == Int(info.length) else { throw FileError("read all of", path.shown, 5) }
            var builder = FileBuilder(profile: profile)
            if !bytes.isEmpty { builder.append(FileLeaf(bytes, profile: profile)) { blocks.append($0) } }
            entry = builder.finish(metadata: rules.metadata(of: info)) { blocks.append($0) }
        } catch {
            failure = error
        }
    }
}
