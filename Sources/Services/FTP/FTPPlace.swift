internal import FTPClient
internal import POSIX
internal import Storage

/// The directory of a backend, and the connections over which it is asked for.
///
/// A directory that is missing says nothing about what is kept, and is never made here.
struct FTPPlace: Sendable {
    let policy: CallPolicy
    /// The directory as settings name it.
    let folder: String
    private let client: FTPClient
    /// Places for all that is under way, and for uploads: one is always left for what an upload has to read meanwhile.
    private let places: Permits
    private let uploads: Permits
    private let isSingle: Bool
    /// Folders that were seen to be there.
    private let known = Locked<Set<String>>([])

    /// Whether this task has a connection for an upload.
    @TaskLocal private static var isUploading = false

    init(_ client: FTPClient, _ folder: String, connections: Int, _ policy: CallPolicy) {
        (self.client, self.folder, self.policy) = (client, folder, policy)
        (places, uploads) = (Permits(connections), Permits(max(1, connections - 1)))
        isSingle = connections == 1
    }

    /// How many folders are listed at once.
    static let lanes = 4

    /// A connection for one thing.
    func files(_ what: @autoclosure () -> String) async throws(StorageError) -> FTPFiles {
        // Who has the only place waits for no other.
        let permit = isSingle && Self.isUploading ? nil : try await places.take()
        let loan = try await ftp(what()) { () async throws(FTPError) in try await client.lend() }
        return FTPFiles(place: self, loan: loan, permit: permit)
    }

