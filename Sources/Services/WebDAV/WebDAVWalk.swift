internal import Storage

/// A walk over all files below the root, a folder at a time.
///
/// Names that cannot be those of objects are passed over with all that is below them.
struct WebDAVWalk: Sendable {
    private let prefix: String
    /// Folders still to be visited, the next one last.
    private var folders: [String]

    init(prefix: String) {
        self.prefix = prefix
        folders = [FolderPath.folder(of: prefix)]
    }

    /// The next files whose names begin with the prefix; nil when all were seen.
    mutating func nextPage(_ connection: WebDAVConnection, _ what: String) async throws(StorageError) -> [ObjectInfo]? {
        while let folder = folders.last {
            let entries = try await entries(of: folder, connection, what)
            folders.removeLast()
            var found: [ObjectInfo] = []
            for entry in entries {
                guard let name = ObjectName(entry.name) else { continue }
                if entry.isFolder {
                    let inner = entry.name + "/"
                    if inner.hasPrefix(prefix) || prefix.hasPrefix(inner) { folders.append(entry.name) }
                } else if entry.name.hasPrefix(prefix) {
                    found.append(entry.info(name))
                }
            }
            if !found.isEmpty { return found }
        }
        return nil
    }

    /// What is in a folder; nothing where it went away, or there is nothing with the prefix.
    private func entries(
        of folder: String,
        _ connection: WebDAVConnection,
        _ what: String
    ) async throws(StorageError) -> [WebDAVEntry] {
        if let entries = try await connection.entries(of: folder, what) { return entries }
        // Of the root no list says that it is not there.
        try await connection.checkAbsence(of: folder.isEmpty ? "" : folder + "/", what)
        return []
    }
}
