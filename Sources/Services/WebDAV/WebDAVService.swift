internal import HTTPClient
internal import POSIX
internal import Schema
internal import Storage

/// Objects as files below one folder of a server.
///
/// What one call asks makes sense only together, so each is one request of the policy; a listing is one for each page.
struct WebDAVService: StorageService {
    let capabilities: Capabilities
    let limits: Limits
    private let connection: WebDAVConnection
    private let concurrency: Int
    /// Places for large bodies on their way, for all objects together.
    private let places: Permits
    private let left = Leftovers(ending: WebDAVPut.ending)

    init(_ connection: WebDAVConnection, _ parts: PartSettings) {
        self.connection = connection
        // Where nobody is asked who he is, everybody can read what is there.
        capabilities = connection.isOpenToAll ? WebDAV.capabilities : WebDAV.capabilities.subtracting(.urls)
        concurrency = parts.concurrency
        places = Permits(parts.concurrency)
        // A list of a folder comes whole, so folders are kept small. The server has at most 10,000 chunks of a file.
        limits = Limits(
            largestSinglePut: connection.uploads == nil ? .max : parts.threshold.bytes,
            minPart: parts.size.bytes,
            maxParts: 10_000,
            spreadsNames: true
        )
    }

    private var policy: CallPolicy { connection.policy }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        do throws(StorageError) {
            if let uploads = connection.uploads, body.length > limits.largestSinglePut {
                return try await put(name, body, inChunksTo: uploads)
            }
            // What is short is read before anything is sent: a source that breaks leaves nothing there then.
            let bytes = try await UploadBytes(
                policy.pacing(body),
                0..<body.length,
                withSHA256: false,
                withMD5: false
            )
            return try await policy.run(change: .put(name)) { () async throws(StorageError) in
                let admission = policy.admission(.put(name), isAdmitted: true)
                try await WebDAVPut(connection, name, body.length, admission).run(bytes.body())
                return PutReceipt(proof: nil)
            }
        } catch {
            if error.mayHaveHappened { left.note(path(name)) }
            throw error
        }
    }

    private func put(
        _ name: ObjectName,
        _ body: Body,
        inChunksTo uploads: WebDAVConnection
    ) async throws(StorageError) -> PutReceipt {
        let upload = try await WebDAVChunks(
            name,
            policy.pacing(body),
            limits.parts(for: body.length),
            on: connection,
            to: uploads
        )
        return try await PartedUpload(upload, concurrency: concurrency, places: places).run()
    }

    private func path(_ name: ObjectName) -> String { "/" + name.text }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        try await policy.read(name.text, range, version: version, hasRanges: true) {
            (range, version) async throws(StorageError) in
            try await connection.open(name, range, version: version)
        }
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await policy.run { () async throws(StorageError) in
            let what = "Looking for \(name)"
            switch try await connection.find(name.text, what) {
            // Some servers tell of a length only who asks for the file itself.
            case .file(let entry) where entry.length == nil: return try await connection.look(for: name, what).info
            case .file(let entry): return entry.info(name, place: connection.place(of: name))
            case .folder: throw StorageError(.notFound, "\(name) is no object: a folder has that name.")
            case .nothing: throw StorageError(.notFound, "\(name) is not there, the server says.")
            }
        }
    }

    func list(_ prefix: String) -> any ObjectStream {
        let what = prefix.isEmpty ? "Listing the objects" : "Listing the objects under \(prefix)"
        return Pulled {
            let walk = Locked(FolderWalk(prefix: prefix))
            return { () async throws(StorageError) in
                try await policy.run { () async throws(StorageError) in
                    var moved = walk.read { $0 }
                    let page = try await moved.nextPage { (folder) async throws(StorageError) in
                        try await connection.walked(folder, what)
                    }
                    walk.change { [moved] in $0 = moved }
                    return page
                }
            }
        }
    }

    /// A folder is never removed: a server would remove all that is in it.
    func delete(_ name: ObjectName) async throws(StorageError) {
        try await policy.run(change: .delete(name)) { () async throws(StorageError) in
            let what = "Removing \(name)"
            guard case .file = try await connection.find(name.text, what) else { return }
            try await remove(name.text, what, policy.admission(.delete(name), isAdmitted: true))
        }
    }

    /// Removes a file; where the server does not say that it is gone, a look shows it.
    private func remove(_ name: String, _ what: String, _ admission: Admission) async throws(StorageError) {
        var request = WebDAVRequest(what: what, method: "DELETE", name: name, kind: .delete)
        request.admission = admission
        let reply = try await connection.exchange(request)
        guard reply.status != 204 else { return }
        let failure = await connection.failure(request, reply)
        guard [200, 202, 404, 410].contains(reply.status), case .nothing = try await connection.find(name, what) else {
            throw failure
        }
    }

    /// Folders stay: to remove one may take what another writer put there meanwhile.
    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        let what = "Removing what stopped uploads of \(name) left"
        try await policy.run(change: .clear(name)) { () async throws(StorageError) in
            let admission = policy.admission(.clear(name), isAdmitted: true)
            let folder = FolderPath.folder(of: name.text)
            for file in try await leftovers(of: name, in: folder, what) {
                do throws(StorageError) {
                    try await remove((folder.isEmpty ? "" : folder + "/") + file, what, admission)
                } catch {
                    left.note(path(name))
                    throw error
                }
            }
        }
    }

    /// The files in which uploads of a name were written that ended before it had all of them.
    private func leftovers(
        of name: ObjectName,
        in folder: String,
        _ what: String
    ) async throws(StorageError) -> [String] {
        let now = policy.timing.uptime()
        if let known = left.take(beside: path(name), at: now) { return known }
        guard let entries = try await connection.entries(of: folder, what) else {
            try await connection.checkAbsence(of: folder.isEmpty ? "" : folder + "/", what)
            return []
        }
        let files = entries.filter { !$0.isFolder }.map { baseName($0.name) }
        return left.learn(files, beside: path(name), at: now)
    }

    func url(_ name: ObjectName, until end: Timestamp) -> String { connection.target.url(name.text) }

    /// What is stored, a walk shows; what is left, some servers say.
    func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        var usage = mayWalk ? try await usageByListing() : Usage()
        usage.free = try await policy.run { () async throws(StorageError) in
            try await connection.free("Asking how much room there is")
        }
        return usage
    }
}