    /// Does what an upload takes, in its turn among uploads.
    func uploading<Value>(
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let permit = try await uploads.take()
        defer { permit.give() }
        let result: Result<Value, StorageError> = await Self.$isUploading.withValue(true) { () async in
            do throws(StorageError) {
                return .success(try await work())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    func isKnown(_ folder: String) -> Bool { known.read { $0.contains(folder) } }
    func learn(_ folders: [String]) { known.change { $0.formUnion(folders) } }
    func forget() { known.change { $0 = [] } }
    func close() { client.close() }
}

/// What has a name on a server.
enum FTPFinding: Sendable {
    case file(FTPEntry)
    case folder
    /// A link, a pipe or a device.
    case other
    /// The files that had the name, as entries of its folder: they are hidden while another one gets it, and stay so
    /// where whoever replaced one was stopped.
    case replaced([FTPEntry])
    case nothing
}

/// The files of a backend, over one connection.
struct FTPFiles: Sendable {
    let place: FTPPlace
    let loan: FTPLoan
    /// The place that it has as long as this is there.
    let permit: Permits.Permit?

    var connection: FTPConnection { loan.connection }

    /// The path of a name; the directory itself has none.
    ///
    /// It is absolute: what lists are asked of is gone into.
    func path(_ name: String) -> String {
        let home = place.folder.hasPrefix("/") ? "" : connection.home
        let parts = [home, place.folder, name].flatMap { $0.split(separator: "/") }
        return "/" + parts.joined(separator: "/")
    }

    // MARK: Looking

    /// What has a name; that nothing has it, the list of its folder says.
    ///
    /// The time of a file is told where it is wanted.
    func find(_ name: String, _ what: String, withTime: Bool = false) async throws(StorageError) -> FTPFinding {
        do throws(FTPError) {
            if let entry = try await connection.look(at: path(name), withTime: withTime) {
                return entry.kind == .directory ? .folder : entry.kind == .file ? .file(entry) : .other
            }
        } catch {
            guard error.code == .unsupported else { throw FTPErrors.translate(what, error) }
            return try await listed(name, what)
        }
        let finding = try await listed(name, what)
        guard case .file = finding else { return finding }
        throw StorageError(
            .unavailable,
            "\(what) failed: the server lists \(name), and does not give it. It may be replaced just now.",
            retry: .later
        ).ofBrokenPromise
    }

    /// What is in a folder; nil where the server does not go into it, which says nothing yet.
    func entries(of folder: String, _ what: String) async throws(StorageError) -> [FTPEntry]? {
        let path = path(folder)
        return try await ftp(what) { () async throws(FTPError) in try await connection.list(path) }
    }

    /// What the lists say of a name: what the innermost folder on the way to it has that is there.
    func listed(_ name: String, _ what: String) async throws(StorageError) -> FTPFinding {
        for folder in FolderPath.folders(of: name).reversed() + [""] {
            guard let entries = try await entries(of: folder, what) else {
                place.forget()
                continue
            }
            let rest = folder.isEmpty ? name : String(name.dropFirst(folder.count + 1))
            let part = String(rest.prefix { $0 != "/" })
            guard let found = entries.first(where: { $0.name == part }) else {
                // Below what is not there nothing is.
                let hidden = part == rest ? FTPReplacement.hidden(name, among: entries) : []
                return hidden.isEmpty ? .nothing : .replaced(hidden)
            }
            switch found.kind {
            case .file: return part == rest ? .file(found) : .nothing
            case .other: return part == rest ? .other : .nothing
            case .directory where part == rest: return .folder
            case .link where part == rest: return .other
            case .directory, .link: throw notEntered(part, what)
            }
        }
        throw placeIsGone(what)
    }

    private func notEntered(_ folder: String, _ what: String) -> StorageError {
        let reason = "the server lists the folder \(folder), and does not go into it."
        return StorageError(.unavailable, "\(what) failed: \(reason)", retry: .later)
    }

    /// Throws unless the lists say that a folder is not there.
    func checkAbsence(ofFolder folder: String, _ what: String) async throws(StorageError) {
        guard !folder.isEmpty else { throw placeIsGone(what) }
        if case .folder = try await listed(folder, what) { throw notEntered(folder, what) }
    }

    func placeIsGone(_ what: String) -> StorageError {
        StorageError(
            .unavailable,
            "\(what) failed: the directory \(path("")) is not there. Make it on the server, mount the disk that "
                + "holds it, or say where it is now with `ipfs-kit backend update`."
        )
    }

    /// The file under a name; throws for anything else.
    func file(_ name: ObjectName, _ what: String, withTime: Bool = false) async throws(StorageError) -> FTPEntry {
        switch try await find(name.text, what, withTime: withTime) {
        case .file(let entry): return entry
        case .folder: throw StorageError(.notFound, "\(name) is no object: a folder has that name.")
        case .other:
            throw StorageError(.corrupt, "What stands in the place of \(name) is a link, a pipe or a device.")
        case .replaced:
            throw StorageError(
                .unavailable,
                "\(what) failed: nothing has the name, and what had it is hidden beside it. It is being "
                    + "replaced, or that was stopped in the middle.",
                retry: .later
            )
        case .nothing: throw StorageError(.notFound, "\(name) is not there, the server says.")
        }
    }

    // MARK: Folders

    /// Makes the folders on the way to a name that are missing.
    func makeFolders(to name: String, _ what: String, _ admission: Admission) async throws(StorageError) {
        let folders = FolderPath.folders(of: name)
        guard let innermost = folders.last else {
            return try await place.isKnown("") ? () : checkRoot(what)
        }
        guard !place.isKnown(innermost) else { return }
        var missing: [String] = []
        for folder in folders.reversed() {
            if try await enters(folder, what) { break }
            missing.append(folder)
        }
        if missing.count == folders.count { try await checkRoot(what) }
        for folder in missing.reversed() {
            try await admission.renew()
            try await make(folder, what)
        }
        place.learn(folders)
    }

    private func checkRoot(_ what: String) async throws(StorageError) {
        guard try await enters("", what) else { throw placeIsGone(what) }
        place.learn([""])
    }

    private func enters(_ folder: String, _ what: String) async throws(StorageError) -> Bool {
        let path = path(folder)
        return try await ftp(what) { () async throws(FTPError) in try await connection.enter(path) }
    }

    private func make(_ folder: String, _ what: String) async throws(StorageError) {
        let path = path(folder)
        let refusal: FTPError
        do throws(FTPError) {
            return try await connection.makeDirectory(path)
        } catch {
            refusal = error
        }
        guard refusal.isRefusal else { throw FTPErrors.translate(what, refusal).ofUnknownOutcome }
        // Another writer may have made it at the same time.
        if try await enters(folder, what) { return }
        if case .nothing = try await listed(folder, what) { throw FTPErrors.translate(what, refusal) }
        throw StorageError(.exists, "\(what) failed: a file stands where the folder \(folder) should be.")
    }
}
