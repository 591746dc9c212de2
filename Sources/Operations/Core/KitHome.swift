internal import POSIX

/// The folders and files of a kit home.
package struct KitHome: Sendable, Hashable {
    package let path: String

    /// The home at `path`, or where `IPFS_KIT_HOME` says, or `~/.ipfs_kit`; a variable that is empty says nothing.
    package init(_ path: String?, environment: (String) -> String?) {
        func value(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        self.path = absolutePath(path ?? value("IPFS_KIT_HOME") ?? (value("HOME") ?? "/") + "/.ipfs_kit")
    }

    package var catalog: String { path + "/catalog.sqlite" }
    package var store: String { path + "/store" }
    package var mainConfiguration: String { path + "/config/main.yaml" }
    package var backendFiles: String { path + "/backend_configs" }
    package var backends: String { path + "/backends" }

    package var logs: String { path + "/logs" }
    /// The file that events are appended to.
    package var log: String { logs + "/ipfs-kit.log" }

    /// A folder for files that are needed for a while.
    ///
    /// It may have been removed at any time, so whoever asks for it has it made.
    package var scratch: String {
        if (try? fileInfo(path, follow: true)) != nil { try? makeDirectory(cache, permissions: 0o700) }
        return cache
    }

    /// The folder of what was read from a backend.
    package func blockCache(of name: String) -> String { "\(cache)/\(name)" }

    private var cache: String { path + "/cache" }

    /// The folder of what a backend's service has to remember.
    func state(of name: String) -> String { "\(path)/metadata/\(name)" }

    /// The folder of what a backend's service answered; it goes with the one around it.
    func answers(of name: String) -> String { "\(state(of: name))/answers" }

    /// The file of a backend.
    package func backendFile(_ name: String) -> String { "\(backendFiles)/\(name).yaml" }

    /// Says whether `init` has been run here, whatever was lost since.
    package func exists() throws(KitError) -> Bool {
        for path in [catalog, mainConfiguration] where try holds(path) { return true }
        return try hasContent()
    }

    /// Says whether there is a file; throws where that cannot be told, which is something else than that there is none.
    func holds(_ path: String) throws(KitError) -> Bool {
        do throws(FileError) { return try fileExists(path) } catch { throw KitError(error) }
    }

    /// Says whether there are blocks in the store, whatever its index says.
    func hasContent() throws(KitError) -> Bool {
        do throws(FileError) {
            return try listDirectory(store + "/packs").contains { $0.first != 0x2E }
        } catch {
            guard error.code == .notFound || error.code == .notADirectory else { throw KitError(error) }
            return false
        }
    }

    /// Throws where the folder holds something else, and nothing of a home: a name was mistyped then.
    func refuseForeignFolder() throws(KitError) {
        let names: [String]
        do throws(FileError) {
            names = try listDirectory(path).map { String(decoding: $0, as: UTF8.self) }
        } catch {
            // Nothing is there yet, or something that making it tells of.
            return
        }
        let own = Self.folders.map { String($0.dropFirst()) }
        guard let other = names.first(where: { $0.first != "." && $0 != "lost+found" && !own.contains($0) }) else {
            return
        }
        for path in [catalog, mainConfiguration, store + "/packs", store + "/index"] where try holds(path) { return }
        guard !hasBackendFiles else { return }
        throw KitError(
            .refused,
            "\(path) holds something else, such as \(other), and nothing of a kit home: a home needs a folder of its own. Name another "
                + "one with --home or IPFS_KIT_HOME."
        )
    }

    private var hasBackendFiles: Bool {
        ((try? listDirectory(backendFiles)) ?? []).contains { String(decoding: $0, as: UTF8.self).hasSuffix(".yaml") }
    }

    /// Makes what is missing of the folders; what is there is closed to others.
    ///
    /// - Returns: the names of the folders that were missing.
    @discardableResult
    package func make() throws(KitError) -> [String] {
        var made: [String] = []
        do throws(FileError) { try makeDirectory(path, permissions: 0o700) } catch { throw KitError(error) }
        try refuseSharedFileSystem()
        do throws(FileError) {
            for folder in Self.folders {
                if !folder.isEmpty, try !fileExists(path + folder) { made.append(String(folder.dropFirst())) }
                try makeDirectory(path + folder, permissions: 0o700)
                // Somebody who was killed may have made it, and not waited until it lasts.
                try syncName(of: path + folder)
            }
            if try !fileExists(mainConfiguration) {
                try replaceFile(mainConfiguration, with: Array("version: '1'\n".utf8))
            }
        } catch {
            throw KitError(error)
        }
        close()
        return made
    }

    /// The names of the folders that ``make()`` would make.
    func missing() throws(KitError) -> [String] {
        if try holds(path) { try refuseSharedFileSystem() }
        var missing: [String] = []
        for folder in Self.folders.dropFirst() where try !holds(path + folder) {
            missing.append(String(folder.dropFirst()))
        }
        return missing
    }

    private static let folders = [
        "", "/config", "/backend_configs", "/backends", "/store", "/locks", "/metadata", "/cache", "/logs",
    ]

    /// Takes the right to look into the home, and at its files, from everybody but its owner.
    ///
    /// A home that is somebody else's stays as it is, and so does what a folder that existed holds beside it.
    func close() {
        let indexes = ((try? listDirectory(path + "/backends")) ?? []).map {
            "/backends/" + String(decoding: $0, as: UTF8.self)
        }
        for folder in Self.folders + indexes + ["/store/packs", "/store/index"] {
            guard let info = try? fileInfo(path + folder, follow: true), info.kind == .directory else { continue }
            let wasOpen = info.permissions & 0o077 != 0
            if wasOpen { try? setPermissions(path + folder, info.permissions & 0o700) }
            // The store may have very many files; they were open to others only if their folder was.
            if !folder.isEmpty, wasOpen || Self.written.contains(folder) { Self.closeFiles(in: path + folder) }
        }
        for end in ["", "-wal", "-shm"] { Self.closeFile(catalog + end) }
    }

    /// The folders in which people write files themselves, with the permissions that their editors give.
    private static let written: Set = ["/config", "/backend_configs"]

    private static func closeFiles(in folder: String) {
        for name in (try? listDirectory(folder)) ?? [] {
            closeFile(folder + "/" + String(decoding: name, as: UTF8.self))
        }
    }

    private static func closeFile(_ path: String) {
        guard let info = try? fileInfo(path), info.kind == .file, info.permissions & 0o077 != 0 else { return }
        try? setPermissions(path, info.permissions & 0o700)
    }

    /// Throws where the home lies on a file system that machines share: the catalog needs memory that processes share,
    /// and locks that hold, which these do not have.
    func refuseSharedFileSystem() throws(KitError) {
        guard let kind = fileSystemKind(of: path), Self.isShared(kind) else { return }
        throw KitError(
            .refused,
            "The kit home \(path) lies on a file system of the kind \(kind), which several machines may share: its catalog "
                + "would lose what was acknowledged. Put it on a disk of this machine, as with `ipfs-kit init --home PATH`."
        )
    }

    /// Whether a kind of file system is one of another machine.
    static func isShared(_ kind: String) -> Bool {
        let shared = [
            "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ncpfs", "coda", "davfs", "ceph", "glusterfs",
            "lustre",
            "beegfs", "ocfs2", "gfs2",
        ]
        let shelves = [
            "sshfs", "rclone", "s3fs", "davfs", "davfs2", "gcsfuse", "glusterfs", "curlftpfs", "smbnetfs", "juicefs",
        ]
        return shared.contains(kind) || shelves.contains { kind == "fuse." + $0 }
    }
}
