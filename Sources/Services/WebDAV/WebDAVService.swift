internal import HTTPClient
internal import POSIX
internal import Schema
internal import Storage

/// Objects as files below one folder of a server.
///
/// What one call asks makes sense only together, so each is one request of the policy; a listing is one for each page.
struct WebDAVService: StorageService {
    let capabilities = WebDAV.capabilities
    /// A list of a folder comes whole, so folders are kept small.
    let limits = Limits(spreadsNames: true)
    private let connection: WebDAVConnection

    init(_ connection: WebDAVConnection) { self.connection = connection }

    private var policy: CallPolicy { connection.policy }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        let paced = policy.pacing(body)
        // What is short is read before anything is sent: a source that breaks leaves nothing there then.
        let bytes =
            body.length <= UploadBytes.few
            ? HTTPBody.bytes(try await paced.bytes())
            : HTTPBody.stream(length: body.length) { SentBytes(bytes: paced.open(), digest: nil) }
        return try await policy.run(change: .put(name)) { () async throws(StorageError) in
            try await WebDAVPut(connection, name, bytes, policy.admission(.put(name), isAdmitted: true)).run()
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
            try await connection.open(name, range, version: version)
        }
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await policy.run { () async throws(StorageError) in
            switch try await connection.find(name.text, "Looking for \(name)") {
            case .file(let entry): return entry.info(name, place: connection.place(of: name))
            case .folder: throw StorageError(.notFound, "\(name) is no object: a folder has that name.")
            case .nothing: throw StorageError(.notFound, "\(name) is not there, the server says.")
            }
        }
    }

    func list(_ prefix: String) -> any ObjectStream {
        let what = prefix.isEmpty ? "Listing the objects" : "Listing the objects under \(prefix)"
        return Pulled {
            let walk = Locked(WebDAVWalk(prefix: prefix))
            return { () async throws(StorageError) in
                try await policy.run { () async throws(StorageError) in
                    var moved = walk.read { $0 }
                    let page = try await moved.nextPage(connection, what)
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
            let folder = WebDAVTarget.folder(of: name.text)
            guard let entries = try await connection.entries(of: folder, what) else {
                _ = try await connection.checkAbsence(of: folder.isEmpty ? "" : folder + "/", what)
                return
            }
            for entry in entries where !entry.isFolder {
                guard temporaryNumbers(of: baseName(entry.name), beside: name.text) != nil else { continue }
                try await remove(entry.name, what, admission)
            }
        }
    }

    /// What is stored, a walk shows; what is left, some servers say.
    func usage() async throws(StorageError) -> Usage {
        var usage = try await usageByListing()
        usage.free = try await policy.run { () async throws(StorageError) in
            try await connection.free("Asking how much room there is")
        }
        return usage
    }
}
