internal import POSIX
internal import SFTPClient
internal import Storage

/// What the uploads of a service know of each other.
struct SFTPUploads: Sendable {
    /// The files in which uploads write at the moment.
    private let active = Locked<Set<String>>([])
    /// Folders in which what was left by stopped writers is gone.
    private let swept = Locked<Set<String>>([])

    /// The number of a process that none has: it stands in the names of files that any process goes on with.
    static let resumed: UInt64 = 0
    /// What is shorter than this is sent again from its beginning.
    private static let minResumed: UInt64 = 8 << 20

    /// A name for the file in which an object is written; whether another upload may go on with it after a stop.
    func temporary(for path: String, length: UInt64) -> (path: String, isResumable: Bool) {
        if length >= Self.minResumed {
            let name = temporaryName(beside: path, Self.resumed, length)
            if active.change({ $0.insert(name).inserted }) { return (name, true) }
        }
        return (temporaryName(beside: path), false)
    }

    func end(_ temporary: String) { active.change { _ = $0.remove(temporary) } }

    /// Whether a folder is to be swept now, which is once.
    func sweeps(_ folder: String) -> Bool { swept.change { $0.insert(folder).inserted } }
}

/// One try of an upload: into a file beside the object, which gets its name when the server has all of it.
struct SFTPPut: Sendable {
    let files: SFTPFiles
    let name: ObjectName
    let body: Body
    let policy: CallPolicy
    let admission: Admission
    /// The file in which it is written.
    let temporary: String
    /// Whether another try may go on with that.
    let isResumable: Bool
    /// Whether what others left in a folder is to be removed now.
    let sweeps: @Sendable (String) -> Bool

    private var session: SFTPSession { files.session }
    private var folder: String { FolderPath.folder(of: name.text) }
    private var path: String { files.root.path(of: name.text) }

    func run() async throws(StorageError) {
        if !files.root.isKnown(folder) { try await makeFolder() }
        // What it is to replace.
        let asked = session.send(.lstat(path))
        let file = try await open()
        do throws(StorageError) {
            let old = try? await asked.value()
            let written = try await write(file, from: try await offset(of: file))
            try await tell(written, from: old)
            try await admission.renew()
            try await SFTPReplacement(files: files, name: name, temporary: temporary, path: path).run()
            await sweep(written)
        } catch {
            throw await discard(file, after: error)
        }
    }

    // MARK: Opening

    private func open() async throws(StorageError) -> SFTPFile {
        var opened = await session.open(temporary, .createNew).result()
        if case .failure(let error) = opened, error.code == .noSuchFile {
            // Somebody removed the folder, or the disk went away.
            files.root.forget()
            try await makeFolder()
            opened = await session.open(temporary, .createNew).result()
        } else if case .failure(let error) = opened, error.isRefusal, isResumable,
            case .success(let left) = await session.send(.lstat(temporary)).result(), left.kind == .file
        {
            opened = await session.open(temporary, .update).result()
        }
        switch opened {
        case .success(let file): return file
        case .failure(let error):
            // Where the answer is lost, or nobody waited for it, the file may have been made.
            if !error.isRefusal, !isResumable { session.send(.remove(temporary)) }
            throw await refused("Making the file of", error)
        }
    }

    /// Makes the folders on the way to the object that are missing.
    private func makeFolder() async throws(StorageError) {
        guard case .missing(let count) = try await files.way(to: name.text) else { return }
        let missing = FolderPath.folders(of: name.text).dropFirst(count).map { files.root.path(of: $0) }
        let answers = missing.map { session.send(.makeDirectory($0)) }
        var refusal: SFTPError?
        for answer in answers { if case .failure(let error) = await answer.result() { refusal = error } }
        // Another writer may have made it at the same time.
        if case .whole = try await files.way(to: name.text) { return }
        if let refusal { throw await refused("Making the folder of", refusal) }
        throw StorageError(.unavailable, "The folder of \(name) is not there after it was made.", retry: .later)
    }

    // MARK: Writing

