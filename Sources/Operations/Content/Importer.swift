internal import BlockStore
internal import IPLD
internal import Multiformats
internal import POSIX
internal import Storage

/// Turns files and directories into UnixFS DAGs.
struct Importer: Sendable {
    let profile: ImportProfile
    let rules: ImportRules
    let progress: Progress
    let boundary: HomeBoundary
    /// Takes the blocks, children before their parents.
    var write: @Sendable ([Block]) async throws -> Void = { _ in }
    /// Takes the leaves that stay in their files; nil where they are blocks like others.
    var refer: (@Sendable ([Reference]) async throws -> Void)?
    /// Told of everything that was made, in the order in which it was.
    let made: @Sendable (Imported) -> Void
    /// Told of everything that was not taken, though the rules would have it.
    let leave: @Sendable (LeftOut) -> Void

    /// Files up to this length are read and hashed several at once; larger ones have their chunks hashed side by side.
    private static let small: UInt64 = 1 << 20
    /// How many bytes of small files are read, hashed and written at a time, and how many files.
    private static let batch: (bytes: UInt64, files: Int) = (4 << 20, 512)

    /// The same importer, which hands blocks, or for content what refers to it, to a store.
    func writing(to ingest: Ingest, refers: Bool) -> Importer {
        var importer = self
        importer.write = { try await ingest.write($0) }
        if refers { importer.refer = { try await ingest.refer(to: $0) } }
        return importer
    }

    /// Adds what is at `path`, which somebody named, under `name`; throws `refused` for what is of the kit home.
    func add(_ path: String, name: [UInt8]) async throws -> DAGEntry {
        let (boundary, follow) = (boundary, rules.followsNamedLinks)
        let info = try await BlockingThreads.shared.run { () throws(KitError) in
            try boundary.admit(path, follow: follow, for: .content)
        }
        return try await add(path.systemBytes, name: name, info)
    }

