internal import HTTPClient
internal import POSIX
internal import Storage

/// What has a name on a server.
enum WebDAVFinding: Sendable {
    case file(WebDAVEntry)
    case folder
    case nothing
}

extension WebDAVConnection {
    // MARK: Looking

    /// What has a name; that nothing has it, the list of its folder says.
    ///
    /// Servers remove what they replace before the new one has the name: while somebody is at it, they are asked again.
    func find(_ name: String, _ what: String) async throws(StorageError) -> WebDAVFinding {
        if let found = try await look(for: name, what) { return found }
        guard try await checkAbsence(of: name, what) else { return .nothing }
        return try await look(for: name, what) ?? .nothing
    }

    /// What has a name; nil where the server does not find it, which says nothing yet.
    private func look(for name: String, _ what: String) async throws(StorageError) -> WebDAVFinding? {
        let (request, reply) = try await ask(name, depth: 0, what, .stat)
        if Self.missing.contains(reply.status) { return nil }
        // That of a folder lacks its slash.
        if (300..<400).contains(reply.status), try await isFolder(name, what) { return .folder }
        guard reply.status == 207 else { throw await failure(request, reply) }
        let entry = try entries(request, reply)[0]
        return entry.isFolder ? .folder : .file(entry)
    }

    /// Whether a folder has a name.
    func isFolder(_ name: String, _ what: String) async throws(StorageError) -> Bool {
        let (request, reply) = try await ask(name.isEmpty ? "" : name + "/", depth: 0, what, .stat)
        if Self.missing.contains(reply.status) { return false }
        guard reply.status == 207 else { throw await failure(request, reply) }
        return try entries(request, reply)[0].isFolder
    }

    /// What is in a folder; nil where the server does not find it, which says nothing yet.
    func entries(of folder: String, _ what: String) async throws(StorageError) -> [WebDAVEntry]? {
        let (request, reply) = try await ask(folder.isEmpty ? "" : folder + "/", depth: 1, what, .page)
        if Self.missing.contains(reply.status) { return nil }
        guard reply.status == 207 else { throw await failure(request, reply) }
        let entries = try entries(request, reply)
        // Some servers tell of a file what they should say of a folder.
        guard entries[0].isFolder else { return nil }
        return Array(entries.dropFirst())
    }

    /// What is in a folder, for a walk; nothing where it went away, or there is nothing with the prefix.
    func walked(_ folder: String, _ what: String) async throws(StorageError) -> [FolderWalk.Entry] {
        guard let entries = try await entries(of: folder, what) else {
            try await checkAbsence(of: folder.isEmpty ? "" : folder + "/", what)
            return []
        }
        return entries.map { entry in FolderWalk.Entry(path: entry.name, isFolder: entry.isFolder) { entry.info($0) } }
    }

    /// Throws unless the innermost folder on the way to a name that is there says that nothing leads to it.
    ///
    /// The name of a folder ends with a slash: where a file has it, there is no folder. Says whether somebody is
    /// writing it, or was stopped while he did.
    @discardableResult
    func checkAbsence(of name: String, _ what: String) async throws(StorageError) -> Bool {
        // Whether a folder is there, those above it say, and not it itself; of the root none does.
        guard !name.isEmpty else { throw placeIsGone(what) }
        let own = name.hasSuffix("/") ? String(name.dropLast()) : name
        for folder in FolderPath.folders(of: own).reversed() + [""] {
            guard let entries = try await entries(of: folder, what) else {
                known.change { $0 = [] }
                continue
            }
            let found = entries.first { $0.name == name || name.hasPrefix($0.name + "/") }
            // Below a file there is nothing.
            guard let found, found.isFolder || found.name == name else {
                return entries.contains { entry in
                    temporaryNumbers(of: baseName(entry.name), beside: name, ending: WebDAVPut.ending) != nil
                }
            }
            let reason = "the server says that it is not there, and has it in a list; it may be replaced just now"
            throw failures.error(.unavailable, reason, what, .later)
        }
        throw placeIsGone(what)
    }

    /// How many bytes are left; nil where the server does not say.
    func free(_ what: String) async throws(StorageError) -> UInt64? {
        let (request, reply) = try await ask("", depth: 0, what, .stat)
        if Self.missing.contains(reply.status) { throw placeIsGone(what) }
        guard reply.status == 207 else { throw await failure(request, reply) }
        return try entries(request, reply)[0].free
    }

    private func placeIsGone(_ what: String) -> StorageError {
        failures.error(
            .unavailable,
            "the folder \(target.address.path)/ is not there on \(target.address.host), or is none of WebDAV; make it, "
                + "or say where it is now with `ipfs-kit backend update`",
            what
        )
    }

    private func ask(
        _ name: String,
        depth: Int,
        _ what: String,
        _ kind: CallKind
    ) async throws(StorageError) -> (WebDAVRequest, HTTPReply) {
        let request = WebDAVRequest(
            what: what,
            method: "PROPFIND",
            name: name,
            kind: kind,
            headers: [
                HTTPField(name: "Depth", value: "\(depth)"),
                HTTPField(name: "Content-Type", value: "application/xml; charset=utf-8"),
            ],
            body: .bytes(Array(WebDAVEntry.question.utf8))
        )
        return (request, try await exchange(request))
    }

    /// The entries of a list, what was asked for first, and what lies directly below it.
    ///
    /// Throws where it is no list, one of something else, or not whole. Names that are none of ours are left out.
    private func entries(_ request: WebDAVRequest, _ reply: HTTPReply) throws(StorageError) -> [WebDAVEntry] {
        guard let found = WebDAVEntry.read(reply.body, target) else {
            throw failures.foreign(request.what, "\(failures.host) answered with something that is no list of WebDAV")
        }
        let name = request.name.hasSuffix("/") ? String(request.name.dropLast()) : request.name
        let entries = found.compactMap(\.self)
        guard let own = entries.first(where: { $0.name == name }) else {
            throw failures.foreign(request.what, "\(failures.host) answered with the list of something else")
        }
        var names: Set = [name]
        let below = entries.filter { FolderPath.folder(of: $0.name) == name && names.insert($0.name).inserted }
        return [own] + below
    }

    // MARK: Making

    /// Makes the folders on the way to a name that are missing.
    func makeFolders(to name: String, _ what: String, _ admission: Admission) async throws(StorageError) {
        let folders = FolderPath.folders(of: name)
        guard let innermost = folders.last, !known.read({ $0.contains(innermost) }) else { return }
        var missing: [String] = []
        for folder in folders.reversed() {
            if known.read({ $0.contains(folder) }) { break }
            if try await isFolder(folder, what) { break }
            missing.append(folder)
        }
        if missing.count == folders.count, try await !isFolder("", what) { throw placeIsGone(what) }
        for folder in missing.reversed() { try await make(folder, what, admission) }
        known.change { $0.formUnion(folders) }
    }

    private func make(_ folder: String, _ what: String, _ admission: Admission) async throws(StorageError) {
        var request = WebDAVRequest(what: what, method: "MKCOL", name: folder + "/", kind: .put)
        request.admission = admission
        let reply = try await exchange(request)
        guard reply.status != 201 else { return }
        // Another writer may have made it at the same time.
        switch try await find(folder, what) {
        case .folder: return
        case .file: throw failures.error(.exists, "a file stands where the folder \(folder) should be", what)
        case .nothing: throw await failure(request, reply)
        }
    }
}
