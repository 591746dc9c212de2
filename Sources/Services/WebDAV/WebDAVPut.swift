internal import HTTPClient
internal import POSIX
internal import Storage

/// One try of an upload: into a file beside the object, which gets its name when the server has all of it.
struct WebDAVPut: Sendable {
    let connection: WebDAVConnection
    let name: ObjectName
    let body: HTTPBody
    let admission: Admission
    /// The name of the file in which it is written.
    let temporary: String
    let what: String

    init(_ connection: WebDAVConnection, _ name: ObjectName, _ body: HTTPBody, _ admission: Admission) {
        (self.connection, self.name, self.body, self.admission) = (connection, name, body, admission)
        temporary = String(temporaryName(beside: "/" + name.text).dropFirst())
        what = "Storing \(name)"
    }

    func run() async throws(StorageError) {
        try await connection.makeFolders(to: name.text, what, admission)
        do throws(StorageError) {
            try await send()
            try await look()
            try await move()
        } catch {
            throw await discard(after: error)
        }
    }

    private func request(_ method: String, _ kind: CallKind = .put) -> WebDAVRequest {
        var request = WebDAVRequest(what: what, method: method, name: temporary, kind: kind)
        request.admission = admission
        return request
    }

    private func send() async throws(StorageError) {
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

    /// Looks that the server has all of it.
    private func look() async throws(StorageError) {
        let failures = connection.failures
        guard case .file(let entry) = try await connection.find(temporary, what) else {
            throw failures.foreign(what, "\(failures.host) said that it has it, and does not have it")
        }
        guard entry.length == body.length else {
            let count = entry.length.map { "\($0)" } ?? "an unknown number of"
            throw failures.error(.corrupt, "\(failures.host) has \(count) of \(body.length) bytes", what, .later)
        }
    }

    // MARK: Naming

    /// Gives the file its name.
    ///
    /// What has the name is looked at before it is replaced: of a folder, a server would remove all that is in it.
    private func move() async throws(StorageError) {
        let (request, reply) = try await move(replacing: false)
        if [201, 204].contains(reply.status) { return }
        let error = await connection.failure(request, reply)
        guard [301, 403, 405, 409, 412].contains(reply.status) else { throw error }
        switch try await connection.find(name.text, what) {
        case .folder: throw connection.failures.error(.exists, "a folder has that name", what)
        case .file, .nothing: guard reply.status == 412 else { throw error }
        }
        let (again, answer) = try await move(replacing: true)
        // It may have removed the old one before it failed.
        guard [201, 204].contains(answer.status) else {
            throw await connection.failure(again, answer).ofUnknownOutcome
        }
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
    private func discard(after error: StorageError) async -> StorageError {
        guard error.code != .superseded else { return error.ofUnknownOutcome }
        var request = request("DELETE", .delete)
        request.isHasty = true
        // Also where the task was told to stop.
        let status = await Task { [request] in try? await connection.exchange(request).status }.value
        return [204, 404].contains(status) || error.code == .corrupt ? error : error.ofUnknownOutcome
    }
}
