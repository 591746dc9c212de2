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
    /// Places for large bodies in memory, for all objects together.
    private let buffers: Permits

    init(_ connection: S3Connection, _ settings: S3Settings) throws(StorageError) {
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
        self.connection = connection
        storageClass = settings.storageClass
        concurrency = settings.uploadConcurrency
        buffers = Permits(max(8, concurrency))
        capabilities = connection.target.vendor.reportsUsage ? S3.capabilities : S3.capabilities.subtracting(.usage)
        limits = Limits(largestObject: 5 << 40, largestSinglePut: threshold, leastPart: part, mostParts: 10_000)
    }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        guard body.length <= limits.largestSinglePut else {
            let upload = S3Upload(
                connection: connection,
                name: name,
                key: key(name),
                body: body,
                ranges: limits.parts(for: body.length),
                concurrency: concurrency,
                buffers: buffers,
                headers: storageHeaders
            )
            return try await upload.run()
        }
        let permit = body.length > 1 << 20 ? try await buffers.take() : nil
        defer { permit?.give() }
        let payload = try await S3Payload.read(body, 0..<body.length, withSHA256: connection.target.needsSHA256)
        var request = request("Storing", "PUT", name)
        request.add("Content-Type", "application/octet-stream")
        request.headers += storageHeaders
        payload.attach(to: &request, for: connection.target)
        let reply = try await connection.success(request)
        return PutReceipt(proof: try payload.proof(in: reply, request, connection.errors))
    }

    func get(_ name: ObjectName, _ range: Range<UInt64>?) async throws(StorageError) -> any ByteStream {
        if let range, range.isEmpty {
            _ = try await stat(name)
            return Body([]).open()
        }
        var request = request("Reading", "GET", name)
        if let range {
            let last = range.upperBound > UInt64(Int64.max) ? "" : String(range.upperBound - 1)
            request.add("Range", "bytes=\(range.lowerBound)-\(last)")
        }
        guard let download = try await connection.download(request) else { return Body([]).open() }
        let window = try S3Window(download, asked: range, request.what, connection.errors)
        return S3Download(body: download.body, window: window, what: request.what, errors: connection.errors)
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        let request = request("Looking for", "HEAD", name)
        let reply = try await connection.exchange(request)
        guard reply.status == 200 else {
            throw [400, 403].contains(reply.status)
                ? try await explanation(request, reply) : await connection.failure(request, reply)
        }
        guard let length = reply.headers.contentLength else {
            throw connection.errors.error(.unexpected, "the service does not say how long it is", request.what)
        }
        return ObjectInfo(
            name: name,
            length: length,
            modified: reply.headers["Last-Modified"].flatMap(S3Encoding.date),
            digest: S3Payload.hidesDigests(reply.headers) ? nil : S3Encoding.digest(etag: reply.headers["ETag"])
        )
    }

    func list(_ prefix: String) -> any ObjectStream {
        S3Listing(connection: connection, prefix: prefix).pages
    }

    func delete(_ name: ObjectName) async throws(StorageError) {
        do throws(StorageError) {
            _ = try await connection.success(request("Removing", "DELETE", name))
        } catch  where error.code == .notFound {
            return
        }
    }

    /// What radosgw adds to its answer about a bucket.
    func usage() async throws(StorageError) -> Usage {
        let request = S3Request(what: "Asking how much is stored", method: "HEAD")
        let headers = try await connection.success(request).headers
        func number(_ name: String) -> UInt64? { headers[name].flatMap { UInt64($0) } }
        let used = number("x-rgw-bytes-used")
        let quota = number("x-rgw-quota-bucket-size")
        let free = used.flatMap { used in quota.map { $0 > used ? $0 - used : 0 } }
        return Usage(used: used, free: free, objects: number("x-rgw-object-count"))
    }

    /// The reason that a reply to HEAD has no room for, from asking for one byte.
    private func explanation(_ request: S3Request, _ reply: HTTPReply) async throws(StorageError) -> StorageError {
        var again = S3Request(what: request.what, method: "GET", key: request.key)
        again.add("Range", "bytes=0-0")
        guard try await connection.download(again) == nil else { return await connection.failure(request, reply) }
        return await connection.failure(request, reply)
    }

    private func key(_ name: ObjectName) -> String { connection.target.prefix + name.text }

    private func request(_ verb: String, _ method: String, _ name: ObjectName) -> S3Request {
        S3Request(what: "\(verb) \(name)", method: method, key: key(name))
    }

    private var storageHeaders: [HTTPField] {
        storageClass.isEmpty ? [] : [HTTPField(name: "x-amz-storage-class", value: storageClass)]
    }
}
