internal import POSIX
internal import Schema
internal import Storage

/// Objects as files below one directory.
///
/// A file appears under its name when all of it is on the disk.
struct DirectoryService: StorageService {
    private let place: DirectoryPlace
    private let policy: CallPolicy
    /// Short objects that come at the same time are put together.
    private let together: GroupCommit<SmallFiles.Item, PutReceipt>
    private let left = Leftovers()

    static let capabilities: Capabilities = [.write, .delete, .rangeReads, .listing, .usage]

    let capabilities: Capabilities = DirectoryService.capabilities
    let limits = Limits()

    /// The length of the chunks of a file, and of a part that is read when it is opened, in bytes.
    private static let (chunk, short): (UInt64, UInt64) = (1 << 20, 256 << 10)
    /// What is no longer than this is on the disk in no time, in bytes.
    private static let quick: UInt64 = 1 << 20

    /// Objects below `root`, on whose disk `minFree` bytes stay free.
    init(_ root: RootDirectory, minFree: UInt64 = 0, _ policy: CallPolicy) {
        let place = DirectoryPlace(root, reserve: minFree)
        self.place = place
        self.policy = policy
        together = GroupCommit(most: SmallFiles.most) { await SmallFiles(place: place).put($0) }
    }

    private var root: RootDirectory { place.root }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        do throws(StorageError) {
            return try await write(name, body)
        } catch {
            left.note(path(name))
            throw error
        }
    }

    private func write(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        let admission = policy.admission(.put(name), isAdmitted: true)
        if body.length <= SmallFiles.longest {
            var bytes: [UInt8] = []
            try await read(body, name) { (chunk, _) throws(StorageError) in bytes += chunk }
            return try await together.add(SmallFiles.Item(name: name, bytes: bytes, admission: admission))
        }
        let path = path(name)
        let temporary = temporaryName(beside: path)
        let file = try await files(name) { () throws(FileError) in
            try place.newFile(temporary)
        }
        let publication: Publication
        do throws(StorageError) {
            try await place.threads.run { () throws(StorageError) in
                try place.checkRoom(for: body.length, name)
            }
            try await write(body, to: file, name)
            if body.length > Self.quick { try await open(name) { () throws(FileError) in try file.syncData() } }
            // Writing may have taken long; the name is what makes it a change.
            let sync: @Sendable () throws(FileError) -> Void = { () throws(FileError) in try file.syncData() }
            publication = try await admitted(admission, name, after: sync) { publish(temporary, as: path) }
        } catch {
            throw await discard(temporary, after: error)
        }
        switch publication {
        case .published: return PutReceipt(proof: nil)
        case .notLasting(let error): throw notLasting(error, "\(name) was stored")
        case .notPublished(let error):
            throw await discard(temporary, after: translate(error, name.text))
        }
    }

    private func write(_ body: Body, to file: File, _ name: ObjectName) async throws(StorageError) {
        try await read(body, name) { (chunk, offset) async throws(StorageError) in
            try await open(name) { () throws(FileError) in
                try file.write(chunk, at: offset)
                file.startWriting(from: offset, count: UInt64(chunk.count))
            }
        }
    }

    /// Hands the chunks of a body to `take`, with the offset of each; throws where there are more or fewer bytes than
    /// it should have.
    private func read(
        _ body: Body,
        _ name: ObjectName,
        _ take: ([UInt8], UInt64) async throws(StorageError) -> Void
    ) async throws(StorageError) {
        var passed: UInt64 = 0
        for try await chunk in body.open() {
            try StorageError.checkCancellation()
            guard passed + UInt64(chunk.count) <= body.length else {
                throw StorageError(.corrupt, "The source of \(name) gave more than its \(body.length) bytes.")
            }
            try await take(chunk, passed)
            passed += UInt64(chunk.count)
        }
        guard passed == body.length else {
            throw StorageError(.corrupt, "The source of \(name) ended after \(passed) of \(body.length) bytes.")
        }
    }

    private func discard(_ temporary: String, after error: StorageError) async -> StorageError {
        await place.threads.run { place.discard(temporary, after: error) }
    }

    /// A file is never gone on with.
    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        let path = path(name)
        try await files(name) { () throws(FileError) in
            let folder = directoryName(path)
            for temporary in try leftovers(beside: path) {
                let file = folder + "/" + temporary
                do throws(FileError) {
                    if try fileInfo(file).kind == .file { try removeFile(file) }
                } catch  where error.code == .notFound {
                    // Somebody else removed it.
                } catch {
                    left.note(path)
                    throw error
                }
            }
            if !mayResume { place.removeEmptyFolders(wayTo: path) }
        }
    }

    private func leftovers(beside path: String) throws(FileError) -> [String] {
        let now = policy.timing.uptime()
        if let known = left.take(beside: path, at: now) { return known }
        do throws(FileError) {
            let names = try listDirectory(directoryName(path)).map { String(decoding: $0, as: UTF8.self) }
            return left.learn(names, beside: path, at: now)
        } catch  where error.code == .notFound {
            // There is no such folder: then nothing is left.
            return []
        }
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        let path = path(name)
        let opened = try await files(name, mayBeAbsent: true) { () throws(FileError) -> Opened? in
            guard let (file, info) = try openFile(path) else { return nil }
            let end = min(range?.upperBound ?? info.length, info.length)
            let part = min(range?.lowerBound ?? 0, end)..<end
            // What is short is here at once.
            let first = part.length <= Self.short ? try Self.read(part, of: file, info) : nil
            return Opened(file: file, info: info, part: part, first: first)
        }
        guard let opened else { throw StorageError.changed(name) }
        let (info, found) = (opened.info, ObjectVersion(opened.info.version))
        guard version == nil || version == found else { throw StorageError.changed(name) }
        guard opened.part.length <= Self.short else {
            let stream = stream(of: opened.file, info, opened.part, name)
            return OpenObject(stream, length: info.length, version: found)
        }
        guard let bytes = opened.first else { throw StorageError.changed(name) }
        return OpenObject(Body(bytes).open(), length: info.length, version: found)
    }

    /// A file that was opened to be read, and what is short of it at once.
    private struct Opened: Sendable {
        let file: File
        let info: FileInfo
        let part: Range<UInt64>
        let first: [UInt8]?
    }

    /// The file that has a name, open; nil where it is replaced again and again.
    ///
    /// Where a link to another took its place after the look at it, the next look says so; where a file did, it is that
    /// one.
    private func openFile(_ path: String) throws(FileError) -> (File, FileInfo)? {
        for _ in 0..<Self.looks {
            let found = try checkFile(path)
            let file = try File(path, .readFile)
            let info = try file.status()
            if info.identity == found.identity { return (file, info) }
        }
        return nil
    }

    /// How often a file is looked at that is another one when it is open.
    private static let looks = 16

    /// Bytes of an open file; nil where somebody writes to it.
    private static func read(_ part: Range<UInt64>, of file: File, _ info: FileInfo) throws(FileError) -> [UInt8]? {
        let bytes = try file.read(at: part.lowerBound, count: Int(part.length))
        let now = try file.status()
        let isSame = now.length == info.length && now.modified == info.modified && now.nanoseconds == info.nanoseconds
        return isSame && bytes.count == part.length ? bytes : nil
    }

    /// The bytes of an open file as long as nobody writes to it; a file that takes its name changes nothing here.
    private func stream(of file: File, _ info: FileInfo, _ range: Range<UInt64>, _ name: ObjectName) -> any ByteStream {
        Pulled {
            let position = Locked(range.lowerBound)
            return { () async throws(StorageError) in
                try StorageError.checkCancellation()
                let from = position.read { $0 }
                guard from < range.upperBound else { return nil }
                let part = from..<from + min(Self.chunk, range.upperBound - from)
                let bytes = try await open(name) { () throws(FileError) in try Self.read(part, of: file, info) }
                guard let bytes else { throw StorageError.changed(name) }
                position.change { $0 = part.upperBound }
                return bytes
            }
        }
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        let path = path(name)
        let (info, mark) = try await files(name, mayBeAbsent: true) { () throws(FileError) in
            (try checkFile(path), try birthMark(path))
        }
        return Self.info(name, info, mark)
    }

    /// What is said of a file; throws for anything else, also for a link to one: that is no copy.
    @discardableResult
    private func checkFile(_ path: String) throws(FileError) -> FileInfo {
        let info = try fileInfo(path)
        switch info.kind {
        case .file: return info
        case .directory: throw FileError.folder(path)
        case .symbolicLink, .other: throw FileError.notAFile(path)
        }
    }

    func list(_ prefix: String) -> any ObjectStream {
        Pulled {
            let walk = Locked(DirectoryWalk(root: root.path, prefix: prefix))
            return { () async throws(StorageError) in
                try StorageError.checkCancellation()
                return try await place.threads.run { () throws(StorageError) in
                    try root.check(wayTo: prefix)
                    var current = walk.read { $0 }
                    let page: [(name: ObjectName, info: FileInfo)]?
                    do throws(FileError) {
                        page = try current.nextPage()
                    } catch {
                        try root.check()
                        throw translate(error, prefix)
                    }
                    // Where the disk went away in between, names were missed.
                    try root.check()
                    let moved = current
                    walk.change { $0 = moved }
                    return page?.map { Self.info($0.name, $0.info) }
                }
            }
        }
    }

    func delete(_ name: ObjectName) async throws(StorageError) {
        let path = path(name)
        do throws(StorageError) {
            let admission = policy.admission(.delete(name), isAdmitted: true)
            try await admitted(admission, name, mayBeAbsent: true) { () throws(FileError) in try removeFile(path) }
        } catch  where error.code == .notFound {
            // Whoever removed it may not have seen to it that this lasts.
        }
        let error = await place.threads.run { () -> FileError? in
            do throws(FileError) {
                try syncDirectory(directoryName(path))
                return nil
            } catch {
                return error.code == .notFound ? nil : error
            }
        }
        if let error { throw notLasting(error, "\(name) was removed") }
    }

    func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        var usage = mayWalk ? try await usageByListing() : Usage()
        usage.free = try await place.threads.run { () throws(StorageError) in
            try root.check()
            do throws(FileError) {
                return try diskSpace(root.path).free
            } catch {
                throw translate(error, root.path)
            }
        }
        return usage
    }

    private static func info(_ name: ObjectName, _ info: FileInfo, _ mark: BirthMark? = nil) -> ObjectInfo {
        // Anybody can give a file a time that no calendar has.
        let (seconds, isTooFar) = info.modified.multipliedReportingOverflow(by: 1000)
        return ObjectInfo(
            name: name,
            length: info.kind == .file ? info.length : nil,
            // Who comes back within a second is seen to have done so.
            modified: isTooFar ? nil : Timestamp(milliseconds: seconds &+ Int64(info.nanoseconds) / 1_000_000),
            place: mark.map { _ in info.identity.text },
            birth: mark.flatMap { $0.isDated ? $0.text : nil }
        )
    }

    private func path(_ name: ObjectName) -> String { place.path(name) }

    /// Runs calls on the open file of an object, which stays what it is, on a thread that may block.
    private func open<Value: Sendable>(
        _ name: ObjectName,
        _ work: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(StorageError) -> Value {
        do throws(FileError) {
            return try await place.threads.run(work)
        } catch {
            throw translate(error, name.text)
        }
    }

    /// Runs file calls that change an object: `first`, which may take long, and then those that are the change.
    ///
    /// Both may have waited for a thread, and this process may have been stopped meanwhile: so what was admitted before
    /// is looked at on the thread itself.
    private func admitted<Value: Sendable>(
        _ admission: Admission,
        _ name: ObjectName,
        mayBeAbsent: Bool = false,
        after first: @escaping @Sendable () throws(FileError) -> Void = {},
        _ work: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(StorageError) -> Value {
        while true {
            try await admission.renew()
            let done = try await files(name, mayBeAbsent: mayBeAbsent) { () throws(FileError) -> Value? in
                try first()
                return admission.isFresh ? try work() : nil
            }
            if let done { return done }
            try StorageError.checkCancellation()
        }
    }

    /// Runs file calls for an object on a thread that may block, where the root is there.
    ///
    /// That a name leads to nothing is absence only where that was asked.
    private func files<Value: Sendable>(
        _ name: ObjectName,
        mayBeAbsent: Bool = false,
        _ work: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(StorageError) -> Value {
        try await place.threads.run { () throws(StorageError) in
            try root.check(wayTo: name.text)
            do throws(FileError) {
                return try work()
            } catch {
                switch error.code {
                case .notFound where mayBeAbsent: throw root.absence(of: name, error)
                case .isADirectory where mayBeAbsent:
                    throw StorageError(.notFound, "\(name) is no object: a folder has that name.", cause: error)
                default: throw translate(error, name.text)
                }
            }
        }
    }
}
