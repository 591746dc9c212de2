internal import Glibc
internal import Synchronization

/// The files whose locks this process has by fcntl(2), as SQLite takes them.
///
/// Such a lock is gone as soon as the process closes any descriptor of the file. So none of them is opened by any path
/// that leads to it, whoever planted that.
package enum LockedFiles {
    private static let counts = Mutex<[FileInfo.Identity: Int]>([:])
    private static let wereReached = Atomic(false)

    /// Keeps others from opening the files that are at some paths now, until the answer is given to ``release(_:)``.
    package static func hold(_ paths: [String]) -> [FileInfo.Identity] {
        let files = paths.compactMap { try? fileInfo($0, follow: true).identity }
        counts.withLock { counts in for file in files { counts[file, default: 0] += 1 } }
        return files
    }

    /// Lets files be opened again.
    package static func release(_ files: [FileInfo.Identity]) {
        counts.withLock { counts in
            for file in files {
                counts[file, default: 1] -= 1
                if counts[file] == 0 { counts[file] = nil }
            }
        }
    }

    /// Whether an open descriptor is of one of them: then it must stay open.
    static func contain(descriptor: Int32) -> Bool {
        guard counts.withLock({ !$0.isEmpty }) else { return false }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, contain(FileInfo(status).identity) else { return false }
        wereReached.store(true, ordering: .relaxed)
        return true
    }

    /// Whether a path leads to one of them; looked at since somebody planted one that does, so that not each costs a
    /// descriptor.
    static func contain(_ path: some FileName) -> Bool {
        guard wereReached.load(ordering: .relaxed) else { return false }
        return (try? fileInfo(path, follow: true)).map { contain($0.identity) } ?? false
    }

    /// Whether what was found somewhere is one of them.
    package static func contain(_ info: FileInfo) -> Bool { contain(info.identity) }

    private static func contain(_ file: FileInfo.Identity) -> Bool { counts.withLock { $0[file] != nil } }
}
