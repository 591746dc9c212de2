internal import FTPClient
internal import Schema
internal import Storage

extension FTPFiles {
    /// What is in a folder, for a walk; nothing where it went away, or there is nothing with the prefix.
    ///
    /// A link is not followed; one to a file is given as what it is: the name is taken.
    func walked(
        _ folder: String,
        _ prefix: String,
        _ ways: FolderWays,
        _ what: String
    ) async throws(StorageError) -> [FolderWalk.Entry] {
        guard let entries = try await entries(of: folder, what) else {
            try await checkAbsence(ofFolder: folder, what)
            return []
        }
        let way = try await way(to: folder, ways, what)
        var found: [FolderWalk.Entry] = []
        for entry in entries {
            let path = (folder.isEmpty ? "" : folder + "/") + entry.name
            guard ObjectName(path) != nil else { continue }
            switch entry.kind {
            case .directory:
                if let unique = entry.unique {
                    guard !way.contains(unique) else { continue }
                    ways.learn(path, way.union([unique]))
                }
                found.append(FolderWalk.Entry(path: path, isFolder: true))
            case .file: found.append(FolderWalk.Entry(path: path) { entry.info($0) })
            case .link:
                let place = self.path(path)
                guard path.hasPrefix(prefix),
                    try await ftp(what, { () async throws(FTPError) in try await connection.length(of: place) }) != nil
                else { continue }
                found.append(FolderWalk.Entry(path: path) { entry.info($0) })
            case .other: break
            }
        }
        return found
    }

    /// The folders through which one comes to a folder, as far as the server tells.
    private func way(to folder: String, _ ways: FolderWays, _ what: String) async throws(StorageError) -> Set<String> {
        if let known = ways.way(to: folder) { return known }
        guard connection.features.hasFacts else { return [] }
        var way: Set<String> = []
        for part in folder.isEmpty ? [""] : [""] + FolderPath.folders(of: folder) + [folder] {
            let place = path(part)
            let entry = try await ftp(what) { () async throws(FTPError) in try await connection.facts(of: place) }
            if let unique = entry?.unique { way.insert(unique) }
        }
        ways.learn(folder, way)
        return way
    }

    /// The name of something in the folder of a name.
    func name(_ entry: String, beside name: ObjectName) -> String {
        let folder = FolderPath.folder(of: name.text)
        return (folder.isEmpty ? "" : folder + "/") + entry
    }

    /// Removes a file; one that is gone is no error.
    func remove(_ name: String, _ what: String) async throws(StorageError) {
        do throws(FTPError) {
            try await connection.remove(path(name))
        } catch {
            let failure = FTPErrors.translate(what, error)
            guard error.isRefusal else { throw failure.ofUnknownOutcome }
            // It may be that somebody else removed it.
            switch try await listed(name, what) {
            case .nothing, .replaced: return
            case .file, .folder, .other: throw failure
            }
        }
    }
}

extension FTPEntry {
    /// What is said of an object; of a link there is no length that would be one.
    func info(_ name: ObjectName) -> ObjectInfo {
        ObjectInfo(
            name: name,
            length: kind == .file ? length : nil,
            modified: modified.map { Timestamp(milliseconds: $0.milliseconds) }
        )
    }
}
