internal import Digests
internal import HTTPClient
internal import Schema
internal import Storage
internal import XML

/// The upload of one large object in parts, which goes on where an earlier one stopped.
///
/// Parts that are on the service already are kept when their length and their MD5 are those of ours, whoever sent them.
/// A stopped upload stays there for the next try; one that cannot succeed is taken away.
struct S3Upload: Sendable {
    /// A part that the service has.
    private struct Part: Sendable {
        let number: Int
        let length: UInt64
        let etag: String
        /// The MD5 of our bytes.
        var md5: [UInt8] = []
        /// Whether the service's digest was compared with ours, and could not be what it was told with the bytes.
        var isProven = false
    }

    private typealias Outcome = Result<Part, StorageError>

    let connection: S3Connection
    let name: ObjectName
    let key: String
    let body: Body
    let ranges: [Range<UInt64>]
    /// Parts in flight.
    let concurrency: Int
    let places: Permits
    /// What the object is to have beside its bytes.
    let headers: [HTTPField]
    let admission: Admission
    /// Whether the last try may be followed by another one, from the beginning.
    private let mayBeginAnew = Locked(false)

    private var what: String { "Storing \(name)" }
    private static let mostPages = 100
    /// So many pending uploads of one name are looked into.
    private static let mostPending = 16

    /// Uploads what is missing and puts the parts together.
    ///
    /// Each request has its own tries, and what arrived is not sent again. Where somebody else ended the upload, or
    /// nobody knows whether it was begun, it begins anew.
    func run() async throws(StorageError) -> PutReceipt {
        try await connection.policy.repeating(mayRepeat: { mayBeginAnew.read { $0 } }) {
            () async throws(StorageError) in
            mayBeginAnew.change { $0 = false }
            do throws(StorageError) {
                return try await once()
            } catch  where (error.cause as? S3Fault)?.tellsOfLostUpload == true {
                mayBeginAnew.change { $0 = true }
                throw error.retried(.later)
            }
        }
    }

    private func once() async throws(StorageError) -> PutReceipt {
        let (id, present) = try await begin()
        do throws(StorageError) {
            let parts = try await send(to: id, present)
            return try await complete(id, parts)
        } catch {
            // Parts that stay are gone on with by the next try, or removed by whoever looks what became of this one.
            let isHopeless = error.retry == .never && error.code != .cancelled || error.code == .corrupt
            guard isHopeless, await abort(id) || error.code == .corrupt else { throw error.ofUnknownOutcome }
            throw error
        }
    }

    // MARK: Beginning

    /// The pending upload of this key that has the most parts of ours, or a new one.
    private func begin() async throws(StorageError) -> (id: String, present: [Int: Part]) {
        var best: (id: String, present: [Int: Part])?
        let all = try await connection.policy.run { () async throws(StorageError) in
            try await connection.pendingUploads(of: key, what)
        }
        for pending in all.prefix(Self.mostPending) {
            let parts: [Int: Part]
            do throws(StorageError) {
                parts = try await connection.policy.run { () async throws(StorageError) in
                    try await self.parts(of: pending.id)
                }
            } catch  where error.code != .cancelled {
                continue
            }
            guard best.map({ parts.count > $0.present.count }) ?? true else {
                // A young one may be somebody's who is still at it.
                if pending.isOld { _ = await abort(pending.id) }
                continue
            }
            if let best, pending.isOld { _ = await abort(best.id) }
            best = (pending.id, parts)
        }
        if let best { return best }
        do throws(StorageError) {
            return (try await connection.policy.once { () async throws(StorageError) in try await create() }, [:])
        } catch  where error.retry != .never {
            // It may have begun all the same: then the next look finds it.
            mayBeginAnew.change { $0 = true }
            throw error
        }
    }

