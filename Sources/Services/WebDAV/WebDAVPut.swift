internal import HTTPClient
internal import POSIX
internal import Storage

/// One upload: into a file beside the object, which gets its name when the server has all of it.
struct WebDAVPut: Sendable {
    let connection: WebDAVConnection
    let name: ObjectName
    let length: UInt64
    let admission: Admission
    /// The name of the file in which it is written.
    let temporary: String

    /// How such names end: clouds keep `.part` for themselves (nextcloud/server#4526, owncloud/core#29011).
    static let ending = ".upload"

    /// An upload in a file that nobody else knows, or that others go on with, who find it by this number.
    init(
        _ connection: WebDAVConnection,
        _ name: ObjectName,
        _ length: UInt64,
        _ admission: Admission,
        id: UInt64? = nil
    ) {
        (self.connection, self.name, self.length, self.admission) = (connection, name, length, admission)
        let (path, ending) = ("/" + name.text, Self.ending)
        let new = id.map { temporaryName(beside: path, 0, $0, ending: ending) }
        temporary = String((new ?? temporaryName(beside: path, ending: ending)).dropFirst())
    }

    var what: String { "Storing \(name)" }

    /// Uploads it by one request, and gives it its name.
    func run(_ body: HTTPBody) async throws(StorageError) {
        try await connection.makeFolders(to: name.text, what, admission)
        do throws(StorageError) {
            try await send(body)
            try await look()
            if try await move() { return }
        } catch {
            throw await discard(after: error)
        }
        try await replace()
    }

    private func request(_ method: String, _ kind: CallKind = .put) -> WebDAVRequest {
        WebDAVRequest(what: what, method: method, name: temporary, kind: kind, admission: admission)
    }

    private func send(_ body: HTTPBody) async throws(StorageError) {
        var request = request("PUT")
        request.headers = [HTTPField(name: "Content-Type", value: "application/octet-stream")]
        request.body = body
        var reply = try await connection.exchange(request)
        if WebDAVConnection.missing.contains(reply.status) {
            // Somebody removed the folder, or the place is gone.
            connection.known.change { $0 = [] }
            try await connection.makeFolders(to: name.text, what, admission)
            reply = try await connection.exchange(request)
        }
        guard [200, 201, 204].contains(reply.status) else { throw await connection.failure(request, reply) }
    }

    // MARK: Naming

    /// Looks that the server has all of it.
    func look() async throws(StorageError) {
        let failures = connection.failures
        guard case .file(let entry) = try await connection.find(temporary, what) else {
            throw failures.foreign(what, "\(failures.host) said that it has it, and does not have it").ofBrokenPromise
        }
        guard entry.length == length else {
            let has = "\(failures.host) has \(entry.length.map(String.init) ?? "an unknown number of")"
            throw failures.error(.corrupt, "\(has) of \(length) bytes", what, .later).ofBrokenPromise
        }
    }

    /// Gives the file its name; false where a file has it, which is to be replaced.
    ///
    /// What has the name is looked at before it is replaced: of a folder, a server would remove all that is in it.
    func move() async throws(StorageError) -> Bool {
        let (request, reply) = try await move(replacing: false)
        if [201, 204].contains(reply.status) { return true }
        let error = await connection.failure(request, reply)
        guard [301, 403, 405, 409, 412].contains(reply.status) else { throw error }
        switch try await connection.find(name.text, what) {
        case .folder: throw connection.failures.error(.exists, "a folder has that name", what)
        case .file, .nothing: guard reply.status == 412 else { throw error }
        }
        return false
    }

    /// Gives the file its name in the place of another.
    ///
    /// Where that fails, the server may have removed the old one before, or be at it still: the new one stays.
    func replace() async throws(StorageError) {
        let (request, reply) = try await move(replacing: true)
        guard [201, 204].contains(reply.status) else { throw await connection.failure(request, reply).ofUnknownOutcome }
    }

    private func move(replacing: Bool) async throws(StorageError) -> (WebDAVRequest, HTTPReply) {
        var request = request("MOVE")
        request.headers = [
            HTTPField(name: "Destination", value: connection.target.url(name.text)),
            HTTPField(name: "Overwrite", value: replacing ? "T" : "F"),
        ]
        return (request, try await connection.exchange(request))
    }

    /// Removes what was written, and gives the error to end with: where that stays behind, somebody has to look again.
    func discard(after error: StorageError) async -> StorageError {
        guard error.code != .superseded else { return error.ofUnknownOutcome }
        let request = request("DELETE", .delete)
        let cleaned = await error.cleaning { [connection] () async throws(StorageError) in
            let reply = try await connection.exchange(request)
            guard [204, 404].contains(reply.status) else { throw await connection.failure(request, reply) }
        }
        return error.code == .corrupt ? error : cleaned
    }
}
