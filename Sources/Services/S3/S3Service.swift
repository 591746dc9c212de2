internal import Digests
internal import HTTPClient
internal import Schema
internal import Storage

/// One bucket, or what is in it under a prefix.
struct S3Service: StorageService {
    let capabilities: Capabilities
    let limits: Limits
    private let connection: S3Connection
    private let storageClass: String
    private let concurrency: Int
    /// Places for large bodies on their way, for all objects together.
    private let places: Permits

    /// Throws where uploads cannot be divided as the settings say.
    static func check(_ settings: S3Settings) throws(StorageError) {
        let part = settings.partSize.bytes
        let threshold = settings.multipartThreshold.bytes
        guard (5 << 20...1 << 30).contains(part), (1 << 10...1 << 30).contains(threshold) else {
            throw StorageError(
                .badSettings,
                "connection.part_size must lie between 5MiB and 1GiB, and connection.multipart_threshold between 1KiB "
                    + "and 1GiB."
            )
        }
        guard (1...64).contains(settings.uploadConcurrency) else {
            throw StorageError(.badSettings, "connection.upload_concurrency must lie between 1 and 64.")
        }
    }

    init(_ connection: S3Connection, _ settings: S3Settings) throws(StorageError) {
        try Self.check(settings)
        self.connection = connection
        storageClass = settings.storageClass
        concurrency = settings.uploadConcurrency
        places = Permits(concurrency)
        capabilities = connection.target.vendor.reportsUsage ? S3.capabilities : S3.capabilities.subtracting(.usage)
        limits = Limits(
            largestObject: 5 << 40,
            largestSinglePut: settings.multipartThreshold.bytes,
            leastPart: settings.partSize.bytes,
            mostParts: 10_000
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
                headers: storageHeaders,
                admission: connection.policy.admission(.put(name))
            )
            return try await PartedUpload(upload, concurrency: concurrency, places: places).run()
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
        request.headers += storageHeaders
        let prepared = request
        return try await connection.policy.run { () async throws(StorageError) in
            PutReceipt(proof: try await connection.send(payload, prepared).proof)
        }
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        try await connection.policy.read(name.text, range, version: version, hasRanges: true) {
            (range, version) async throws(StorageError) in
            try await open(name, range, version: version)
        }
    }

    private func open(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        var request = request("Reading", "GET", name)
        let read = HTTPRead(
            name: name,
            range: range,
            version: version,
            what: request.what,
            failures: connection.errors.http,
            policy: connection.policy,
            look: { [what = request.what] () async throws(StorageError) in
                let object = try await connection.look(for: name, what)
                return (object.length, object.version)
            }
        )
        if range?.isEmpty == true { return try await read.nothing(at: nil) }
        request.headers += read.fields
        switch try await connection.download(request) {
        case .object(let download): return try await read.object(download)
        case .outside: return try await read.nothing(at: range?.lowerBound ?? 0)
        }
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await connection.policy.run { () async throws(StorageError) in
            try await connection.look(for: name, "Looking for \(name)").info
        }
    }

    func list(_ prefix: String) -> any ObjectStream {
        S3Listing(connection: connection, prefix: prefix).pages
    }

    func delete(_ name: ObjectName) async throws(StorageError) {
        try await connection.policy.run { () async throws(StorageError) in try await remove(name) }
    }

    /// Removed is what the service says it removed, or says in its own words is not there.
    private func remove(_ name: ObjectName) async throws(StorageError) {
        var request = request("Removing", "DELETE", name)
        request.admission = connection.policy.admission(.delete(name))
        let reply = try await connection.exchange(request)
        if reply.status == 204 || reply.status == 200 && S3Connection.isPlainSuccess(reply) { return }
        let error =
            (200..<300).contains(reply.status)
            ? connection.errors.http.foreign(request.what, "the service did not say that it is gone")
            : await connection.failure(request, reply)
        guard reply.status == 404 else { throw error }
        guard error.code != .notFound else { return }
        do throws(StorageError) {
            _ = try await connection.look(for: name, request.what)
        } catch  where error.code == .notFound {
            return
        } catch {}
        throw error
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
    func usage() async throws(StorageError) -> Usage {
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

    private var storageHeaders: [HTTPField] {
        storageClass.isEmpty ? [] : [HTTPField(name: "x-amz-storage-class", value: storageClass)]
    }
}
