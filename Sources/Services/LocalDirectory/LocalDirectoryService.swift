internal import POSIX
internal import Schema
internal import Storage

/// Objects as files below one directory.
///
/// A file appears under its name when all of it is on the disk.
struct LocalDirectoryService: StorageService {
    let root: String
    /// Bytes that stay free on the disk.
    let leastFree: UInt64

    /// What was left behind by writers that were killed long ago is removed once, at the first put.
    private let sweep = Once(true)

    let capabilities = LocalDirectory.capabilities
    let limits = Limits()

    private static let chunk = 1 << 20

    init(root: String, leastFree: UInt64) {
        self.root = root
        self.leastFree = leastFree
    }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        let path = root + "/" + name.text
        let temporary = temporaryName(beside: path)
        let file = try await files(name.text) { () throws(FileError) in
            guard fileExists(root) else { throw FileError.missing(root) }
            try makeDirectory(directoryName(path))
            if sweep.take() != nil { removeLeftovers(in: directoryName(path), unchangedFor: 86_400) }
            return try File(temporary, .createNew)
        }
        do throws(StorageError) {
            try await checkRoom(for: body.length, name)
            try await write(body, to: file, name)
            try await files(name.text) { () throws(FileError) in
                try file.syncData()
                try renameFile(temporary, to: path)
                try syncDirectory(directoryName(path))
            }
        } catch {
            try? await files(name.text) { () throws(FileError) in try removeFile(temporary) }
            throw error
        }
        return PutReceipt(proof: nil)
    }

    private func checkRoom(for length: UInt64, _ name: ObjectName) async throws(StorageError) {
        guard leastFree > 0 else { return }
        let free = try await files(name.text) { () throws(FileError) in try diskSpace(root).free }
        guard free >= leastFree, free - leastFree >= length else {
            throw StorageError(
                .quotaExceeded,
                "\(name) has \(ByteCount(length)), and connection.min_free leaves less room than that on the disk."
            )
        }
    }

    private func write(_ body: Body, to file: File, _ name: ObjectName) async throws(StorageError) {
        var written: UInt64 = 0
        for try await chunk in body.open() {
            try StorageError.checkCancellation()
            guard written + UInt64(chunk.count) <= body.length else {
                throw StorageError(.corrupt, "The source of \(name) gave more than its \(body.length) bytes.")
            }
            let offset = written
            try await files(name.text) { () throws(FileError) in
                try file.write(chunk, at: offset)
                file.startWriting(from: offset, count: UInt64(chunk.count))
            }
            written += UInt64(chunk.count)
        }
        guard written == body.length else {
            throw StorageError(.corrupt, "The source of \(name) ended after \(written) of \(body.length) bytes.")
        }
    }

    func get(_ name: ObjectName, _ range: Range<UInt64>?) async throws(StorageError) -> any ByteStream {
        let file = try await files(name.text) { () throws(FileError) in
            try File(root + "/" + name.text, .readFile)
        }
        let length = try await files(name.text) { () throws(FileError) in try file.length() }
        let end = min(range?.upperBound ?? length, length)
        let start = min(range?.lowerBound ?? 0, end)
        return Pulled {
            let position = Locked(start)
            return { () async throws(StorageError) in
                try StorageError.checkCancellation()
                let from = position.read { $0 }
                guard from < end else { return nil }
                let count = Int(min(UInt64(Self.chunk), end - from))
                let bytes = try await files(name.text) { () throws(FileError) in
                    try file.read(at: from, count: count)
                }
                guard bytes.count == count else {
                    throw StorageError(.unavailable, "\(name) became shorter while it was read.", retry: .later)
                }
                position.change { $0 = from + UInt64(count) }
                return bytes
            }
        }
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        let info = try await files(name.text) { () throws(FileError) in
            try fileInfo(root + "/" + name.text, follow: true)
        }
        guard info.kind == .file else { throw StorageError(.notFound, "\(name) is not a file.") }
        return Self.info(name, info)
    }

    func list(_ prefix: String) -> any ObjectStream {
        Pulled {
            let walk = Locked(DirectoryWalk(root: root, prefix: prefix))
            return { () async throws(StorageError) in
                try StorageError.checkCancellation()
                return try await files(prefix) { () throws(FileError) in
                    var current = walk.read { $0 }
                    let page = try current.nextPage()
                    let moved = current
                    walk.change { $0 = moved }
                    return page?.map { Self.info($0.name, $0.info) }
                }
            }
        }
    }

    func delete(_ name: ObjectName) async throws(StorageError) {
        do throws(StorageError) {
            try await files(name.text) { () throws(FileError) in
                let path = root + "/" + name.text
                try removeFile(path)
                try syncDirectory(directoryName(path))
            }
        } catch  where error.code == .notFound {
            return
        }
    }

    func usage() async throws(StorageError) -> Usage {
        var usage = Usage(used: 0, objects: 0)
        for try await page in list("") {
            usage.objects = (usage.objects ?? 0) + UInt64(page.count)
            usage.used = page.reduce(usage.used ?? 0) { $0 + $1.length }
        }
        usage.free = try await files(root) { () throws(FileError) in try diskSpace(root).free }
        return usage
    }

    private static func info(_ name: ObjectName, _ info: FileInfo) -> ObjectInfo {
        ObjectInfo(name: name, length: info.length, modified: Timestamp(milliseconds: info.modified * 1000))
    }

    /// Runs file calls on a thread that may block, where the root is there.
    ///
    /// A root that is missing says nothing about what it holds: the disk may not be mounted. It is never made here, for
    /// what would be stored then would lie hidden under the disk.
    private func files<Value: Sendable>(
        _ name: String,
        _ work: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(StorageError) -> Value {
        do throws(FileError) {
            return try await BlockingThreads.shared.run(work)
        } catch {
            throw error.code == .notFound && !fileExists(root) ? missingRoot(root) : translate(error, name)
        }
    }
}
