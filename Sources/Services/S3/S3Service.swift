internal import Digests
internal import HTTPClient
internal import Schema
internal import Storage

/// One bucket, or what is in it under a prefix.
struct S3Service: StorageService {
    let capabilities: Capabilities
    let limits: Limits
    private let connection: S3Connection
    private let settings: S3Settings
    private let recall: S3Recall
    private let concurrency: Int
    /// Places for large bodies on their way, for all objects together.
    private let places: Permits

    init(_ connection: S3Connection, _ settings: S3Settings) throws(StorageError) {
        try settings.parts.check()
        self.connection = connection
        self.settings = settings
        recall = S3Recall(connection: connection, days: settings.restoreDays, tier: settings.restoreTier)
        concurrency = settings.parts.concurrency
        places = Permits(concurrency)
        let powers = S3.capabilities(of: settings)
        capabilities = connection.target.vendor.reportsUsage ? powers : powers.subtracting(.usage)
        limits = Limits(
            largestObject: 5 << 40,
            largestSinglePut: settings.parts.threshold.bytes,
            minPart: settings.parts.size.bytes,
            maxParts: 10_000,
            isArchive: ["GLACIER", "DEEP_ARCHIVE"].contains(settings.storageClass)
        )
    }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        guard body.length <= limits.largestSinglePut else {
            let upload = S3Upload(
                connection: connection,
                name: name,
                key: key(name),
                body: connection.policy.pacing(body),
                ranges: limits.parts(for: body.length),
                headers: headers(name, body),
                admission: connection.policy.admission(.put(name))
            )
            let receipt = try await PartedUpload(upload, concurrency: concurrency, places: places).run()
            try await connection.expectLock(of: name, upload.headers)
            return receipt
        }
        let permit = body.length > UploadBytes.few ? try await places.take() : nil
        defer { permit?.give() }
        let payload = try await UploadBytes(
            connection.policy.pacing(body),
            0..<body.length,
            withSHA256: connection.target.needsSHA256,
            withMD5: connection.needsMD5
        )
        var request = request("Storing", "PUT", name)
        request.admission = connection.policy.admission(.put(name))
        request.add("Content-Type", "application/octet-stream")
        request.headers += headers(name, body)
        let prepared = request
        let receipt = try await connection.policy.run { () async throws(StorageError) in
            PutReceipt(proof: try await connection.send(payload, prepared).proof)
        }
        try await connection.expectLock(of: name, prepared.headers)
        return receipt
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        do throws(StorageError) {
            return try await connection.policy.read(name.text, range, version: version, hasRanges: true) {
                (range, version) async throws(StorageError) in try await connection.open(name, range, version: version)
            }
        } catch {
            // Said out here, the time to come again is that of this object, and keeps nobody from the others.
            throw await recall.told(error, of: name)
        }
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await connection.policy.run { () async throws(StorageError) in
            try await connection.look(for: name, "Looking for \(name)").info
        }
    }

    func versions(of name: ObjectName) -> any VersionStream { connection.versions(of: name).pages }

    func get(_ name: ObjectName, _ range: Range<UInt64>?, kept id: String) async throws(StorageError) -> OpenObject {
        try await asking(name, id) { (kept) async throws(StorageError) in
            try await kept.policy.read(name.text, range, version: nil, hasRanges: true) {
                (range, version) async throws(StorageError) in try await kept.open(name, range, version: version)
            }
        }
    }

    func stat(_ name: ObjectName, kept id: String) async throws(StorageError) -> ObjectInfo {
        try await asking(name, id) { (kept) async throws(StorageError) in
            try await kept.policy.run { () async throws(StorageError) in
                try await kept.look(for: name, "Looking for the version \(id) of \(name)").info
            }
        }
    }

    private func asking<Value>(
        _ name: ObjectName,
        _ id: String,
        _ work: (S3Connection) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        var kept = connection
        kept.keptVersion = id
        do throws(StorageError) {
            return try await work(kept)
        } catch {
            throw await connection.versions(of: name).told(error, of: id)
        }
    }

    func list(_ prefix: String) -> any ObjectStream { S3Listing(connection: connection, prefix: prefix).pages }

    func delete(_ name: ObjectName) async throws(StorageError) {
        try await connection.policy.run { () async throws(StorageError) in try await remove(name) }
    }

    /// Removed is what the service says it removed, or says in its own words is not there.
    private func remove(_ name: ObjectName) async throws(StorageError) {
        var request = request("Removing", "DELETE", name)
        request.admission = connection.policy.admission(.delete(name))
        let reply = try await connection.exchange(request)
        if reply.status == 204 || reply.status == 200 && HTTPFailures.isPlainSuccess(reply) {
            // What was there stays, behind a version that says that it was removed.
            if reply.headers["x-amz-delete-marker"] == "true" { connection.policy.meter.add { $0.hidden += 1 } }
            return
        }
        let error =
            (200..<300).contains(reply.status)
            ? connection.failures.foreign(request.what, "the service did not say that it is gone")
            : await connection.failure(request, reply)
        if error.code == .permissionDenied, let lock = (try? await connection.look(for: name, request.what))?.info.lock,
            lock.lasts(at: connection.now)
        {
            throw error.saying("\(error.message.dropLast()), and it is \(lock.words).")
        }
        guard reply.status == 404 else { throw error }
        guard error.code != .notFound else { return }
        do throws(StorageError) {
            _ = try await connection.look(for: name, request.what)
        } catch  where error.code == .notFound {
            return
        } catch {}
        throw error
    }

    func url(_ name: ObjectName, until end: Timestamp) async throws(StorageError) -> String {
        try connection.url(name, until: end)
    }

    /// What was sent in parts is gone on with by the next upload.
    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        guard !mayResume else { return }
        let what = "Removing what stopped uploads of \(name) left"
        try await connection.policy.run { () async throws(StorageError) in
            try await connection.endUploads(of: key(name), what, connection.policy.admission(.clear(name)))
        }
    }

    /// What radosgw adds to its answer about a bucket.
    func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        let request = S3Request(what: "Asking how much is stored", method: "HEAD")
        let headers = try await connection.policy.run { () async throws(StorageError) in
            try await connection.success(request).headers
        }
        func number(_ name: String) -> UInt64? { headers[name].flatMap { httpNumber($0) } }
        let used = number("x-rgw-bytes-used")
        let quota = number("x-rgw-quota-bucket-size")
        let free = used.flatMap { used in quota.map { $0 > used ? $0 - used : 0 } }
        return Usage(used: used, free: free, objects: number("x-rgw-object-count"))
    }

    private func key(_ name: ObjectName) -> String { connection.target.prefix + name.text }

    private func request(_ verb: String, _ method: String, _ name: ObjectName) -> S3Request {
        S3Request(what: "\(verb) \(name)", method: method, key: key(name))
    }

    /// What an object is to have beside its bytes.
    ///
    /// In an archive are CARs alone: what homes leave of themselves is read by each sync, and an index before its CAR.
    /// What a test leaves for a moment is not locked.
    private func headers(_ name: ObjectName, _ body: Body) -> [HTTPField] {
        var fields = AmazonHeaders.fields(body.metadata)
        if !settings.storageClass.isEmpty, !limits.isArchive || CARName.isCAR(name) {
            fields.append(HTTPField(name: "x-amz-storage-class", value: settings.storageClass))
        }
        guard settings.objectLock != .off, !name.isPassing else { return fields }
        return fields
            + AmazonHeaders.lock(settings.objectLock.rawValue, days: settings.lockDays, from: connection.now)
    }
}
