internal import Digests
internal import HTTPClient
internal import Storage
internal import XML

/// Bytes to be sent, which are read anew for each try: they are held in memory only where there are few.
struct S3Payload: Sendable {
    let length: UInt64
    /// The MD5 of the bytes, where they were read before they are sent.
    let md5: [UInt8]?
    private let sha256: [UInt8]?
    private let body: Body
    private let range: Range<UInt64>
    /// The bytes, where they are held.
    private let held: [UInt8]?

    /// Up to so many bytes are held.
    static let few: UInt64 = 1 << 20

    /// Prepares a part of a body, and reads it where it is held, or a digest of it is sent before it.
    ///
    /// Throws `corrupt` when it gives another number of bytes.
    @concurrent
    init(_ whole: Body, _ part: Range<UInt64>, withSHA256: Bool, withMD5: Bool) async throws(StorageError) {
        (body, range, length) = (whole, part, part.length)
        let known = withSHA256 && part == 0..<whole.length ? whole.sha256 : nil
        let computesSHA256 = withSHA256 && known == nil
        let isHeld = part.length <= Self.few
        guard isHeld || computesSHA256 || withMD5 else {
            (held, md5, sha256) = (nil, nil, known)
            return
        }
        var bytes: [UInt8] = []
        var md5 = RunningHash(.md5)
        var sha256 = RunningHash(.sha256)
        var count: UInt64 = 0
        // What is only looked at is not sent yet.
        for try await chunk in isHeld ? whole.open(part) : whole.look(part) {
            count += UInt64(chunk.count)
            guard count <= part.length else {
                throw StorageError(.corrupt, "The source gave more than the \(part.length) bytes that were expected.")
            }
            if isHeld || withMD5 { md5.update(chunk) }
            if computesSHA256 { sha256.update(chunk) }
            if isHeld { bytes += chunk }
        }
        try StorageError.checkCancellation()
        guard count == part.length else {
            throw StorageError(.corrupt, "The source gave \(count) bytes where \(part.length) were expected.")
        }
        held = isHeld ? bytes : nil
        self.md5 = isHeld || withMD5 ? md5.digest() : nil
        self.sha256 = computesSHA256 ? sha256.digest() : known
    }

    /// The MD5, for a service that is told it first.
    private func md5Before() async throws(StorageError) -> [UInt8] {
        if let md5 { return md5 }
        return try await body.digest(.md5, of: range)
    }

    /// What the service said of bytes that it has.
    struct Receipt: Sendable {
        let etag: String
        /// The MD5 of what was sent.
        let md5: [UInt8]
        /// The digest that the service computed, where it could not have been what it was told.
        let proof: ObjectDigest?
    }

    /// Sends this as the body of a request.
    ///
    /// The MD5 is kept back, for the service to compute it: one that was sent along proves nothing when it comes back.
    /// What is changed on its way is seen by TLS, or by the SHA-256 in the signature. A bucket of locked objects may
    /// want the MD5 all the same; then there is no proof.
    func send(_ request: S3Request, over connection: S3Connection) async throws(StorageError) -> Receipt {
        var request = request
        let sent = Locked<[UInt8]?>(md5)
        attach(to: &request, for: connection.target, noting: sent)
        var isMD5Sent = connection.needsMD5
        if isMD5Sent { request.add("Content-MD5", HTTPText.base64(try await md5Before())) }
        var reply = try await connection.exchange(request)
        if !isMD5Sent, connection.learnMD5(reply) {
            isMD5Sent = true
            request.add("Content-MD5", HTTPText.base64(try await md5Before()))
            reply = try await connection.exchange(request)
        }
        guard (200..<300).contains(reply.status) else { throw await connection.failure(request, reply) }
        guard let etag = reply.headers["ETag"], (1...1024).contains(etag.utf8.count),
            Self.isPlainSuccess(reply, connection.errors), let md5 = sent.read({ $0 })
        else {
            let error = await connection.failure(request, reply)
            throw S3Fault(reply.body) != nil || connection.errors.isPage(reply.headers, reply.body)
                ? error : connection.errors.foreign(request.what, "the service did not say that it has it")
        }
        let proof = try proof(etag, md5, reply.headers, request, connection.errors)
        // What was only accepted is read back, as is what nobody says a digest of.
        let mayProve = !isMD5Sent && [200, 201].contains(reply.status)
        return Receipt(etag: etag, md5: md5, proof: mayProve ? proof : nil)
    }

    /// Makes this the body of a request, with the digests by which the service can check it; `sent` becomes the MD5 of
    /// what was sent.
    private func attach(to request: inout S3Request, for target: S3Target, noting sent: Locked<[UInt8]?>) {
        let noted = md5 == nil ? sent : nil
        request.body =
            held.map { .bytes($0) }
            ?? .stream(length: length) { [body, range] in SentBytes(bytes: body.open(range), digest: noted) }
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
        _ md5: [UInt8],
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