    private func create() async throws(StorageError) -> String {
        var request = request("POST", [HTTPField(name: "uploads", value: "")])
        request.add("Content-Type", "application/octet-stream")
        request.headers += headers
        let reply = try await connection.success(request)
        guard let id = (try? parseXML(reply.body))?["UploadId"]?.text, !id.isEmpty, id.utf8.count <= 4096 else {
            throw connection.errors.error(.unexpected, "the service did not name the upload that it began", what)
        }
        return id
    }

    /// The parts of an upload that have the length of ours, by number.
    private func parts(of id: String) async throws(StorageError) -> [Int: Part] {
        var parts: [Int: Part] = [:]
        var marker: UInt64 = 0
        for _ in 0..<Self.mostPages {
            var query = [HTTPField(name: "uploadId", value: id)]
            if marker > 0 { query.append(HTTPField(name: "part-number-marker", value: String(marker))) }
            let reply = try await connection.success(request("GET", query))
            // The root's name is not looked at: moto has one of its own.
            guard let root = try? parseXML(reply.body) else { return parts }
            for element in root.children(named: "Part") {
                guard let number = element["PartNumber"].flatMap({ httpNumber($0.text) }).flatMap({ Int(exactly: $0) }),
                    ranges.indices.contains(number - 1), let length = element["Size"].flatMap({ httpNumber($0.text) }),
                    let etag = element["ETag"]?.text, length == ranges[number - 1].length
                else { continue }
                parts[number] = Part(number: number, length: length, etag: etag)
            }
            guard root["IsTruncated"]?.text == "true",
                let next = root["NextPartNumberMarker"].flatMap({ httpNumber($0.text) }), next > marker
            else { break }
            marker = next
        }
        return parts
    }

    // MARK: Parts

    /// Sends the parts that are missing, a few at a time; the first failure stops the others.
    private func send(to id: String, _ present: [Int: Part]) async throws(StorageError) -> [Part] {
        let result = await withTaskGroup(of: Outcome.self) { group in
            var next = 0
            func add() {
                guard next < ranges.count else { return }
                let number = next + 1
                next = number
                group.addTask { await outcome(number, present[number], id) }
            }
            for _ in 0..<concurrency { add() }
            var parts: [Part] = []
            while let outcome = await group.next() {
                switch outcome {
                case .success(let part):
                    parts.append(part)
                    add()
                case .failure(let error):
                    group.cancelAll()
                    return Result<[Part], StorageError>.failure(error)
                }
            }
            return .success(parts.sorted { $0.number < $1.number })
        }
        return try result.get()
    }

    private func outcome(_ number: Int, _ present: Part?, _ id: String) async -> Outcome {
        do throws(StorageError) {
            return .success(try await part(number, present, id))
        } catch {
            return .failure(error)
        }
    }

    /// Sends one part, unless it is there.
    private func part(_ number: Int, _ present: Part?, _ id: String) async throws(StorageError) -> Part {
        let permit = try await places.take()
        defer { permit.give() }
        let payload = try await S3Payload(
            body,
            ranges[number - 1],
            withSHA256: connection.target.signsPayload,
            withMD5: present != nil || connection.needsMD5
        )
        if let present, let md5 = payload.md5, S3Encoding.digest(etag: present.etag) == .md5(md5) {
            return Part(number: number, length: present.length, etag: present.etag, md5: md5)
        }
        let request = request(
            "PUT",
            [HTTPField(name: "partNumber", value: String(number)), HTTPField(name: "uploadId", value: id)]
        )
        let receipt = try await connection.policy.run { () async throws(StorageError) in
            try await payload.send(request, over: connection)
        }
        let (etag, md5) = (receipt.etag, receipt.md5)
        return Part(number: number, length: payload.length, etag: etag, md5: md5, isProven: receipt.proof != nil)
    }

    // MARK: End

