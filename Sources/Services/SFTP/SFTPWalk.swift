internal import SFTPClient
internal import Storage

extension SFTPFiles {
    /// How many folders are listed at once.
    static let lanes = 16

    /// What is in a folder, for a walk; nothing of one that is not there: it went away meanwhile, or there is nothing
    /// with the prefix.
    ///
    /// A link is not followed; one to a file is given as what it is: the name is taken.
    func walked(_ folder: String, _ prefix: String) async throws(StorageError) -> [FolderWalk.Entry] {
        var found: [FolderWalk.Entry] = []
        for entry in try await entries(of: folder) ?? [] {
            let path = (folder.isEmpty ? "" : folder + "/") + String(decoding: entry.name, as: UTF8.self)
            guard ObjectName(path) != nil else { continue }
            var attributes = entry.attributes
            if attributes.kind == .unknown {
                guard let told = try await said(.lstat(root.path(of: path))) else { continue }
                attributes = told
            }
            switch attributes.kind {
            case .directory: found.append(FolderWalk.Entry(path: path, isFolder: true))
            case .file: found.append(FolderWalk.Entry(path: path) { [attributes] in attributes.info($0) })
            case .symbolicLink:
                guard path.hasPrefix(prefix), try await said(.stat(root.path(of: path)))?.kind == .file else {
                    continue
                }
                found.append(FolderWalk.Entry(path: path) { [attributes] in attributes.info($0) })
            case .other, .unknown: break
            }
        }
        return found
    }

    /// What the server says of a name; nil where it refuses to.
    private func said(_ request: SFTPRequest<SFTPAttributes>) async throws(StorageError) -> SFTPAttributes? {
        let result = await session.send(request).result()
        guard case .failure(let error) = result else { return try? result.get() }
        guard error.isRefusal else { throw SSHErrors.translate("Listing", error) }
        return nil
    }
}
