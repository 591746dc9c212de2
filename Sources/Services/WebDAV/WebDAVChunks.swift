internal import Digests
internal import HTTPClient
internal import Storage

/// How Nextcloud and ownCloud take one file in chunks: into a folder for this upload, from which it is moved as a whole
/// to where a file of one request would be written.
///
/// Version 2 of Nextcloud's protocol, which servers with version 1 take, too: chunks are called by their numbers, and
/// all requests name one destination. A chunk can be listed and not be read, and has no digest. So the folder and the
/// destination are called by the digest of all bytes: what has the right length there, is ours. Nextcloud removes a
/// folder in which nothing was done for a day.
struct WebDAVChunks: PartTaker {
    /// A chunk that the server has.
    struct Part: Sendable {}
    /// That an upload is not there any more.
    private struct Lost: Error {}

    private struct Progress: Sendable {
        /// Whether the server was asked to put the chunks together, and may have done it.
        var wasAsked = false
        /// Whether the whole was seen there.
        var wasSeen = false
    }

    let put: WebDAVPut
    let uploads: WebDAVConnection
    let body: Body
    let ranges: [Range<UInt64>]
    /// The name of the folder.
    private let id: String
    private let progress = Locked(Progress())

    /// Reads the body once, for its digest.
    init(
        _ name: ObjectName,
        _ body: Body,
        _ ranges: [Range<UInt64>],
        on connection: WebDAVConnection,
        to uploads: WebDAVConnection
    ) async throws(StorageError) {
        (self.uploads, self.body, self.ranges) = (uploads, body, ranges)
        let content = if let known = body.sha256 { known } else { try await body.digest(.sha256) }
        let words = "\(connection.target.url(name.text))\n\(hex(content))\n\(ranges.count)"
        let digest = digest(.sha256, of: Array(words.utf8))
        id = "ipfs-kit-" + hex(digest.prefix(20))
        put = WebDAVPut(
            connection,
            name,
            body.length,
            connection.policy.admission(.put(name)),
            id: digest.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
        )
    }

    var policy: CallPolicy { uploads.policy }
    var count: Int { ranges.count }

    func tellsOfLoss(_ error: StorageError) -> Bool { error.cause is Lost }

    /// Of the upload of these bytes there is one, where it was begun.
    func pending() async throws(StorageError) -> [PendingUpload] {
        let isThere = try await uploads.isFolder(id, put.what)
        return isThere ? [PendingUpload(id: id, isOld: false)] : []
    }

    func begin() async throws(StorageError) -> String {
        let request = request("MKCOL", "")
        let reply = try await uploads.exchange(request)
        // Somebody else may upload the same bytes at the same time.
        guard [201, 405].contains(reply.status) else { throw await uploads.failure(request, reply) }
        return id
    }

    /// The chunks that have the length of ours, by number.
    func parts(of id: String) async throws(StorageError) -> [Int: Part] {
        let entries = try await uploads.entries(of: id, put.what) ?? []
        var found: [Int: Part] = [:]
        for entry in entries where !entry.isFolder {
            let word = entry.name.dropFirst(id.count + 1)
            guard let number = Int(word), ranges.indices.contains(number - 1), Self.word(number) == word,
                entry.length == ranges[number - 1].length
            else { continue }
            found[number] = Part()
        }
        return found
    }

    func send(_ number: Int, _ present: Part?, to id: String) async throws(StorageError) -> Part {
        if let present { return present }
        let bytes = try await UploadBytes(body, ranges[number - 1], withSHA256: false, withMD5: false)
        var request = request("PUT", Self.word(number))
        request.headers.append(HTTPField(name: "Content-Type", value: "application/octet-stream"))
        request.body = bytes.body()
        let prepared = request
        try await policy.run { () async throws(StorageError) in
            let reply = try await uploads.exchange(prepared)
            guard ![404, 409].contains(reply.status) else { throw lost(reply) }
            guard [200, 201, 204].contains(reply.status) else { throw await uploads.failure(prepared, reply) }
        }
        return Part()
    }

    /// Has the chunks put together under the name of a file beside the object, looks at that, and names it.
    func complete(_ id: String, _ parts: [Part]) async throws(StorageError) -> PutReceipt {
        try await put.connection.makeFolders(to: put.name.text, put.what, put.admission)
        guard try await !isDone() else { return PutReceipt(proof: nil) }
        do throws(StorageError) {
            if !progress.read({ $0.wasSeen }) { try await assemble() }
            try await put.look()
            progress.change { $0.wasSeen = true }
            if try await put.move() { return PutReceipt(proof: nil) }
        } catch {
            // What another try can go on with stays.
            guard error.retry == .never, error.code != .cancelled, !tellsOfLoss(error) else { throw error }
            throw await put.discard(after: error)
        }
        try await put.replace()
        return PutReceipt(proof: nil)
    }

    /// Whether an earlier try did it, of which the answer was lost: then nothing is left of what was seen there.
    private func isDone() async throws(StorageError) -> Bool {
        let before = progress.read { $0 }
        guard before.wasAsked else { return false }
        if case .file(let entry) = try await put.connection.find(put.temporary, put.what) {
            progress.change { $0.wasSeen = entry.length == put.length }
            return false
        }
        progress.change { $0.wasSeen = false }
        guard before.wasSeen, case .file(let entry) = try await put.connection.find(put.name.text, put.what) else {
            return false
        }
        return entry.length == put.length
    }

    private func assemble() async throws(StorageError) {
        progress.change { $0.wasAsked = true }
        let request = request("MOVE", ".file")
        let reply = try await uploads.exchange(request)
        guard reply.status != 404 else { throw lost(reply) }
        guard [201, 204].contains(reply.status) else { throw await uploads.failure(request, reply) }
    }

    /// What the chunks make is looked for by each try to complete them.
    func completed(_ parts: [Part]) async throws(StorageError) -> PutReceipt? { nil }

    /// Removes the folder with all that is in it, which is nobody's but ours.
    func end(_ id: String) async throws(StorageError) {
        let request = request("DELETE", "")
        let reply = try await uploads.exchange(request)
        guard [204, 404].contains(reply.status) else { throw await uploads.failure(request, reply) }
    }

    /// Version 2 wants numbers from 1 to 10,000, and version 1 puts chunks in the order of their names.
    private static func word(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }

    private func request(_ method: String, _ name: String) -> WebDAVRequest {
        WebDAVRequest(
            what: put.what,
            method: method,
            name: "\(id)/\(name)",
            kind: method == "DELETE" ? .delete : .put,
            headers: [
                HTTPField(name: "Destination", value: put.connection.target.url(put.temporary)),
                HTTPField(name: "OC-Total-Length", value: "\(put.length)"),
            ],
            admission: put.admission
        )
    }

    private func lost(_ reply: HTTPReply) -> StorageError {
        let reason = "\(uploads.failures.host) answered \(reply.status): it does not know the upload any more"
        return uploads.failures.error(.unavailable, reason, put.what, .later, Lost())
    }
}
