internal import POSIX
internal import Storage

/// A walk over all files below a directory, in the order of their names, some at a time.
struct DirectoryWalk: Sendable {
    private let root: String
    private let prefix: String
    /// Folders and files still to be visited, the next one last.
    private var pending: [String]

    private static let page = 1000

    init(root: String, prefix: String) {
        self.root = root
        self.prefix = prefix
        pending = [""]
    }

    /// The next files whose names begin with the prefix; nil when all were seen.
    mutating func nextPage() throws(FileError) -> [(name: ObjectName, info: FileInfo)]? {
        var found: [(name: ObjectName, info: FileInfo)] = []
        while found.count < Self.page, let name = pending.popLast() {
            do throws(FileError) {
                if name.isEmpty {
                    try descend(into: name)
                    continue
                }
                let info = try fileInfo(root + "/" + name, follow: true)
                switch info.kind {
                case .directory: try descend(into: name)
                case .file:
                    if name.hasPrefix(prefix), let object = ObjectName(name) { found.append((object, info)) }
                case .symbolicLink, .other: break
                }
            } catch  where error.code == .notFound && !name.isEmpty {
                // It went away between the listing and the look at it.
                continue
            }
        }
        return found.isEmpty && pending.isEmpty ? nil : found
    }

    /// Puts what a folder holds on the list, unless nothing in it can have the prefix.
    private mutating func descend(into folder: String) throws(FileError) {
        let inner = folder.isEmpty ? "" : folder + "/"
        guard inner.hasPrefix(prefix) || prefix.hasPrefix(inner) else { return }
        for name in try listDirectory(root + "/" + folder).reversed() where name.first != 0x2E {
            pending.append(inner + String(decoding: name, as: UTF8.self))
        }
    }
}
