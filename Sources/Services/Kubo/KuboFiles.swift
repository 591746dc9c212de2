internal import Digests
internal import HTTPClient
internal import Multiformats
internal import Schema
internal import Storage

/// Named bytes in one folder of a node's files (MFS): what homes leave of themselves.
///
/// Each object is a file of that folder, whose name is the object's with its slashes escaped: nothing stands in the way
/// of a name, and a list is one request. A file is known by its CID: it is read by that, so a read is of one version,
/// and up to a MiB the CID has the SHA-256 of the bytes in it.
struct KuboFiles: StorageService {
    let capabilities = Kubo.objects
    let limits = Limits()
    private let node: KuboNode
    /// Whether the folder was seen to be there.
    private let isMade = Locked(false)

    init(_ node: KuboNode) { self.node = node }

    private var connection: NodeConnection { node.connection }
    private var policy: CallPolicy { connection.policy }

    /// What the node says of a file.
    private struct Entry {
        let cid: CID
        let size: UInt64

        var version: ObjectVersion { ObjectVersion("\(cid)") }

        /// A file of one block is known by the hash of its bytes.
        var digest: ObjectDigest? { KuboFiles.digest(of: cid) }
    }

    private static func digest(of cid: CID) -> ObjectDigest? {
        cid.codec == .raw && cid.hash.code == .sha256 ? .sha256(Array(cid.hash.digest)) : nil
    }

    // MARK: Storing