    /// Puts the parts together and compares the digest of the whole.
    ///
    /// When the reply is lost, the object itself says whether it was done. An ETag of the whole that is another than
    /// ours proves nothing, for each part was compared; whoever needs a proof reads the object back.
    private func complete(_ id: String, _ parts: [Part]) async throws(StorageError) -> PutReceipt {
        let md5 = digest(.md5, of: parts.flatMap(\.md5))
        let wanted = ObjectDigest.md5OfParts(md5, parts: parts.count)
        // The digest of the whole can be computed from those that are sent now, so it proves what they prove.
        // Where none is, nobody knows whether the service takes parts without being told their digests.
        let sent = parts.compactMap(\.isProven)
        let isProven = !sent.isEmpty && sent.allSatisfy { $0 }
        var request = request("POST", [HTTPField(name: "uploadId", value: id)])
        request.add("Content-Type", "application/xml")
        let document = Self.document(parts)
        request.payloadHash = hex(digest(.sha256, of: document))
        request.body = .bytes(document)
        let prepared = request
        do throws(StorageError) {
            return try await connection.policy.run { () async throws(StorageError) in
                try await completed(prepared, wanted, isProven: isProven)
            }
        } catch  where error.retry != .never || (error.cause as? S3Fault)?.tellsOfLostUpload == true {
            // A try whose answer was lost may have done it, and then there is no upload any more.
            guard (try? await isStored(wanted)) == true else { throw error }
            return PutReceipt(proof: isProven ? wanted : nil)
        }
    }

    /// Sends the request that puts the parts together, and reads what the service says of that.
    private func completed(
        _ request: S3Request,
        _ wanted: ObjectDigest,
        isProven: Bool
    ) async throws(StorageError) -> PutReceipt {
        let reply = try await connection.success(request)
        // White space may go before the document to keep the connection alive.
        let text = Array(reply.body.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) })
        if let fault = S3Fault(text) {
            throw connection.errors.translate(
                what,
                status: fault.code == "InternalError" ? 500 : 400,
                headers: reply.headers,
                body: text,
                now: connection.now
            )
        }
        guard let root = try? parseXML(text), root.name == "CompleteMultipartUploadResult" else {
            throw connection.errors.error(
                .unavailable,
                "the service did not say whether it put the parts together",
                what,
                .later
            )
        }
        guard isProven else { return PutReceipt(proof: nil) }
        // Whoever lost a part may have computed the digest of all before; and radosgw gives it with the object only.
        let theirs = S3Encoding.digest(etag: root["ETag"]?.text)
        guard theirs == wanted || theirs == nil, let info = try? await connection.look(for: name, what).info,
            info.length == body.length, theirs == wanted || info.digest == wanted
        else { return PutReceipt(proof: nil) }
        return PutReceipt(proof: wanted)
    }

    /// Whether the object is there with the digest that it should have.
    private func isStored(_ wanted: ObjectDigest) async throws(StorageError) -> Bool {
        do throws(StorageError) {
            let info = try await connection.policy.run { () async throws(StorageError) in
                try await connection.look(for: name, what).info
            }
            return info.length == body.length && info.digest == wanted
        } catch  where error.code == .notFound {
            return false
        }
    }

    /// Takes away an upload and its parts; says whether the service said so.
    private func abort(_ id: String) async -> Bool {
        let ended: Void? = try? await connection.policy.run { () async throws(StorageError) in
            try await connection.endUpload(id, of: key, what, admission)
        }
        return ended != nil
    }

    private func request(_ method: String, _ query: [HTTPField]) -> S3Request {
        S3Request(
            what: what,
            method: method,
            key: key,
            query: query,
            admission: method == "GET" ? nil : admission
        )
    }

    private static func document(_ parts: [Part]) -> [UInt8] {
        var text = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        for part in parts {
            var etag = ""
            for character in part.etag {
                switch character {
                case "&": etag += "&amp;"
                case "<": etag += "&lt;"
                case ">": etag += "&gt;"
                default: etag.append(character)
                }
            }
            text += "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(etag)</ETag></Part>"
        }
        return Array((text + "</CompleteMultipartUpload>").utf8)
    }
}
