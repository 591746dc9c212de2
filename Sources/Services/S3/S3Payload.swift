internal import Digests
internal import HTTPClient
internal import Storage
internal import XML

/// Bytes to be sent, in memory, with their digests.
struct S3Payload: Sendable {
    let bytes: [UInt8]
    let md5: [UInt8]
    let sha256: [UInt8]?

    /// Reads a part of a body; throws `corrupt` when it gives another number of bytes.
    @concurrent
    static func read(
        _ body: Body,
        _ range: Range<UInt64>,
        withSHA256: Bool
    ) async throws(StorageError) -> S3Payload {
        let count = Int(range.count)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        var md5 = RunningHash(.md5)
        var sha256 = RunningHash(.sha256)
        let known = range == 0..<body.length ? body.sha256 : nil
        for try await chunk in body.open(range) {
            guard bytes.count + chunk.count <= count else {
                throw StorageError(.corrupt, "The source gave more than the \(count) bytes that were expected.")
            }
            md5.update(chunk)
            if withSHA256, known == nil { sha256.update(chunk) }
            bytes += chunk
        }
        try StorageError.checkCancellation()
        guard bytes.count == count else {
            throw StorageError(.corrupt, "The source gave \(bytes.count) bytes where \(count) were expected.")
        }
        return S3Payload(bytes: bytes, md5: md5.digest(), sha256: withSHA256 ? known ?? sha256.digest() : nil)
    }

    /// Sends this as the body of a request, and gives the ETag and what it proves.
    ///
    /// The MD5 is kept back, for the service to compute it: one that was sent along proves nothing when it comes back.
    /// What is changed on its way is seen by TLS, or by the SHA-256 in the signature. A bucket of locked objects may
    /// want the MD5 all the same; then there is no proof.
    func send(
        _ request: S3Request,
        over connection: S3Connection
    ) async throws(StorageError) -> (etag: String, proof: ObjectDigest?) {
        var request = request
        attach(to: &request, for: connection.target)
        var isMD5Sent = connection.needsMD5
        if isMD5Sent { request.add("Content-MD5", HTTPText.base64(md5)) }
        var reply = try await connection.exchange(request)
        if !isMD5Sent, connection.learnMD5(reply) {
            isMD5Sent = true
            request.add("Content-MD5", HTTPText.base64(md5))
            reply = try await connection.exchange(request)
        }
        guard (200..<300).contains(reply.status) else { throw await connection.failure(request, reply) }
        guard let etag = reply.headers["ETag"], (1...1024).contains(etag.utf8.count),
            Self.isPlainSuccess(reply, connection.errors)
        else {
            let error = await connection.failure(request, reply)
            throw S3Fault(reply.body) != nil || connection.errors.isPage(reply.headers, reply.body)
                ? error : connection.errors.foreign(request.what, "the service did not say that it has it")
        }
        let proof = try proof(etag, reply.headers, request, connection.errors)
        // What was only accepted is read back, as is what nobody says a digest of.
        return (etag, isMD5Sent || ![200, 201].contains(reply.status) ? nil : proof)
    }

    /// Makes this the body of a request, with the digests by which the service can check it.
    func attach(to request: inout S3Request, for target: S3Target) {
        request.body = bytes
        request.payloadHash = S3Signer.unsignedPayload
        guard let sha256 else { return }
        if target.signsPayload { request.payloadHash = hex(sha256) }
        // Parts would need it in the beginning and in the end of their upload, too.
        if target.vendor.hasChecksums, request.query.isEmpty {
            request.add("x-amz-checksum-sha256", HTTPText.base64(sha256))
        }
    }

    /// The digest in the reply to an upload, compared with ours; nil where the service gives none that can be.
    ///
    /// Throws `corrupt` when it differs.
    private func proof(
        _ etag: String,
        _ headers: HTTPHeaders,
        _ request: S3Request,
        _ errors: S3Errors
    ) throws(StorageError) -> ObjectDigest? {
        guard !Self.hidesDigests(headers), case .md5(let theirs)? = S3Encoding.digest(etag: etag) else { return nil }
        guard theirs == md5 else {
            throw errors.error(
                .corrupt,
                "the service holds other bytes than we sent (MD5 \(hex(theirs)), ours \(hex(md5)))",
                request.what
            )
        }
        return .md5(md5)
    }

    /// Whether the body of a reply is what a service says beside its success: nothing, or a document without an error.
    static func isPlainSuccess(_ reply: HTTPReply, _ errors: S3Errors) -> Bool {
        guard !errors.isPage(reply.headers, reply.body) else { return false }
        let text = Array(reply.body.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) })
        guard !text.isEmpty else { return true }
        guard let root = try? parseXML(text) else { return false }
        return S3Fault(root) == nil && root.name.hasSuffix("Result")
    }

    /// Whether the object is encrypted in a way that makes its ETag no digest.
    static func hidesDigests(_ headers: HTTPHeaders) -> Bool {
        headers["x-amz-server-side-encryption"]?.hasPrefix("aws:kms") == true
            || headers["x-amz-server-side-encryption-customer-algorithm"] != nil
    }
}

extension S3Target {
    /// Whether the SHA-256 of a body is sent along with it.
    var needsSHA256: Bool { signsPayload || vendor.hasChecksums }
}
