internal import Digests
internal import FTPClient
internal import POSIX
internal import Storage

/// One try of an upload: into a file beside the object, which gets its name when the server has all of it.
struct FTPPut: Sendable {
    let files: FTPFiles
    let name: ObjectName
    let body: Body
    let admission: Admission
    /// What is noted of it, where another try may go on with it.
    let note: UploadNote?

    private var what: String { "Storing \(name)" }
    private var connection: FTPConnection { files.connection }
    private var path: String { files.path(name.text) }

    /// The number of a process that none has: it stands in the names of files with which a later upload may go on.
    static let resumed: UInt64 = 0

    /// Where an upload begins.
    private struct Start {
        /// The path of the file in which it is written.
        let temporary: String
        var points: [UploadNote.Point] = []

        var offset: UInt64 { points.last?.offset ?? 0 }
    }

    func run() async throws(StorageError) {
        try await files.makeFolders(to: name.text, what, admission)
        // What it is to replace, as far as that can be told from what is not there.
        let old = connection.features.hasFacts ? try? await connection.facts(of: path) : nil
        guard old?.kind != .directory else { throw StorageError(.exists, "\(what) failed: a folder has that name.") }
        let start = try await self.start()
        do throws(StorageError) {
            try await write(start)
            try await look(start.temporary, connection.features.setsTimes ? old : nil)
            try await admission.renew()
            try await FTPReplacement(files: files, name: name, temporary: start.temporary, what: what).run()
        } catch {
            throw await discard(start.temporary, after: error)
        }
    }

    // MARK: Going on

    /// A new file, or one that an upload of this home left in which the same bytes stand.
    ///
    /// That is given another name first: of two who would go on with it, only one can.
    private func start() async throws(StorageError) -> Start {
        guard let note else { return Start(temporary: temporaryName(beside: path)) }
        let fresh = temporaryName(beside: path, Self.resumed, UInt64.random(in: 0...UInt64.max))
        var start = Start(temporary: fresh)
        if let left = await note.left(), let points = try await same(left) {
            let old = directoryName(path) + "/" + left.temporary
            do throws(FTPError) {
                try await connection.rename(old, to: fresh)
                start.points = points
            } catch {
                guard error.isRefusal else { throw FTPErrors.translate(what, error).ofUnknownOutcome }
            }
        }
        // What cannot be noted cannot be gone on with, which is no reason not to store it.
        _ = await note.write(baseName(fresh), start.points)
        return start
    }

    /// The points of a note up to the last one at which the server has what these bytes begin with; nil where there is
    /// none.
    private func same(_ left: UploadNote.Text) async throws(StorageError) -> [UploadNote.Point]? {
        guard !left.points.isEmpty, temporaryNumbers(of: left.temporary, beside: path)?.process == Self.resumed else {
            return nil
        }
        let old = directoryName(path) + "/" + left.temporary
        let there = try await ftp(what) { () async throws(FTPError) in try await connection.length(of: old) }
        guard let there, there <= body.length else { return nil }
        let points = left.points.filter { $0.offset <= there }
        guard let last = points.last else { return nil }
        let ours = try await body.digest(.sha256, of: 0..<last.offset)
        return hex(ours) == last.digest ? points : nil
    }

    // MARK: Writing

    private func write(_ start: Start) async throws(StorageError) {
        var hash = RunningHash(.sha256)
        // The bytes before are hashed once more: a digest cannot be gone on with.
        if start.offset > 0 { for try await chunk in body.look(0..<start.offset) { hash.update(chunk) } }
        let upload = try await open(start)
        var (position, noted) = (start.offset, start.offset)
        for try await chunk in files.place.policy.pacing(body.open(start.offset..<body.length)) {
            guard body.length - position >= chunk.count else {
                throw StorageError(.corrupt, "The source of \(name) gave more than its \(body.length) bytes.")
            }
            try await ftp(what) { () async throws(FTPError) in try await upload.write(chunk) }
            position += UInt64(chunk.count)
            guard let note else { continue }
            hash.update(chunk)
            if position - noted >= note.step {
                noted = position
                await note.add(UploadNote.Point(offset: position, digest: hex(hash.digest())))
            }
        }
        guard position == body.length else {
            throw StorageError(.corrupt, "The source of \(name) ended after \(position) of \(body.length) bytes.")
        }
        try await ftp(what) { () async throws(FTPError) in try await upload.finish() }
    }

    private func open(_ start: Start) async throws(StorageError) -> FTPUpload {
        do throws(FTPError) {
            return try await connection.upload(start.temporary, from: start.offset)
        } catch {
            guard [.refused, .exists].contains(error.code) else { throw FTPErrors.translate(what, error) }
        }
        // Somebody may have removed the folder.
        files.place.forget()
        try await files.makeFolders(to: name.text, what, admission)
        return try await ftp(what) { () async throws(FTPError) in
            try await connection.upload(start.temporary, from: start.offset)
        }
    }

    /// Looks that the server has all of it, and gives it another time than what it replaces has, where nothing else
    /// would tell the two apart.
    private func look(_ temporary: String, _ old: FTPEntry?) async throws(StorageError) {
        let name = String(temporary.dropFirst(files.path("").count)).drop { $0 == "/" }
        guard case .file(let new) = try await files.find(String(name), what) else {
            throw StorageError(
                .unavailable,
                "\(what) failed: the server said that it has it, and does not have it.",
                retry: .later
            ).ofBrokenPromise
        }
        guard new.length == body.length else {
            let count = new.length.map { "\($0)" } ?? "an unknown number of"
            throw StorageError(
                .corrupt,
                "\(what) failed: the server said that it has it, and has \(count) of \(body.length) bytes.",
                retry: .later
            ).ofBrokenPromise
        }
        guard let old, old.length == new.length, let time = new.modified, let before = old.modified,
            time.milliseconds <= before.milliseconds, let next = before.next
        else { return }
        try await ftp(what) { () async throws(FTPError) in try await connection.set(next, of: temporary) }
    }

    // MARK: What remains

    /// Removes what was written, and gives the error to end with: where that stays behind, somebody has to look again.
    ///
    /// What another try can go on with stays.
    private func discard(_ temporary: String, after error: StorageError) async -> StorageError {
        guard error.code != .superseded else { return error.ofUnknownOutcome }
        if note != nil, error.code == .cancelled || error.retry != .never { return error.ofUnknownOutcome }
        let cleaned = await error.cleaning { [files, what] () async throws(StorageError) in
            let files = files.connection.isUsable ? files : try await files.place.files(what)
            do throws(FTPError) {
                try await files.connection.remove(temporary)
            } catch {
                guard error.isRefusal, case .some(.none) = try? await files.connection.length(of: temporary) else {
                    throw FTPErrors.translate(what, error)
                }
            }
        }
        return error.code == .corrupt ? error : cleaned
    }
}
