internal import FTPClient
internal import POSIX
internal import Schema
internal import Storage

/// Objects as files below one directory on a server.
///
/// A file appears under its name when the server has all of it. What one call asks makes sense only together, so each
/// is one request of the policy; a listing is one for each page.
struct FTPService: StorageService {
    let capabilities = FTP.capabilities
    /// That something is absent costs the list of its folder, so folders are kept small.
    let limits = Limits(spreadsNames: true)
    private let place: FTPPlace
    private let notes: UploadNotes
    private let left = Leftovers()
    private let hidden = Leftovers(ending: FTPReplacement.ending)

    init(_ place: FTPPlace, notes: UploadNotes) { (self.place, self.notes) = (place, notes) }

    private var policy: CallPolicy { place.policy }

    /// One try of a call, on a connection of its own.
    private func files(for kind: CallKind, _ what: String) async throws(StorageError) -> FTPFiles {
        policy.count(kind)
        return try await place.files(what)
    }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        do throws(StorageError) {
            // What is short is read before anything is sent: a source that breaks leaves nothing there then.
            let body = body.length <= UploadBytes.few ? Body(try await body.bytes(), sha256: body.sha256) : body
            try await write(name, body)
            return PutReceipt(proof: nil)
        } catch {
            if error.mayHaveHappened { note(name) }
            throw error
        }
    }

    private func write(_ name: ObjectName, _ body: Body) async throws(StorageError) {
        let note = await notes.begin(name, length: body.length)
        try await policy.run(change: .put(name)) { () async throws(StorageError) in
            let admission = policy.admission(.put(name), isAdmitted: true)
            try await place.uploading { () async throws(StorageError) in
                let files = try await files(for: .put, "Storing \(name)")
                try await FTPPut(files: files, name: name, body: body, admission: admission, note: note).run()
            }
        }
        if note != nil { await notes.forget(name) }
    }

    /// Takes note that something may have been left beside a name.
    private func note(_ name: ObjectName) {
        left.note("/" + name.text)
        hidden.note("/" + name.text)
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        try await policy.read(name.text, range, version: version, hasRanges: true) {
            (range, version) async throws(StorageError) in
            let files = try await files(for: .get, "Reading \(name)")
            return try await files.open(name, range, version).through(policy.pacing)
        }
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await policy.run { () async throws(StorageError) in
            try await files(for: .stat, "Looking for \(name)").file(name, "Looking for \(name)").info(name)
        }
    }

    func list(_ prefix: String) -> any ObjectStream {
        let what = prefix.isEmpty ? "Listing the objects" : "Listing the objects under \(prefix)"
        return Pulled {
            let walk = Locked(FolderWalk(prefix: prefix, lanes: FTPPlace.lanes))
            let ways = FolderWays()
            return { () async throws(StorageError) in
                try await policy.run { () async throws(StorageError) in
                    policy.count(.page)
                    var moved = walk.read { $0 }
                    let page = try await moved.nextPage { (folder) async throws(StorageError) in
                        try await place.files(what).walked(folder, prefix, ways, what)
                    }
                    walk.change { [moved] in $0 = moved }
                    return page
                }
            }
        }
    }

    /// A folder is never removed: some servers remove one by the same word as a file.
    func delete(_ name: ObjectName) async throws(StorageError) {
        let what = "Removing \(name)"
        try await policy.run { () async throws(StorageError) in
            let files = try await files(for: .delete, what)
            let admission = policy.admission(.delete(name))
            switch try await files.find(name.text, what) {
            case .folder, .nothing: return
            case .file, .other:
                try await admission.renew()
                try await files.remove(name.text, what)
            case .replaced(let entries): try await remove(entries.map(\.name), beside: name, files, admission, what)
            }
        }
    }

    /// Removes files in the folder of a name.
    private func remove(
        _ entries: [String],
        beside name: ObjectName,
        _ files: FTPFiles,
        _ admission: Admission,
        _ what: String
    ) async throws(StorageError) {
        for entry in entries {
            try await admission.renew()
            try await files.remove(files.name(entry, beside: name), what)
        }
    }

    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        let what = "Removing what stopped uploads of \(name) left"
        do throws(StorageError) {
            try await policy.run { () async throws(StorageError) in
                try await clear(name, mayResume: mayResume, try await files(for: .delete, what), what)
            }
        } catch {
            note(name)
            throw error
        }
        if !mayResume { await notes.forget(name) }
    }

    private func clear(
        _ name: ObjectName,
        mayResume: Bool,
        _ files: FTPFiles,
        _ what: String
    ) async throws(StorageError) {
        let admission = policy.admission(.clear(name))
        let (parts, old) = try await leftovers(beside: name, files, what)
        let kept = parts.filter { temporaryNumbers(of: $0, beside: "/" + name.text)?.process == FTPPut.resumed }
        if mayResume, !kept.isEmpty { left.note("/" + name.text) }
        let gone = mayResume ? parts.filter { !kept.contains($0) } : parts
        try await remove(gone, beside: name, files, admission, what)
        if !old.isEmpty { try await mend(name, files, admission, what) }
        if !mayResume { try await removeFolders(of: name, files, admission, what) }
    }

    /// Gives an old file its name back, where nothing has that: whoever moved it aside was stopped; removes the others.
    private func mend(
        _ name: ObjectName,
        _ files: FTPFiles,
        _ admission: Admission,
        _ what: String
    ) async throws(StorageError) {
        let folder = FolderPath.folder(of: name.text)
        guard let entries = try await files.entries(of: folder, what) else { return }
        var old = FTPReplacement.hidden(name.text, among: entries)
            .sorted { ($0.modified?.milliseconds ?? 0, $0.name) < ($1.modified?.milliseconds ?? 0, $1.name) }
        if !entries.contains(where: { $0.name == baseName("/" + name.text) }), let newest = old.popLast() {
            try await admission.renew()
            try await ftp(what) { () async throws(FTPError) in
                try await files.connection.rename(
                    files.path(files.name(newest.name, beside: name)),
                    to: files.path(name.text)
                )
            }
        }
        try await remove(old.map(\.name), beside: name, files, admission, what)
    }

    /// Removes the folders on the way to a name in which nothing is.
    private func removeFolders(
        of name: ObjectName,
        _ files: FTPFiles,
        _ admission: Admission,
        _ what: String
    ) async throws(StorageError) {
        for folder in FolderPath.folders(of: name.text).reversed() {
            guard let entries = try await files.entries(of: folder, what) else { continue }
            guard entries.isEmpty else { return }
            try await admission.renew()
            place.forget()
            do throws(FTPError) {
                try await files.connection.removeDirectory(files.path(folder))
            } catch {
                guard error.isRefusal else { throw FTPErrors.translate(what, error).ofUnknownOutcome }
                return
            }
        }
    }

    /// What uploads of a name left that ended too early, and the old files that they were to replace.
    private func leftovers(
        beside name: ObjectName,
        _ files: FTPFiles,
        _ what: String
    ) async throws(StorageError) -> (parts: [String], old: [String]) {
        let (now, path) = (policy.timing.uptime(), "/" + name.text)
        if let parts = left.take(beside: path, at: now), let old = hidden.take(beside: path, at: now) {
            return (parts, old)
        }
        let folder = FolderPath.folder(of: name.text)
        guard let entries = try await files.entries(of: folder, what) else {
            try await files.checkAbsence(ofFolder: folder, what)
            return ([], [])
        }
        let names = entries.filter { $0.kind == .file }.map(\.name)
        return (left.learn(names, beside: path, at: now), hidden.learn(names, beside: path, at: now))
    }

    /// A server says nothing of its room, so this walks.
    func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        mayWalk ? try await usageByListing() : Usage()
    }

    func close() async { place.close() }
}
