internal import POSIX

/// What came of giving a file its name: once it may have it, nothing of what led there is undone.
enum Publication {
    case published
    /// It has its name, or nobody knows that it has not; what went wrong.
    case unsure(FileError)

    /// Gives the finished file at `temporary` the name `path`; throws where it surely has not got it.
    ///
    /// `isLasting` says whether to wait until the name is on the disk.
    static func of(_ temporary: String, as path: String, isLasting: Bool) throws(FileError) -> Publication {
        let identity = try fileInfo(temporary).identity
        do throws(FileError) {
            try renameFile(temporary, to: path)
            if isLasting { try syncDirectory(directoryName(path)) }
            return .published
        } catch {
            // A call that failed may have been carried out all the same.
            guard let there = isThere(path, identity), !there else { return .unsure(error) }
            throw error
        }
    }

    /// Whether a file has that name; nil where nobody knows.
    private static func isThere(_ path: String, _ identity: FileInfo.Identity) -> Bool? {
        do throws(FileError) {
            return try fileInfo(path).identity == identity
        } catch {
            return error.code == .notFound ? false : nil
        }
    }
}