    /// Adds what `info` describes, which is in `folders`.
    private func add(
        _ path: [UInt8],
        name: [UInt8],
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
            let target = try await files { () throws(FileError) in try linkTarget(path) }
            let built = SymlinkNode.build(target: target, profile: profile, metadata: rules.metadata(of: info))
            try await store([built.block])
            made(Imported(path: name, entry: built.entry))
            return built.entry
        case .other:
            throw KitError(.usage, "\(path.shown) is a device, a socket or a pipe, which cannot be added.")
        }
    }

    private func addDirectory(
        _ path: [UInt8],
        name: [UInt8],
        _ info: FileInfo,
        in folders: [FileInfo.Identity]
    ) async throws -> DAGEntry {
        let names = try await self.names(in: path, name)
        var builder = DirectoryBuilder(profile: profile)
        var index = names.startIndex
        while index < names.endIndex {
            let run = try await smallFiles(path, names, from: index)
            for (bytes, entry) in zip(names[index...], try await addSmall(run)) {
                made(Imported(path: name + [0x2F] + bytes, entry: entry))
                try builder.add(name: bytes, cid: entry.cid, tsize: entry.tsize)
            }
            index += run.count
            guard run.isEmpty else { continue }
            let bytes = names[index]
            index += 1
            guard let entry = try await add(found: bytes, in: path, name, folders) else { continue }
            try builder.add(name: bytes, cid: entry.cid, tsize: entry.tsize)
        }
        var blocks: [Block] = []
        let entry = try builder.build(metadata: rules.metadata(of: info)) { blocks.append($0) }
        try await store(blocks)
        made(Imported(path: name, entry: entry))
        return entry
    }

    /// The names in a folder that are taken; the program's own scratch files are none.
    private func names(in folder: [UInt8], _ name: [UInt8]) async throws -> [[UInt8]] {
        let names = try await files { () throws(FileError) in try listDirectory(folder) }
        return names.filter { found in
            let isTemporary = isTemporaryName(found)
            if !isTemporary, found.first != 0x2E || rules.takesHidden { return true }
            guard found != rules.scratchName else { return false }
            leave(LeftOut(path: name + [0x2F] + found, reason: isTemporary ? .leftover : .hidden))
            return false
        }
    }

    /// Adds what was found in a folder; nil where it is left out.
    private func add(
        found bytes: [UInt8],
        in folder: [UInt8],
        _ name: [UInt8],
        _ folders: [FileInfo.Identity]
    ) async throws -> DAGEntry? {
        let (path, name) = (folder + [0x2F] + bytes, name + [0x2F] + bytes)
        let (boundary, follows) = (boundary, rules.followsLinks)
        let (info, isOfHome) = try await files { () throws(FileError) in
            var info = try fileInfo(path)
            let isFollowed = follows && info.kind == .symbolicLink
            if isFollowed { info = try fileInfo(path, follow: true) }
            return (info, boundary.holds(info, at: path, isFollowed: isFollowed))
        }
        guard !isOfHome else {
            leave(LeftOut(path: name, reason: .home))
            return nil
        }
        if info.kind == .directory, try await isLeftOut(path) { return nil }
        return try await add(path, name: name, info, in: folders)
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
        let boundary = boundary
        return try await files { () throws(FileError) in
            var found: [([UInt8], FileInfo)] = []
            var bytes: UInt64 = 0
            for name in names[start...].prefix(Self.batch.files) {
                let path = folder + [0x2F] + name
                let info = try fileInfo(path)
                // Content that a chunker might cut goes the way of large files.
                guard info.kind == .file, info.length <= limit, isWhole(info.length) else { break }
                // One that is left out is looked at by itself.
                guard !boundary.holds(info, at: path, isFollowed: false) else { break }
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

    private struct Half: Sendable {
        let number: Int
        let files: [SmallFile]
    }

    /// Reads, hashes and writes small files together, each of them one leaf.
    private func addSmall(_ files: [(path: [UInt8], info: FileInfo)]) async throws -> [DAGEntry] {
        guard !files.isEmpty else { return [] }
        let (profile, rules) = (profile, rules)
        let middle = files.count / 2
        let halves = [files[..<middle], files[middle...]]
        let made = await withTaskGroup(of: Half.self) { group in
            for (half, part) in halves.enumerated() where !part.isEmpty {
                group.addTask {
                    // Reading may wait for a disk, so it is not for the threads of tasks, and hashing goes with it.
                    let files = await BlockingThreads.shared.run {
                        part.map { SmallFile($0.path, $0.info, profile, rules) }
                    }
                    return Half(number: half, files: files)
                }
            }
            var made: [[SmallFile]] = [[], []]
            for await part in group { made[part.number] = part.files }
            return made[0] + made[1]
        }
        var leaving = Leaving(refers: refer != nil)
        for (file, made) in zip(files, made) {
            if let failure = made.failure { throw failure }
            try leaving.begin(file.path)
            for block in made.blocks { leaving.take(block) }
            try leaving.end(file.path, file.info)
        }
        progress.bytes(files.reduce(0) { $0 + $1.info.length })
        progress.items(files.count)
        try await store(&leaving)
        return made.compactMap(\.entry)
    }

    private func addFile(_ path: [UInt8], name: [UInt8], _ info: FileInfo) async throws -> DAGEntry {
        let file = try await files { () throws(FileError) in
            let file = try File(path, .read)
            file.expectSequentialReads()
            return file
        }
        let metadata = rules.metadata(of: info)
        let entry: DAGEntry
        if case .size(let size) = profile.chunker, info.length > 0 {
            let parts = FileParts(file: file, length: info.length, chunk: size)
            entry = try await build(metadata, path, info) { parts.next() }
        } else {
            entry = try await addStream(metadata, path, info) { (offset, count) in
                try await BlockingThreads.shared.run { () throws(FileError) in
                    try file.read(at: offset, count: count)
                }
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
        _ info: FileInfo? = nil,
        _ read: @escaping @Sendable (UInt64, Int) async throws -> [UInt8]
    ) async throws -> DAGEntry {
        let source = ChunkSource(profile.chunker, read: read)
        return try await build(metadata, path, info) {
            let chunks = try await source.next()
            if chunks.isEmpty { return nil }
            return { () throws(FileError) in chunks }
        }
    }

    /// Makes a file out of parts: some are read and hashed while others are written.
    private func build(
        _ metadata: FileMetadata,
        _ path: [UInt8]?,
        _ info: FileInfo?,
        _ next: @escaping () async throws -> ChunkSource.Part?
    ) async throws -> DAGEntry {
        let profile = profile
        var builder = FileBuilder(profile: profile)
        var leaving = Leaving(refers: refer != nil)
        try leaving.begin(path)
        try await inOrder(next: next) { part in
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
        try leaving.end(path, info)
        try await store(&leaving)
        return entry
    }

    private func store(_ leaving: inout Leaving) async throws {
        try await store(leaving.blocks)
        try await refer?(leaving.references)
        leaving.blocks = []
        leaving.references = []
    }

    /// Hands blocks on; throws `limit` for one that nobody would take, or that its CID was to hold and cannot.
    private func store(_ blocks: [Block]) async throws {
        for block in blocks where block.bytes.count > Block.longest {
            throw KitError(
                .limit,
                "A node of \(block.bytes.count) bytes would be made, and no block may have more than \(Block.longest): "
                    + "--max-file-links and --max-directory-links make nodes smaller.",
                cid: block.cid
            )
        }
        if profile.cids.hash == .identity, let block = blocks.first(where: { $0.cid.hash.code != .identity }) {
            throw KitError(
                .limit,
                "A block of \(block.bytes.count) bytes cannot be held by its CID, which the hash function identity asks for; "
                    + "the limit is \(Multihash.longestDigest)."
            )
        }
        try await write(blocks)
    }

    /// One directory with things that were added as its entries.
    func wrapped(_ entries: [(name: [UInt8], entry: DAGEntry)]) async throws -> DAGEntry {
        var builder = DirectoryBuilder(profile: profile)
        for (name, entry) in entries { try builder.add(name: name, cid: entry.cid, tsize: entry.tsize) }
        var blocks: [Block] = []
        let entry = try builder.build(metadata: rules.metadata) { blocks.append($0) }
        try await store(blocks)
        made(Imported(path: [], entry: entry))
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

    /// Starts with a file, whose own path is noted: one through a link, or below `/proc`, may lead elsewhere tomorrow.
    mutating func begin(_ path: [UInt8]?) throws(KitError) {
        if let path, refers {
            let resolved: [UInt8]
            do throws(FileError) { resolved = try resolvedPath(path) } catch { throw KitError(error) }
            guard let text = String(validating: resolved, as: UTF8.self) else {
                throw KitError(.refused, "\(path.shown) has a path that is no UTF-8, which --no-copy cannot note.")
            }
            self.path = text
        }
        offset = 0
    }

    /// Ends with a file; throws where it is another one by now than the one that was found, and read.
    func end(_ path: [UInt8]?, _ info: FileInfo?) throws(KitError) {
        guard let path, let info, let noted = self.path else { return }
        let now: FileInfo
        do throws(FileError) { now = try fileInfo(noted) } catch { throw KitError(error) }
        guard now.version == info.version else {
            throw KitError(
                .other,
                "\(path.shown) was changed while it was read, and --no-copy leaves the content in it."
            )
        }
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