    /// How much of the object stands in the file already, from an upload that was stopped: as much as is read back and
    /// found to be the same.
    private func offset(of file: SFTPFile) async throws(StorageError) -> UInt64 {
        guard isResumable, let found = try? await file.attributes().value(),
            let length = found.length, length > 0, length <= body.length
        else { return 0 }
        let left = StreamCursor(policy.pacing(file.bytes(0..<length, of: found, "Reading back \(name)")))
        var (ours, theirs): (ArraySlice<UInt8>, ArraySlice<UInt8>) = ([], [])
        var same: UInt64 = 0
        let source = StreamCursor(body.open(0..<length))
        while true {
            if ours.isEmpty { ours = try await source.next()?[...] ?? [] }
            if theirs.isEmpty { theirs = try await left.next()?[...] ?? [] }
            let count = min(ours.count, theirs.count)
            guard count > 0, ours.prefix(count).elementsEqual(theirs.prefix(count)) else { return same }
            same += UInt64(count)
            (ours, theirs) = (ours.dropFirst(count), theirs.dropFirst(count))
        }
    }

    /// Writes the object from a byte on, and waits until the server has it on its disk where it says when that is.
    private func write(_ file: SFTPFile, from start: UInt64) async throws(StorageError) -> SFTPAttributes? {
        var upload = SFTPUpload(file, at: start)
        for try await chunk in policy.pacing(body.open(start..<body.length)) {
            guard body.length - upload.position >= chunk.count else {
                throw StorageError(.corrupt, "The source of \(name) gave more than its \(body.length) bytes.")
            }
            do throws(SFTPError) {
                try await upload.write(chunk)
            } catch {
                throw await refused("Writing", error)
            }
        }
        guard upload.position == body.length else {
            let count = upload.position
            throw StorageError(.corrupt, "The source of \(name) ended after \(count) of \(body.length) bytes.")
        }
        do throws(SFTPError) {
            try await upload.flush()
            // The server works on requests for one file in their order.
            let (asked, synced, closed) = (file.attributes(), file.sync(), file.close())
            try await upload.finish()
            try await synced?.value()
            try await closed?.value()
            return try? await asked.value()
        } catch {
            throw await refused("Writing", error)
        }
    }

    /// Gives the file another time than what it replaces has, where nothing else would tell the two apart: the times
    /// of the protocol are whole seconds.
    private func tell(_ new: SFTPAttributes?, from old: SFTPAttributes?) async throws(StorageError) {
        guard let new, let old, old.length == new.length, let time = new.modified, let before = old.modified,
            time <= before, before < .max
        else { return }
        // One that keeps its own times cannot be helped.
        _ = await session.send(.setModified(temporary, before + 1)).result()
    }

    // MARK: What remains

    /// The error of a refusal; a server says of a full disk only that it could not.
    private func refused(_ what: String, _ error: SFTPError) async -> StorageError {
        let failure = SSHErrors.translate("\(what) \(name)", error)
        guard error.code == .refused, let free = try? await files.free(), free < 1 << 20 else { return failure }
        return StorageError(.quotaExceeded, "\(failure.message) Its disk has \(free) bytes left.")
    }

    /// Removes what was written, and gives the error to end with: where that stays behind, somebody has to look again.
    ///
    /// What another try can go on with stays.
    private func discard(_ file: SFTPFile, after error: StorageError) async -> StorageError {
        file.close()
        if isResumable, error.code == .cancelled || error.retry != .never { return error.ofUnknownOutcome }
        let removed = await session.send(.remove(temporary), within: Self.patience).result(evenIfStopped: true)
        if case .failure(let failure) = removed, failure.code != .noSuchFile, error.code != .corrupt {
            return error.ofUnknownOutcome
        }
        return error
    }

    /// How long a stopped upload waits for the server to clean up.
    private static let patience = Duration.seconds(2)

    /// Removes what writers left in the folder that were killed a day before this file was written, by the server's
    /// clock; once.
    private func sweep(_ written: SFTPAttributes?) async {
        guard let now = written?.modified, sweeps(folder) else { return }
        let entries = (try? await files.entries(of: folder)) ?? []
        for entry in entries where isTemporaryName(entry.name) && entry.attributes.kind == .file {
            guard let time = entry.attributes.modified, Int64(now) - Int64(time) >= 86_400 else { continue }
            let left = String(decoding: entry.name, as: UTF8.self)
            session.send(.remove(files.root.path(of: folder.isEmpty ? left : folder + "/" + left)))
        }
    }
}