    /// Adds the bytes under a hidden name, gives them theirs, and looks that they have it.
    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        let admission = policy.admission(.put(name))
        return try await policy.run { () async throws(StorageError) in
            try await makeFolder(for: name, admission)
            let hidden = "\(node.target.folder)/.\(Self.fileName(of: name)).\(hex(randomBytes(8))).part"
            do throws(StorageError) {
                return try await write(body, to: hidden, as: name, admission)
            } catch {
                isMade.change { $0 = false }
                throw error
            }
        }
    }

    private func write(
        _ body: Body,
        to hidden: String,
        as name: ObjectName,
        _ admission: Admission
    ) async throws(StorageError) -> PutReceipt {
        let cid = try await add(body, to: hidden, "Storing \(name)", admission)
        do throws(StorageError) {
            let proof = try await proof(cid, of: body, name)
            try await move(hidden, to: name, cid, admission)
            return PutReceipt(proof: proof)
        } catch {
            throw await error.cleaning { () async throws(StorageError) in
                try await erase(hidden, "Storing \(name)", admission)
            }
        }
    }

    private func makeFolder(for name: ObjectName, _ admission: Admission) async throws(StorageError) {
        guard !isMade.read({ $0 }) else { return }
        var request = request("Storing \(name)", "files/mkdir", [node.target.folder], .put)
        request.options = [("parents", "true")]
        request.admission = admission
        _ = try await connection.values(request)
        isMade.change { $0 = true }
    }

    /// The CID that the node gives what it got.
    private func add(
        _ body: Body,
        to path: String,
        _ what: String,
        _ admission: Admission
    ) async throws(StorageError) -> CID {
        var request = request(what, "add", [], .put)
        request.options = [
            ("cid-version", "1"), ("raw-leaves", "true"), ("hash", "sha2-256"), ("chunker", "size-1048576"),
            ("pin", "false"), ("to-files", path),
        ]
        request.admission = admission
        request.file = MultipartBody(policy.pacing(body), name: "object")
        let values = try await connection.values(request)
        guard let cid = values.last?["Hash"]?.string.flatMap({ try? CID($0) }) else {
            throw connection.errors.foreign(request)
        }
        return cid
    }

    /// The digest of the bytes that the node has, compared with ours; nil where its CID says nothing of it.
    private func proof(_ cid: CID, of body: Body, _ name: ObjectName) async throws(StorageError) -> ObjectDigest? {
        guard let digest = Self.digest(of: cid) else { return nil }
        let own = if let known = body.sha256 { known } else { try await body.digest(.sha256) }
        guard digest == .sha256(own) else {
            throw StorageError(
                .corrupt,
                "Storing \(name) failed: the bytes were changed on their way.",
                retry: .later
            )
        }
        return digest
    }

    /// Gives a file its name, which nothing but a look shows: the answer has no words.
    private func move(
        _ hidden: String,
        to name: ObjectName,
        _ cid: CID,
        _ admission: Admission
    ) async throws(StorageError) {
        var request = request("Storing \(name)", "files/mv", [hidden, path(of: name)], .put)
        request.admission = admission
        _ = try await connection.values(request)
        let found: CID?
        do throws(StorageError) {
            found = try await entry(at: path(of: name), request.what).cid
        } catch {
            // Into a folder it was moved under its hidden name.
            if error.code == .exists {
                let stray = path(of: name) + hidden.dropFirst(node.target.folder.count)
                try? await erase(stray, request.what, admission)
            }
            guard error.code == .notFound else { throw error.ofUnknownOutcome }
            found = nil
        }
        guard found != cid else { return }
        // Somebody else may have replaced or removed it since; then the hidden name is gone all the same.
        do throws(StorageError) {
            _ = try await entry(at: hidden, request.what)
        } catch {
            guard error.code == .notFound else { throw error.ofUnknownOutcome }
            return
        }
        throw connection.errors.foreign(request, "the file did not get its name")
    }

    // MARK: Reading

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        try await policy.read(name.text, range, version: version, hasRanges: true) {
            (range, _) async throws(StorageError) in
            try await open(name, range)
        }
    }

    /// What has the name now; the policy compares its version with the one that is to be read.
    private func open(_ name: ObjectName, _ range: Range<UInt64>?) async throws(StorageError) -> OpenObject {
        let what = "Reading \(name)"
        let entry = try await entry(at: path(of: name), what)
        let part = (range ?? 0..<entry.size).clamped(to: 0..<entry.size)
        guard !part.isEmpty else { return OpenObject(Body([]).open(), length: entry.size, version: entry.version) }
        var request = request(what, "cat", ["/ipfs/\(entry.cid)"], .get)
        request.options = [("offline", "true"), ("offset", "\(part.lowerBound)"), ("length", "\(part.length)")]
        // A file of which blocks are gone is damaged, and not missing.
        request.subject = nil
        let (headers, stream) = try await connection.open(request, mark: "X-Stream-Output")
        if let told = headers["X-Content-Length"], httpNumber(told) != part.length {
            throw connection.errors.foreign(request, "the node gives other bytes than were asked for")
        }
        return OpenObject(policy.pacing(stream), length: entry.size, version: entry.version)
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        let found = try await policy.run { () async throws(StorageError) -> Entry in
            try await entry(at: path(of: name), "Looking for \(name)")
        }
        let api = node.target.api
        return ObjectInfo(
            name: name,
            length: found.size,
            digest: found.digest,
            place: "\(api.host)\(api.path)\(path(of: name))"
        )
    }

    private func entry(at path: String, _ what: String) async throws(StorageError) -> Entry {
        let request = request(what, "files/stat", [path], .stat)
        let value = try await connection.value(request)
        guard let cid = value["Hash"]?.string.flatMap({ try? CID($0) }), let kind = value["Type"]?.string,
            let size = value["Size"]?.natural
        else { throw connection.errors.foreign(request) }
        guard kind == "file" else { throw connection.errors.said(request, "\(path) is a directory") }
        return Entry(cid: cid, size: size)
    }

    func list(_ prefix: String) -> any ObjectStream {
        Pulled {
            let isOver = Locked(false)
            return { () async throws(StorageError) in
                guard !isOver.read({ $0 }) else { return nil }
                let what = prefix.isEmpty ? "Listing the objects" : "Listing the objects under \(prefix)"
                let found = try await policy.run { () async throws(StorageError) in try await rows(what) }
                isOver.change { $0 = true }
                return found.compactMap { info($0) }.filter { $0.name.text.hasPrefix(prefix) }
            }
        }
    }

    /// What is in the folder; nothing where the node says that there is none.
    private func rows(_ what: String) async throws(StorageError) -> [JSON] {
        var request = request(what, "files/ls", [node.target.folder], .page)
        request.options = [("long", "true")]
        do throws(StorageError) {
            switch try await connection.value(request)["Entries"] {
            case .array(let rows): return rows
            case .null: return []
            default: throw connection.errors.foreign(request)
            }
        } catch  where error.code == .notFound {
            return []
        }
    }

    /// The object that a row of a list is; nil for what is none of ours.
    private func info(_ row: JSON) -> ObjectInfo? {
        guard row["Type"] == .integer(0), let text = row["Name"]?.string, let name = Self.name(of: text) else {
            return nil
        }
        let cid = row["Hash"]?.string.flatMap { try? CID($0) }
        return ObjectInfo(name: name, length: row["Size"]?.natural, digest: cid.flatMap { Self.digest(of: $0) })
    }

    /// That of the node as a whole.
    func usage(mayWalk: Bool) async throws(StorageError) -> Usage { try await node.usage() }

    // MARK: Removing

    func delete(_ name: ObjectName) async throws(StorageError) {
        let admission = policy.admission(.delete(name))
        try await policy.run { () async throws(StorageError) in
            try await erase(path(of: name), "Removing \(name)", admission)
        }
    }

    /// What stopped uploads left of a name has it in its own.
    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        let what = "Removing what stopped uploads of \(name) left"
        let admission = policy.admission(.clear(name))
        let (start, end) = (".\(Self.fileName(of: name)).", ".part")
        try await policy.run { () async throws(StorageError) in
            for row in try await rows(what) {
                guard let text = row["Name"]?.string, text.hasPrefix(start), text.hasSuffix(end),
                    text.utf8.count == start.utf8.count + 16 + end.utf8.count
                else { continue }
                try await erase("\(node.target.folder)/\(text)", what, admission)
            }
        }
    }

    /// Removes a file, and looks that it is gone: the answer has no words, or says that it was not there.
    private func erase(_ path: String, _ what: String, _ admission: Admission) async throws(StorageError) {
        var request = request(what, "files/rm", [path], .delete)
        request.admission = admission
        var failure: StorageError?
        do throws(StorageError) {
            _ = try await connection.values(request)
        } catch {
            // Whether it was sent or not, only what the node says itself is worth a look.
            guard error.cause == nil, error.code != .cancelled, error.code != .superseded else { throw error }
            failure = error
        }
        do throws(StorageError) {
            _ = try await entry(at: path, what)
        } catch {
            guard error.code == .notFound else { throw error.ofUnknownOutcome }
            return
        }
        throw failure ?? connection.errors.foreign(request, "the file is there still")
    }

    // MARK: Names

    /// Slashes are escaped, so that the folder has no others in it.
    private static func fileName(of name: ObjectName) -> String { HTTPText.escaped(name.text) }

    private static func name(of file: String) -> ObjectName? {
        guard let text = HTTPText.unescaped(file), let name = ObjectName(text), fileName(of: name) == file else {
            return nil
        }
        return name
    }

    private func path(of name: ObjectName) -> String { "\(node.target.folder)/\(Self.fileName(of: name))" }

    private func request(_ what: String, _ command: String, _ arguments: [String], _ kind: CallKind) -> NodeRequest {
        NodeRequest(what: what, command: command, arguments: arguments, subject: .file, kind: kind)
    }
}
