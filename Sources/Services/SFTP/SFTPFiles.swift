internal import SFTPClient
internal import Storage

/// The directory on the server that holds the objects.
///
/// One that is missing, or on another disk than before, says nothing about what is kept: the disk may not be mounted.
/// It is never made here.
struct SFTPRoot: Sendable {
    let path: String
    /// The number of the file system on which it was first seen.
    private let disk = Locked<UInt64?>(nil)
    /// Folders that were seen to be none behind links.
    private let known = Locked<Set<String>>([])

    init(path: String) { self.path = path }

    func path(of name: String) -> String { path == "/" ? "/" + name : path + "/" + name }

    func isKnown(_ folder: String) -> Bool { known.read { $0.contains(folder) } }
    func learn(_ folder: String) { known.change { _ = $0.insert(folder) } }
    func forget() { known.change { $0 = [] } }

    /// Whether it lies on the disk on which it was first seen.
    func isOn(_ found: UInt64) -> Bool {
        disk.change { disk in
            disk = disk ?? found
            return disk == found
        }
    }
}

/// Calls on the files of a backend in one session.
struct SFTPFiles: Sendable {
    let session: SFTPSession
    let root: SFTPRoot

    // MARK: The way to a name

    /// How far the folders on the way to a name are there.
    enum Way {
        case whole
        /// So many are there, and no more.
        case missing(after: Int)
    }

    /// Looks at the root and at all folders on the way to a name; throws where the root is gone, or something else
    /// stands there than folders.
    ///
    /// What lies behind a link may be what another backend counts as a replica of its own, or may not be mounted. A
    /// file in the place of a folder is an error, unless that is only a reason why nothing lies below it.
    func way(to name: String, mayEndAtFile: Bool = false) async throws(StorageError) -> Way {
        let folders = FolderPath.folders(of: name)
        let top = session.send(.stat(root.path))
        let space = session.features.tellsSpace ? session.send(.space(root.path)) : nil
        let answers = folders.map { session.send(.lstat(root.path(of: $0))) }
        try await checkRoot(top, space)
        for (index, answer) in answers.enumerated() {
            let path = root.path(of: folders[index])
            switch await answer.result() {
            case .failure(let error) where error.code == .noSuchFile: return .missing(after: index)
            case .failure(let error): throw SSHErrors.translate("Finding \(path)", error)
            case .success(let found):
                switch found.kind {
                case .directory, .unknown: continue
                case .symbolicLink:
                    throw StorageError(
                        .badSettings,
                        "\(path) is a link there, and nothing is kept behind links. Put the folder itself there, or set "
                            + "another connection.path."
                    )
                case .file where mayEndAtFile: return .missing(after: index)
                case .file, .other:
                    throw StorageError(.exists, "A file stands where the folder \(path) should be.")
                }
            }
        }
        root.learn(folders.last ?? "")
        return .whole
    }

    private func checkRoot(
        _ top: SFTPPending<SFTPAttributes>,
        _ space: SFTPPending<SFTPSpace>?
    ) async throws(StorageError) {
        switch await top.result() {
        case .success(let found):
            guard [.directory, .unknown].contains(found.kind) else {
                throw StorageError(.badSettings, "\(root.path) is no directory there; set another connection.path.")
            }
        case .failure(let error):
            guard error.code == .noSuchFile else { throw SSHErrors.translate("Finding \(root.path)", error) }
            throw StorageError(
                .unavailable,
                "The directory \(root.path) is not there. Mount the disk that holds it, make it on the server with "
                    + "`mkdir -p`, or say where it is now with `ipfs-kit backend update`."
            )
        }
        // A server that does not know the disk of a directory that it has just shown says nothing against it.
        guard let space, case .success(let space) = await space.result(), !root.isOn(space.disk) else { return }
        throw StorageError(
            .unavailable,
            "\(root.path) lies on another disk than before: one was mounted or unmounted on the server in the meantime."
        )
    }

    /// Looks at the way to a name once.
    func checkWay(to name: String) async throws(StorageError) {
        if !root.isKnown(FolderPath.folder(of: name)) { _ = try await way(to: name) }
    }

    /// The error of a call about an object: `notFound` only where nothing has the name, the root is there and folders
    /// lead there.
    func failure(_ what: String, of name: ObjectName, _ error: SFTPError) async -> StorageError {
        guard error.code == .noSuchFile else { return SSHErrors.translate("\(what) \(name)", error) }
        do throws(StorageError) {
            // A server says the same of a name in a file and of links that lead nowhere.
            _ = try await way(to: name.text)
        } catch {
            return error
        }
        return StorageError(.notFound, "\(name) is not there, the server says.")
    }

    // MARK: Files

    /// What is said of a file under a name; throws for anything else, also for a link to one: that is no copy.
    func file(_ name: ObjectName) async throws(StorageError) -> SFTPAttributes {
        try await checkWay(to: name.text)
        let found: SFTPAttributes
        do throws(SFTPError) {
            found = try await session.send(.lstat(root.path(of: name.text))).value()
        } catch {
            throw await failure("Finding", of: name, error)
        }
        switch found.kind {
        case .file: return found
        case .directory: throw StorageError(.notFound, "\(name) is no object: a folder has that name.")
        case .symbolicLink, .other:
            throw StorageError(.corrupt, "What stands in the place of \(name) is a link, a pipe or a device.")
        case .unknown: throw StorageError(.unexpected, "The server does not say whether \(name) is a file.")
        }
    }

    /// The names in a folder, with what is said of them; nil where the folder is not there.
    func entries(of folder: String) async throws(StorageError) -> [SFTPEntry]? {
        let path = folder.isEmpty ? root.path : root.path(of: folder)
        do throws(SFTPError) {
            return try await session.list(path)
        } catch  where error.code == .noSuchFile {
            return nil
        } catch {
            throw SSHErrors.translate("Listing \(path)", error)
        }
    }

    /// How many bytes are free there; nil where the server does not say.
    func free() async throws(StorageError) -> UInt64? {
        guard session.features.tellsSpace else { return nil }
        return try await session.send(.space(root.path)).get("Asking how much room there is").free
    }
}
