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

/// Turns files and directories into UnixFS DAGs in the store.
struct Importer: Sendable {
    let profile: ImportProfile
    let ingest: Ingest
    let progress: Progress
    /// Entries whose names begin with a dot are taken too.
    let takesHidden: Bool
    /// Told of everything that was made, in the order in which it was.
    let made: @Sendable (Imported) -> Void

    /// Files up to this length are read and hashed several at once; larger ones have their chunks hashed side by side.
    private static let small: UInt64 = 1 << 20
    /// How many bytes are read, hashed and written at a time.
    private static let batch = 8 << 20

    /// Adds what is at `path` under `name`; a link that is named by itself is followed.
    func add(_ path: String, name: String) async throws -> DAGEntry {
        let info = try await files { () throws(FileError) in try fileInfo(path, follow: true) }
        switch info.kind {
        case .directory: return try await addDirectory(path, name: name)
        case .file: return try await addFile(path, name: name, length: info.length)
        case .symbolicLink, .other:
            throw KitError(.usage, "\(path) is neither a file nor a directory.")
        }
    }

    private func addDirectory(_ path: String, name: String) async throws -> DAGEntry {
        let names = try await files { () throws(FileError) in try listDirectory(path) }
            .filter { takesHidden || $0.first != 0x2E }
        var builder = DirectoryBuilder(profile: profile)
        var index = names.startIndex
        while index < names.endIndex {
            let run = try await smallFiles(path, names, from: index)
            if !run.isEmpty {
                for (bytes, leaf) in zip(names[index...], try await addSmall(run)) {
                    made(Imported(path: name + "/" + text(bytes), entry: leaf))
                    try builder.add(name: bytes, cid: leaf.cid, tsize: leaf.tsize)
                }
                index += run.count
                continue
            }
            let bytes = names[index]
            let entry = try await addEntry(path + "/" + text(bytes), name: name + "/" + text(bytes))
            try builder.add(name: bytes, cid: entry.cid, tsize: entry.tsize)
            index += 1
        }
        let built = try builder.build()
        try await ingest.write([built.block])
        made(Imported(path: name, entry: built.entry))
        return built.entry
    }

    private func addEntry(_ path: String, name: String) async throws -> DAGEntry {
        let info = try await files { () throws(FileError) in try fileInfo(path) }
        switch info.kind {
        case .directory: return try await addDirectory(path, name: name)
        case .file: return try await addFile(path, name: name, length: info.length)
        case .symbolicLink:
            let target = try await files { () throws(FileError) in try linkTarget(path) }
            let built = SymlinkNode.build(target: target, profile: profile)
            try await ingest.write([built.block])
            made(Imported(path: name, entry: built.entry))
            return built.entry
        case .other:
            throw KitError(.usage, "\(path) is a device, a socket or a pipe, which cannot be added.")
        }
    }

    /// The paths of the small files that follow one another from `start` on, as many as make a batch.
    private func smallFiles(_ folder: String, _ names: [[UInt8]], from start: Int) async throws -> [String] {
        try await files { () throws(FileError) in
            var paths: [String] = []
            var bytes: UInt64 = 0
            for name in names[start...].prefix(256) {
                let path = folder + "/" + text(name)
                let info = try fileInfo(path)
                guard info.kind == .file, info.length <= min(Self.small, UInt64(profile.chunker.longest)) else { break }
                bytes += info.length
                paths.append(path)
                if bytes > Self.batch { break }
            }
            return paths
        }
    }

    /// Reads, hashes and writes small files together, each of them one leaf.
    private func addSmall(_ paths: [String]) async throws -> [DAGEntry] {
        let profile = profile
        let halves = [paths.prefix(paths.count / 2), paths.suffix(paths.count - paths.count / 2)]
        let leaves = try await withThrowingTaskGroup(of: (Int, [FileLeaf]).self) { group in
            for (half, paths) in halves.enumerated() {
                group.addTask {
                    let contents = try await files { () throws(FileError) in
                        try paths.map { (path) throws(FileError) in
                            let bytes = try readFile(path, limit: profile.chunker.longest)
                            guard bytes.count <= profile.chunker.longest else {
                                throw FileError("read all of", path, 5)
                            }
                            return bytes
                        }
                    }
                    return (half, contents.map { FileLeaf($0, profile: profile) })
                }
            }
            var parts: [[FileLeaf]] = [[], []]
            for try await (half, leaves) in group { parts[half] = leaves }
            return parts[0] + parts[1]
        }
        var blocks: [Block] = []
        var entries: [DAGEntry] = []
        for leaf in leaves {
            var builder = FileBuilder(profile: profile)
            builder.append(leaf) { blocks.append($0) }
            entries.append(builder.finish { blocks.append($0) })
            progress.bytes(leaf.fileSize)
        }
        progress.items(paths.count)
        try await ingest.write(blocks)
        return entries
    }

    private func addFile(_ path: String, name: String, length: UInt64) async throws -> DAGEntry {
        let file = try await files { () throws(FileError) in
            let file = try File(path, .read)
            file.expectSequentialReads()
            return file
        }
        let entry = try await addStream { (offset, count) throws(FileError) in try file.read(at: offset, count: count) }
        progress.items()
        made(Imported(path: name, entry: entry))
        return entry
    }

    /// Adds content of unknown length: reading, hashing and writing go on side by side, a few batches apart.
    func addStream(_ read: @escaping @Sendable (UInt64, Int) throws(FileError) -> [UInt8]) async throws -> DAGEntry {
        let profile = profile
        // Whole chunks, so that only the last batch can end in a short one.
        let size = max(1, Self.batch / profile.chunker.longest) * profile.chunker.longest
        var builder = FileBuilder(profile: profile)
        var pending: [Block] = []
        var offset: UInt64 = 0
        var batch = try await files { () throws(FileError) in try read(0, size) }
        while !batch.isEmpty {
            try Task.checkCancellation()
            let (current, start, blocks) = (batch, offset + UInt64(batch.count), pending)
            let isLast = batch.count < size
            async let following = files { () throws(FileError) in isLast ? [] : try read(start, size) }
            async let leaves = hash(current, profile)
            async let written: Void = ingest.write(blocks)
            pending = []
            for leaf in await leaves { builder.append(leaf) { pending.append($0) } }
            try await written
            progress.bytes(UInt64(current.count))
            offset = start
            batch = try await following
        }
        let entry = builder.finish { pending.append($0) }
        try await ingest.write(pending)
        return entry
    }

    /// The leaves of a batch, hashed on as many cores as there are.
    @concurrent
    private func hash(_ batch: [UInt8], _ profile: ImportProfile) async -> [FileLeaf] {
        let size = profile.chunker.longest
        let count = (batch.count + size - 1) / size
        let middle = (count + 1) / 2
        @Sendable func leaves(_ range: Range<Int>) -> [FileLeaf] {
            range.map { FileLeaf(Array(batch[$0 * size..<min(batch.count, ($0 + 1) * size)]), profile: profile) }
        }
        async let first = leaves(0..<middle)
        let second = leaves(middle..<count)
        return await first + second
    }

    private func files<Value: Sendable>(
        _ work: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(FileError) -> Value {
        try await BlockingThreads.shared.run(work)
    }
}

/// A name as text; bytes that are no UTF-8 become U+FFFD, and only what is shown depends on it.
private func text(_ name: [UInt8]) -> String { String(decoding: name, as: UTF8.self) }
