internal import POSIX
internal import Schema
internal import Storage

/// A directory that holds objects, and what is done to it from threads that may block.
struct DirectoryPlace: Sendable {
    let root: RootDirectory
    /// What is done there is done on these.
    let threads: BlockingThreads
    /// Bytes that stay free on the disk.
    private let reserve: UInt64
    /// Folders that were looked after: their names last, for whoever made them may have been killed before that, and
    /// what writers left there that were killed long ago is gone.
    private let tended = Locked<Set<String>>([])

    /// An announcement has at most so many bytes, and may take of the room that is to stay free.
    private static let note: UInt64 = 4096
    /// From so many bytes on it is looked whether there is room, whatever is to stay: what has none would fill the disk
    /// first, and make others fail that have.
    private static let large: UInt64 = 256 << 10

    init(_ root: RootDirectory, reserve: UInt64) {
        self.root = root
        threads = .of(root.name)
        self.reserve = reserve
    }

    /// The file of an object.
    func path(_ name: ObjectName) -> String { root.path + "/" + name.text }

    /// Makes the folder of an object, and looks after it; once, as long as it is not found to have gone.
    private func makeFolder(_ folder: String) throws(FileError) {
        guard !tended.read({ $0.contains(folder) }) else { return }
        try makeDirectory(folder, below: root.path)
        var place = folder
        while place != root.path {
            try syncName(of: place)
            place = directoryName(place)
        }
        removeLeftovers(in: folder, unchangedFor: 86_400)
        tended.change { _ = $0.insert(folder) }
    }

    /// Makes a file, and its folder where that is not there; one that was empty may go in between.
    func newFile(_ path: String) throws(FileError) -> File {
        let folder = directoryName(path)
        try makeFolder(folder)
        do throws(FileError) {
            return try File(path, .createNew)
        } catch {
            guard error.code == .notFound else { throw error }
            tended.change { _ = $0.remove(folder) }
            try makeFolder(folder)
            return try File(path, .createNew)
        }
    }

    /// Removes the folders on the way to a file that hold nothing, the innermost first; the directory itself stays.
    func removeEmptyFolders(wayTo path: String) {
        var folder = directoryName(path)
        while folder.hasPrefix(root.path + "/"), (try? removeDirectory(folder)) != nil {
            // Who makes it again has to look after it again.
            tended.change { _ = $0.remove(folder) }
            folder = directoryName(folder)
        }
    }

    /// Throws where there is no room for an object beside so many bytes of others, or it would take of what is to stay
    /// free.
    func checkRoom(for length: UInt64, _ name: ObjectName, besides others: UInt64 = 0) throws(StorageError) {
        guard reserve > 0 || length >= Self.large, !(name.isOfNote && length <= Self.note) else { return }
        let free: UInt64
        do throws(FileError) {
            free = try diskSpace(root.path).free
        } catch {
            throw translate(error, name.text)
        }
        guard free >= reserve, free - reserve >= others, free - reserve - others >= length else {
            throw StorageError(
                .quotaExceeded,
                "\(name) has \(ByteCount(length)), and the disk has \(ByteCount(free)) left"
                    + (reserve > 0 ? ", some of which connection.min_free keeps." : ".")
            )
        }
    }

    /// Removes what was written, and gives the error to end with: where that stays behind, somebody has to look again.
    func discard(_ temporary: String, after error: StorageError) -> StorageError {
        let isGone = (try? removeFile(temporary)) != nil
        return isGone || error.code == .corrupt ? error : error.ofUnknownOutcome
    }
}
