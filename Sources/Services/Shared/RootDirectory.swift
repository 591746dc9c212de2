internal import POSIX
internal import Storage

/// The directory that holds the objects: the one that was there when it was first looked at.
///
/// A directory that is missing, or another one under the same name, says nothing about what is kept: the disk may not
/// be mounted. It is never made here, for what would be stored then would lie hidden under the disk.
struct RootDirectory: Sendable {
    /// The path that leads there.
    let path: String
    /// What people call it.
    let name: String
    /// Keeps open what the path leads to, where it does so only as long.
    private let folder: File?
    private let home: String?
    private let first = Locked<FileInfo.Identity?>(nil)

    init(_ path: String, home: String?) {
        (self.path, name, folder) = (path, path, nil)
        self.home = home
    }

    /// The directory that was opened, whatever is under its name by now.
    init(_ folder: File, named name: String) {
        (path, self.name, self.folder, home) = (folder.ownPath, name, folder, nil)
    }

    /// Throws unless it is there, and the one that it was.
    func check() throws(StorageError) {
        let info: FileInfo
        do throws(FileError) {
            info = try fileInfo(path, follow: true)
        } catch {
            guard error.code == .notFound else { throw translate(error, path) }
            throw StorageError(
                .unavailable,
                "The directory \(path) is not there. Mount the disk that holds it, or say where it is now with "
                    + "`ipfs-kit backend update`; only where nothing was kept yet, make it with `mkdir -p \(path)`.",
                cause: error
            )
        }
        guard info.kind == .directory else {
            throw StorageError(.badSettings, "\(path) is no directory; set another connection.path.")
        }
        if first.change({ $0 == nil }), let home, let folder = try? fileInfo(home, follow: true),
            leads(path, into: folder.identity)
        {
            throw StorageError(
                .badSettings,
                "\(path) lies in the kit home \(home), with which it would be lost; set another connection.path."
            )
        }
        let isSame = first.change { first in
            first = first ?? info.identity
            return first == info.identity
        }
        guard isSame else {
            throw StorageError(
                .unavailable,
                "Another directory has taken the place of \(path): a disk was mounted or unmounted in the meantime."
            )
        }
    }

    /// Throws where the directory is another one by now, or a folder on the way to a name, or to all names with a
    /// prefix, is a link.
    ///
    /// What lies behind a link may be what another backend counts as a replica of its own, or may not be mounted.
    func check(wayTo name: String) throws(StorageError) {
        try check()
        var place = path
        for folder in name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropLast() {
            place += "/" + Substring(folder)
            guard let info = try? fileInfo(place) else { return }
            guard info.kind == .symbolicLink else { continue }
            throw StorageError(
                .badSettings,
                "\(place) is a link, and nothing is kept behind links. Put the folder itself there, or set another "
                    + "connection.path."
            )
        }
    }

    /// The error of finding nothing under a name; `notFound` only where the directory is the one that it was.
    func absence(of name: ObjectName, _ error: FileError) -> StorageError {
        do throws(StorageError) {
            try check(wayTo: name.text)
        } catch {
            return error
        }
        return StorageError(.notFound, "\(name) is not there. \(error)", cause: error)
    }
}
