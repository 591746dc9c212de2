internal import POSIX

/// The folders and files of a kit home.
package struct KitHome: Sendable, Hashable {
    package let path: String

    /// The home at `path`, or where `IPFS_KIT_HOME` says, or `~/.ipfs_kit`.
    package init(_ path: String?, environment: (String) -> String?) {
        self.path = absolutePath(
            path ?? environment("IPFS_KIT_HOME") ?? (environment("HOME") ?? "/") + "/.ipfs_kit"
        )
    }

    package var catalog: String { path + "/catalog.sqlite" }
    package var store: String { path + "/store" }
    package var mainConfiguration: String { path + "/config/main.yaml" }
    package var backendFiles: String { path + "/backend_configs" }
    package var backends: String { path + "/backends" }
    package var scratch: String { path + "/cache" }

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

    /// Makes what is missing of the folders; what is there is closed to others.
    package func make() throws(KitError) {
        do throws(FileError) { try makeDirectory(path, permissions: 0o700) } catch { throw KitError(error) }
        try refuseSharedFileSystem()
        do throws(FileError) {
            for folder in Self.folders {
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
        // What was there before this program made a home of the folder, or was opened by somebody since.
        let names = ((try? listDirectory(backendFiles)) ?? []).map { String(decoding: $0, as: UTF8.self) }
        close([catalog + "-wal", catalog + "-shm", mainConfiguration] + names.map { backendFiles + "/" + $0 })
    }

    private static let folders = [
        "", "/config", "/backend_configs", "/backends", "/store", "/locks", "/metadata", "/cache", "/logs",
    ]

    /// Takes the right to look into the home, and at its files, from everybody but its owner.
    ///
    /// A home that is somebody else's stays as it is.
    func close() {
        for folder in Self.folders {
            guard let info = try? fileInfo(path + folder, follow: true), info.permissions & 0o077 != 0 else { continue }
            try? setPermissions(path + folder, info.permissions & 0o700)
        }
        close([catalog])
    }

    private func close(_ files: [String]) {
        for file in files {
            guard let info = try? fileInfo(file), info.kind == .file, info.permissions & 0o077 != 0 else { continue }
            try? setPermissions(file, 0o600)
        }
    }

    /// Throws where the home lies on a file system that machines share: the catalog needs memory that processes share, and
    /// locks that hold, which these do not have.
    func refuseSharedFileSystem() throws(KitError) {
        guard let kind = fileSystemKind(of: path), Self.isShared(kind) else { return }
        throw KitError(
            .refused,
            "The kit home \(path) lies on a file system of the kind \(kind), which several machines may share: its catalog "
                + "would lose what was acknowledged. Put it on a disk of this machine.",
            hint: "ipfs-kit init --home PATH"
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
