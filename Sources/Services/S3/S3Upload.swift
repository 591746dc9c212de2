internal import Digests
internal import HTTPClient
internal import Schema
internal import Storage
internal import XML

/// How a bucket takes one object in parts.
///
/// A part that is there is kept when its length and its MD5 are those of ours.
struct S3Upload: PartTaker {
    /// A part that the service has.
    struct Part: Sendable {
        let number: Int
        let length: UInt64
        let etag: String
        /// The MD5 of our bytes.
        var md5: [UInt8] = []
        /// Whether the service's digest was compared with ours, and could not be what it was told with the bytes.
        var isProven = false
    }

    let connection: S3Connection
    let name: ObjectName
    let key: String
    let body: Body
    let ranges: [Range<UInt64>]
    /// What the object is to have beside its bytes.
    let headers: [HTTPField]
    let admission: Admission

    var policy: CallPolicy { connection.policy }
    var count: Int { ranges.count }
    private var what: String { "Storing \(name)" }
    private static let maxPages = 100

    /// What was begun before has other metadata, and is locked otherwise or not at all.
    func pending() async throws(StorageError) -> [PendingUpload] {
        AmazonHeaders.areOfObject(headers) ? [] : try await connection.pendingUploads(of: key, what)
    }

    func end(_ id: String) async throws(StorageError) { try await connection.endUpload(id, of: key, what, admission) }

    func tellsOfLoss(_ error: StorageError) -> Bool { error.tellsOfLostUpload }

    func begin() async throws(StorageError) -> String {
        var request = request("POST", [HTTPField(name: "uploads", value: "")])
        request.add("Content-Type", "application/octet-stream")
        request.headers += headers
        let reply = try await connection.success(request)
        guard let id = (try? parseXML(reply.body))?["UploadId"]?.text, !id.isEmpty, id.utf8.count <= 4096 else {
            throw connection.failures.error(.unexpected, "the service did not name the upload that it began", what)
        }
        return id
    }

    /// The parts of an upload that have the length of ours, by number.
    func parts(of id: String) async throws(StorageError) -> [Int: Part] {
        var parts: [Int: Part] = [:]
        var marker: UInt64 = 0
        for _ in 0..<Self.maxPages {
            var query = [HTTPField(name: "uploadId", value: id)]
            if marker > 0 { query.append(HTTPField(name: "part-number-marker", value: String(marker))) }
            let reply = try await connection.success(request("GET", query))
            // The root's name is not looked at: moto has one of its own.
            guard let root = try? parseXML(reply.body) else { return parts }
            for element in root.children(named: "Part") {
                guard let number = element.number("PartNumber").flatMap({ Int(exactly: $0) }),
                    ranges.indices.contains(number - 1), let etag = element["ETag"]?.text,
                    let length = element.number("Size"), length == ranges[number - 1].length
                else { continue }
                parts[number] = Part(number: number, length: length, etag: etag)
            }
            guard root["IsTruncated"]?.text == "true", let next = root.number("NextPartNumberMarker"), next > marker
            else { break }
            marker = next
        }
        return parts
    }

    func send(_ number: Int, _ present: Part?, to id: String) async throws(StorageError) -> Part {
        let payload = try await UploadBytes(
            body,
            ranges[number - 1],
            withSHA256: connection.target.signsPayload,
            withMD5: present != nil || connection.needsMD5
        )
        if let present, let md5 = payload.md5, ETagDigest.digest(etag: present.etag) == .md5(md5) {
            return Part(number: number, length: present.length, etag: present.etag, md5: md5)
        }
        let request = request(
            "PUT",
            [HTTPField(name: "partNumber", value: String(number)), HTTPField(name: "uploadId", value: id)]
        )
        let receipt = try await policy.run { () async throws(StorageError) in
            try await connection.send(payload, request)
        }
        let isProven = receipt.proof != nil
        return Part(number: number, length: payload.length, etag: receipt.etag, md5: receipt.md5, isProven: isProven)
    }

    // MARK: End

    /// The digest that the whole is to have, and whether the service has proven it when it says so.
    private func wanted(_ parts: [Part]) -> (digest: ObjectDigest, isProven: Bool) {
        // The digest of the whole can be computed from those that are sent now, so it proves what they prove.
        // Where none is, nobody knows whether the service takes parts without being told their digests.
        let isProven = !parts.isEmpty && parts.allSatisfy(\.isProven)
        return (.md5OfParts(digest(.md5, of: parts.flatMap(\.md5)), parts: parts.count), isProven)
    }

    /// Puts the parts together and compares the digest of the whole.
    ///
    /// An ETag of the whole that is another than ours proves nothing, for each part was compared; whoever needs a proof
    /// reads the object back.
    func complete(_ id: String, _ parts: [Part]) async throws(StorageError) -> PutReceipt {
        let (wanted, isProven) = wanted(parts)
        var request = request("POST", [HTTPField(name: "uploadId", value: id)])
        request.add("Content-Type", "application/xml")
        let document = Self.document(parts)
        request.payloadHash = hex(digest(.sha256, of: document))
        request.body = .bytes(document)
        let reply = try await connection.success(request)
        let text = HTTPFailures.document(reply.body)
        if let fault = XMLFault(text) {
            let status = fault.code == "InternalError" ? 500 : 400
            let failed = HTTPReply(status: status, headers: reply.headers, body: text)
            throw connection.errors.translate(what, failed, now: connection.now)
        }
        guard let root = try? parseXML(text), root.name == "CompleteMultipartUploadResult" else {
            throw connection.failures.error(
                .unavailable,
                "the service did not say whether it put the parts together",
                what,
                .later
            )
        }
        guard isProven else { return PutReceipt(proof: nil) }
        // Whoever lost a part may have computed the digest of all before; and radosgw gives it with the object only.
        let theirs = ETagDigest.digest(etag: root["ETag"]?.text)
        guard theirs == wanted || theirs == nil, let info = try? await connection.look(for: name, what).info,
            info.length == body.length, theirs == wanted || info.digest == wanted
        else { return PutReceipt(proof: nil) }
        return PutReceipt(proof: wanted)
    }

    /// The object is that of the parts where it has the digest that it should have.
    func completed(_ parts: [Part]) async throws(StorageError) -> PutReceipt? {
        let (wanted, isProven) = wanted(parts)
        let info = try await connection.look(for: name, what).info
        let isOurs = info.length == body.length && info.digest == wanted
        return isOurs ? PutReceipt(proof: isProven ? wanted : nil) : nil
    }

    private func request(_ method: String, _ query: [HTTPField]) -> S3Request {
        S3Request(what: what, method: method, key: key, query: query, admission: method == "GET" ? nil : admission)
    }

    private static func document(_ parts: [Part]) -> [UInt8] {
        let list = parts.map { "<Part><PartNumber>\($0.number)</PartNumber><ETag>\(xmlText($0.etag))</ETag></Part>" }
        let space = "http://s3.amazonaws.com/doc/2006-03-01/"
        return Array("<CompleteMultipartUpload xmlns=\"\(space)\">\(list.joined())</CompleteMultipartUpload>".utf8)
    }
}
