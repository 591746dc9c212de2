internal import IPLD
internal import Multiformats
internal import POSIX
internal import Storage

extension ContentReader {
    /// The longest name of a file, in bytes.
    private static let longestName = 255

    /// Writes what `block` stands for to `path`, where nothing may be yet: all of it or nothing.
    ///
    /// The path `-` is standard output. `help` is a command that names another output. Names come from strangers: none
    /// may lead out of its directory, and nothing is written through a link. Permissions and times that were kept are
    /// given back, but for the bits that let a program run as somebody else.
    func write(_ block: Block, to path: String, _ call: Call, help: Hint) async throws -> WrittenTree {
        switch try UnixFSEntry(block) {
        case .file, .raw:
            try await writeFile(block, to: path, call, help: help)
            let name = call.isDryRun ? absolutePath(path) : path
            return WrittenTree(cid: block.cid, path: path == "-" ? nil : name, isDryRun: call.isDryRun)
        case .directory, .shardedDirectory, .symlink: break
        case .other: throw KitError(.refused, "\(block.cid) is neither a file nor a directory.", cid: block.cid)
        }
        guard path != "-" else {
            throw KitError(
                .usage,
                "\(block.cid) is no file, and nothing else can be written to standard output.",
                hint: Hint(List.self, ["path": block.cid]),
                cid: block.cid
            )
        }
        let place = try NewPlace(path, call.kit, hint: help)
        guard !call.isDryRun else {
            try await extract(block, to: nil)
            return WrittenTree(cid: block.cid, path: absolutePath(path), isDryRun: true)
        }
        do {
            try await extract(block, to: place.temporary.systemBytes)
            try Task.checkCancellation()
            try await BlockingThreads.shared.run { () throws(KitError) in try place.appearWithTree() }
        } catch {
            await BlockingThreads.shared.run { place.discard() }
            throw error
        }
        return WrittenTree(cid: block.cid, path: path, isDryRun: false)
    }

    /// Writes a file that is all there is to write.
    private func writeFile(_ block: Block, to path: String, _ call: Call, help: Hint) async throws {
        let metadata = try FileMetadata(of: block)
        try await NewFile.made(path, call, help: help, metadata: metadata) { file in
            try await copy(block, to: file)
            return []
        }
        progress.items()
    }

    /// Writes the bytes of a file, or of the part of it in `range`, at the end of another.
    func copy(_ block: Block, _ range: Range<UInt64>? = nil, to file: NewFile) async throws {
        var pieces: [ArraySlice<UInt8>] = []
        var pending = 0
        try await read(block, range) { bytes in
            pieces.append(bytes)
            pending += bytes.count
            guard pending >= 1 << 20 else { return }
            try await file.append(pieces)
            (pieces, pending) = ([], 0)
        }
        try await file.append(pieces)
    }

    /// Writes what a block stands for; without a path all is read that would be written.
    private func extract(_ block: Block, to path: [UInt8]?) async throws {
        switch try UnixFSEntry(block) {
        case .file, .raw: try await extractFile(block, to: path)
        case .directory, .shardedDirectory:
            if let path { try await files { () throws(FileError) in try makeNewDirectory(path) } }
            var names: Set<[UInt8]> = []
            try await entries(of: block) { entry in
                let problem =
                    Self.problem(entry.name) ?? (names.insert(entry.name).inserted ? nil : (.refused, "has two of"))
                if let (code, phrase) = problem {
                    let name = "“\(shownName(Array(entry.name.prefix(100))))”"
                    let text = "The directory \(block.cid) \(phrase) the name \(name), which no folder can have."
                    throw KitError(code, text, hint: Hint(List.self, ["path": block.cid]), cid: block.cid)
                }
                try await extract(try await self.block(entry.cid), to: path.map { $0 + [0x2F] + entry.name })
            }
        case .symlink(let target):
            guard !target.isEmpty, !target.contains(0) else {
                throw KitError(.refused, "The link \(block.cid) has a target that cannot be written.", cid: block.cid)
            }
            if let path { try await files { () throws(FileError) in try makeLink(path, to: target) } }
        case .other:
            throw KitError(.refused, "\(block.cid) is neither a file nor a directory.", cid: block.cid)
        }
        let metadata = try FileMetadata(of: block)
        guard !metadata.isEmpty, let path else { return }
        let isLink = if case .symlink = try UnixFSEntry(block) { true } else { false }
        try await files { () throws(FileError) in try metadata.apply(to: path, isLink: isLink) }
    }

    private func extractFile(_ block: Block, to path: [UInt8]?) async throws {
        guard let path else {
            try await read(block) { _ in }
            return progress.items()
        }
        let file = try await files { () throws(FileError) in try File(path, .createNew, permissions: 0o644) }
        var offset: UInt64 = 0
        var pieces: [ArraySlice<UInt8>] = []
        var pending = 0
        func flush() async throws {
            let (batch, start, count) = (pieces, offset, UInt64(pending))
            try await files { () throws(FileError) in
                try file.write(pieces: batch, at: start)
                // All of the tree is waited for at its end; what is long is on its way then.
                if count >= 1 << 20 { file.startWriting(from: start, count: count) }
            }
            offset += count
            pieces = []
            pending = 0
        }
        try await read(block) { bytes in
            pieces.append(bytes)
            pending += bytes.count
            if pending >= 1 << 20 { try await flush() }
        }
        try await flush()
        progress.items()
    }

    /// Why an entry of that name cannot be a file.
    private static func problem(_ name: [UInt8]) -> (ExitCode, String)? {
        if name.count > longestName { return (.limit, "has an entry of") }
        return (try? DirectoryEntry.check(name: name)) == nil ? (.refused, "has an entry of") : nil
    }

    private func files<Value: Sendable>(
        _ work: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(FileError) -> Value {
        try await BlockingThreads.shared.run(work)
    }
}

extension FileMetadata {
    /// Gives permissions and the time of the last change to what is at a path.
    func apply(to path: some FileName, isLink: Bool = false) throws(FileError) {
        if let mode, !isLink { try setPermissions(path, mode & 0o777) }
        if let modified { try setModified(path, modified.seconds, modified.nanoseconds) }
    }
}
