internal import POSIX
internal import Storage

/// A walk over all files below a directory, some at a time.
///
/// Names that cannot be those of objects are passed over with all that is below them. A link is not followed, for
/// nothing is kept behind links; one to a file is given as what it is: the name is taken.
struct DirectoryWalk: Sendable {
    private let root: String
    private let prefix: String
    /// Folders and files still to be visited, the next one last.
    private var pending = [""]

    private static let page = 1000

    init(root: String, prefix: String) {
        self.root = root
        self.prefix = prefix
    }

    /// The next files whose names begin with the prefix; nil when all were seen.
    mutating func nextPage() throws(FileError) -> [(name: ObjectName, info: FileInfo)]? {
        var found: [(name: ObjectName, info: FileInfo)] = []
        while found.count < Self.page, let name = pending.popLast() {
            do throws(FileError) {
                try visit(name, &found)
            } catch  where error.code == .notFound && !isOnTheWay(name) {
                // It went away between the listing and the look at it.
                continue
            }
        }
        return found.isEmpty && pending.isEmpty ? nil : found
    }

    private mutating func visit(
        _ name: String,
        _ found: inout [(name: ObjectName, info: FileInfo)]
    ) throws(FileError) {
        // The directory itself may be a link.
        let info = try fileInfo(root + "/" + name, follow: name.isEmpty)
        switch info.kind {
        case .directory: try descend(into: name)
        case .symbolicLink where (try? fileInfo(root + "/" + name, follow: true))?.kind != .file: break
        case .file, .symbolicLink:
            if name.hasPrefix(prefix), let object = ObjectName(name) { found.append((object, info)) }
        case .other: break
        }
    }

    /// Whether all that can be found lies below this folder.
    private func isOnTheWay(_ name: String) -> Bool { name.isEmpty || prefix.hasPrefix(name + "/") }

    /// Puts what a folder holds on the list, unless nothing in it can have the prefix.
    private mutating func descend(into folder: String) throws(FileError) {
        let inner = folder.isEmpty ? "" : folder + "/"
        guard inner.hasPrefix(prefix) || prefix.hasPrefix(inner) else { return }
        for name in try listDirectory(root + "/" + folder).reversed() {
            let path = inner + String(decoding: name, as: UTF8.self)
            if ObjectName(path) != nil { pending.append(path) }
        }
    }
}
