internal import Digests
internal import HTTPClient
internal import Storage
internal import XML

/// What the service said of bytes that it has.
struct S3Receipt: Sendable {
    let etag: String
    /// The MD5 of what was sent.
    let md5: [UInt8]
    /// The digest that the service computed, where it could not have been what it was told.
    let proof: ObjectDigest?
}

extension S3Connection {
    /// Sends bytes as the body of a request.
    ///
    /// The MD5 is kept back, for the service to compute it: one that was sent along proves nothing when it comes back.
    /// What is changed on its way is seen by TLS, or by the SHA-256 in the signature. A bucket of locked objects may
    /// want the MD5 all the same; then there is no proof.
    func send(_ bytes: UploadBytes, _ request: S3Request) async throws(StorageError) -> S3Receipt {
        var request = request
        let sent = Locked<[UInt8]?>(bytes.md5)
        attach(bytes, to: &request, noting: sent)
        var isMD5Sent = needsMD5
        if isMD5Sent { request.add("Content-MD5", HTTPText.base64(try await bytes.md5Before())) }
        var reply = try await exchange(request)
        if !isMD5Sent, learnMD5(reply) {
            isMD5Sent = true
            request.add("Content-MD5", HTTPText.base64(try await bytes.md5Before()))
            reply = try await exchange(request)
        }
        guard (200..<300).contains(reply.status) else { throw await failure(request, reply) }
        guard let etag = reply.headers["ETag"], (1...1024).contains(etag.utf8.count),
            HTTPFailures.isPlainSuccess(reply),
            let md5 = sent.read({ $0 })
        else {
            let error = await failure(request, reply)
            throw XMLFault(reply.body) != nil || HTTPFailures.isPage(reply.headers, reply.body)
                ? error : failures.foreign(request.what, "the service did not say that it has it")
        }
        let proof = try proof(etag, md5, reply.headers, request)
        // What was only accepted is read back, as is what nobody says a digest of.
        let mayProve = !isMD5Sent && [200, 201].contains(reply.status)
        return S3Receipt(etag: etag, md5: md5, proof: mayProve ? proof : nil)
    }

    /// Makes bytes the body of a request, with the digests by which the service can check them; `sent` becomes the MD5
    /// of what was sent.
    private func attach(_ bytes: UploadBytes, to request: inout S3Request, noting sent: Locked<[UInt8]?>) {
        request.body = bytes.body(noting: sent)
        request.payloadHash = SignatureV4.unsignedPayload
        guard let sha256 = bytes.sha256 else { return }
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
        _ md5: [UInt8],
        _ headers: HTTPHeaders,
        _ request: S3Request
    ) throws(StorageError) -> ObjectDigest? {
        guard !ETagDigest.hidesDigests(headers), case .md5(let theirs)? = ETagDigest.digest(etag: etag) else {
            return nil
        }
        guard theirs == md5 else {
            throw failures.error(
                .corrupt,
                "the service holds other bytes than we sent (MD5 \(hex(theirs)), ours \(hex(md5)))",
                request.what
            )
        }
        return .md5(md5)
    }
}
