internal import POSIX
internal import SFTPClient
internal import Schema
internal import Storage

/// Objects as files below one directory on a server.
///
/// A file appears under its name when the server has all of it. What one call asks makes sense only together, so each
/// is one request of the policy; a listing is one for each page.
struct SFTPService: StorageService {
    private let client: SFTPClient
    private let root: SFTPRoot
    private let policy: CallPolicy
    private let uploads = SFTPUploads()
    private let left = Leftovers()

    let capabilities = SFTP.capabilities
    let limits = Limits()

    init(_ client: SFTPClient, _ root: SFTPRoot, _ policy: CallPolicy) {
        (self.client, self.root, self.policy) = (client, root, policy)
    }

    /// One try of a call, in a session of its own or a shared one.
    private func files(for kind: CallKind) async throws(StorageError) -> SFTPFiles {
        policy.count(kind)
        do throws(SFTPError) {
            return SFTPFiles(session: try await client.session(), root: root)
        } catch {
            throw SSHErrors.translate("Opening a session", error)
        }
    }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        do throws(StorageError) {
            return try await write(name, body)
        } catch {
            left.note(root.path(of: name.text))
            throw error
        }
    }

    private func write(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        try await policy.run(change: .put(name)) { () async throws(StorageError) in
            let admission = policy.admission(.put(name), isAdmitted: true)
            let files = try await files(for: .put)
            let (temporary, isResumable) = uploads.temporary(for: root.path(of: name.text), length: body.length)
            defer { uploads.end(temporary) }
            try await SFTPPut(
                files: files,
                name: name,
                body: body,
                policy: policy,
                admission: admission,
                temporary: temporary,
                isResumable: isResumable,
                sweeps: uploads.sweeps
            ).run()
            return PutReceipt(proof: nil)
        }
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        try await policy.read(name.text, range, version: version, hasRanges: true) {
            (range, version) async throws(StorageError) in
            try await open(name, range, version, try await files(for: .get))
        }
    }

    private func open(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        _ version: ObjectVersion?,
        _ files: SFTPFiles
    ) async throws(StorageError) -> OpenObject {
        // Whoever opens a pipe would wait for its writer, and all that is asked in this session with him.
        _ = try await files.file(name)
        let file: SFTPFile
        do throws(SFTPError) {
            file = try await files.session.open(root.path(of: name.text), .read).value()
        } catch {
            throw await files.failure("Opening", of: name, error)
        }
        let found = try await file.attributes().get("Examining \(name)")
        guard let length = found.length, found.kind == .file else {
            throw StorageError(.unexpected, "The server does not say how long the file \(name) is.")
        }
        guard version == nil || version == found.version else { throw StorageError.changed(name) }
        let end = min(range?.upperBound ?? length, length)
        let stream = file.bytes(min(range?.lowerBound ?? 0, end)..<end, of: found, "Reading \(name)")
        return OpenObject(policy.pacing(stream), length: length, version: found.version)
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await policy.run { () async throws(StorageError) in
            try await files(for: .stat).file(name).info(name)
        }
    }

    func list(_ prefix: String) -> any ObjectStream {
        Pulled {
            let walk = Locked(FolderWalk(prefix: prefix, lanes: SFTPFiles.lanes))
            return { () async throws(StorageError) in
                try await policy.run { () async throws(StorageError) in
                    try await page(walk, prefix, try await files(for: .page))
                }
            }
        }
    }

    /// The next page of a walk; one that fails is asked for again from the same place.
    private func page(
        _ walk: Locked<FolderWalk>,
        _ prefix: String,
        _ files: SFTPFiles
    ) async throws(StorageError) -> [ObjectInfo]? {
        // Where the disk went away before or in between, names were missed.
        guard case .whole = try await files.way(to: prefix, mayEndAtFile: true) else { return nil }
        var moved = walk.read { $0 }
        let page = try await moved.nextPage { (folder) async throws(StorageError) in
            try await files.walked(folder, prefix)
        }
        _ = try await files.way(to: prefix, mayEndAtFile: true)
        walk.change { [moved] in $0 = moved }
        return page
    }

    func delete(_ name: ObjectName) async throws(StorageError) {
        try await policy.run { () async throws(StorageError) in
            let files = try await files(for: .delete)
            try await files.checkWay(to: name.text)
            try await policy.admission(.delete(name)).renew()
            let refusal = await files.session.send(.remove(root.path(of: name.text))).result()
            guard case .failure(let error) = refusal else { return }
            let failure = SSHErrors.translate("Removing \(name)", error)
            guard error.isRefusal else { throw failure.ofUnknownOutcome }
            do throws(StorageError) {
                _ = try await files.file(name)
            } catch  where error.code == .notFound {
                return
            }
            throw failure
        }
    }

    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try await policy.run { () async throws(StorageError) in
            let files = try await files(for: .delete)
            guard case .whole = try await files.way(to: name.text) else { return }
            let admission = policy.admission(.clear(name))
            let path = root.path(of: name.text)
            for temporary in try await leftovers(beside: path, name, files) {
                guard !mayResume || temporaryNumbers(of: temporary, beside: path)?.process != SFTPUploads.resumed else {
                    left.note(path)
                    continue
                }
                try await admission.renew()
                let file = directoryName(path) + "/" + temporary
                let refusal = await files.session.send(.remove(file)).result()
                guard case .failure(let error) = refusal, error.code != .noSuchFile else { continue }
                left.note(path)
                throw SSHErrors.translate("Removing what was left of \(name)", error)
            }
            guard !mayResume else { return }
            // A server removes no folder in which something is.
            for folder in FolderPath.folders(of: name.text).reversed() {
                try await admission.renew()
                let answer = files.session.send(.removeDirectory(root.path(of: folder)))
                guard case .success = await answer.result() else { break }
                root.forget()
            }
        }
    }

    /// Only of files: what else has such a name is somebody else's.
    private func leftovers(
        beside path: String,
        _ name: ObjectName,
        _ files: SFTPFiles
    ) async throws(StorageError) -> [String] {
        let now = policy.timing.uptime()
        if let known = left.take(beside: path, at: now) { return known }
        guard let entries = try await files.entries(of: FolderPath.folder(of: name.text)) else { return [] }
        let names = entries.filter { $0.attributes.kind == .file }.map { String(decoding: $0.name, as: UTF8.self) }
        return left.learn(names, beside: path, at: now)
    }

    func close() async { client.close() }

    func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        var usage = mayWalk ? try await usageByListing() : Usage()
        usage.free = try await policy.run { () async throws(StorageError) in try await files(for: .stat).free() }
        return usage
    }
}

extension SFTPAttributes {
    /// What is said of an object; of a link there is no length that would be one.
    func info(_ name: ObjectName) -> ObjectInfo {
        ObjectInfo(
            name: name,
            length: kind == .file ? length : nil,
            modified: modified.map { Timestamp(milliseconds: Int64($0) * 1000) }
        )
    }

    /// What is another one when the content is, as far as the server tells: its times are whole seconds.
    fileprivate var version: ObjectVersion {
        func word(_ value: (some BinaryInteger)?) -> String { value.map { "\($0)" } ?? "" }
        return ObjectVersion("\(word(length))-\(word(modified))-\(word(owner))-\(word(permissions))")
    }
}
