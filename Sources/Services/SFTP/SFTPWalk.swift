internal import SFTPClient
internal import Storage

/// A walk over all files below the root, some folders at a time.
///
/// Names that cannot be those of objects are passed over with all that is below them. A link is not followed; one to a
/// file is given as what it is: the name is taken.
struct SFTPWalk: Sendable {
    private let prefix: String
    /// Folders still to be visited, the next one last.
    private var folders: [String]
    /// What was found and not given yet.
    private var found: [ObjectInfo] = []

    private static let page = 1000
    /// How many folders are listed at once.
    private static let lanes = 16

    init(prefix: String) {
        self.prefix = prefix
        folders = [FolderPath.folder(of: prefix)]
    }

    /// The next files whose names begin with the prefix; nil when all were seen.
    mutating func nextPage(_ files: SFTPFiles) async throws(StorageError) -> [ObjectInfo]? {
        while found.count < Self.page, !folders.isEmpty {
            let batch = Array(folders.suffix(Self.lanes))
            let listed = await Self.list(batch, files)
            folders.removeLast(batch.count)
            for folder in listed {
                // One that is not there went away meanwhile, or there is nothing with the prefix.
                for entry in try folder.entries.get() ?? [] { try await visit(entry, in: folder.path, files) }
            }
        }
        let page = Array(found.prefix(Self.page))
        found.removeFirst(page.count)
        return page.isEmpty ? nil : page
    }

    /// A folder and what is in it.
    private struct Listed: Sendable {
        let path: String
        let entries: Result<[SFTPEntry]?, StorageError>

        init(_ path: String, _ files: SFTPFiles) async {
            self.path = path
            do throws(StorageError) {
                entries = .success(try await files.entries(of: path))
            } catch {
                entries = .failure(error)
            }
        }
    }

    private static func list(_ folders: [String], _ files: SFTPFiles) async -> [Listed] {
        await withTaskGroup(of: Listed.self) { group in
            for folder in folders { group.addTask { await Listed(folder, files) } }
            var listed: [Listed] = []
            while let next = await group.next() { listed.append(next) }
            return listed
        }
    }

    private mutating func visit(_ entry: SFTPEntry, in folder: String, _ files: SFTPFiles) async throws(StorageError) {
        let path = (folder.isEmpty ? "" : folder + "/") + String(decoding: entry.name, as: UTF8.self)
        guard let name = ObjectName(path) else { return }
        var attributes = entry.attributes
        if attributes.kind == .unknown {
            guard let told = try await said(.lstat(files.root.path(of: path)), files) else { return }
            attributes = told
        }
        switch attributes.kind {
        case .directory:
            let inner = path + "/"
            if inner.hasPrefix(prefix) || prefix.hasPrefix(inner) { folders.append(path) }
        case .file: if path.hasPrefix(prefix) { found.append(attributes.info(name)) }
        case .symbolicLink:
            guard path.hasPrefix(prefix) else { return }
            let target = try await said(.stat(files.root.path(of: path)), files)
            if target?.kind == .file { found.append(attributes.info(name)) }
        case .other, .unknown: break
        }
    }

    /// What the server says of a name; nil where it refuses to.
    private func said(
        _ request: SFTPRequest<SFTPAttributes>,
        _ files: SFTPFiles
    ) async throws(StorageError) -> SFTPAttributes? {
        let result = await files.session.send(request).result()
        guard case .failure(let error) = result else { return try? result.get() }
        guard error.isRefusal else { throw SFTPErrors.translate("Listing", error) }
        return nil
    }
}
