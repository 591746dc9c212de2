internal import HTTPClient
internal import Schema
internal import Storage

/// A bucket into which single objects are put, and from which they are removed, by requests that are signed as Amazon
/// does: for vendors for whom that is one way among others.
struct SignedBucket: HTTPConnection {
    /// A request about one object.
    struct Call: HTTPCall {
        let what: String
        let method: String
        let key: String
        let kind: CallKind
        let admission: Admission?
        var headers: [HTTPField] = []
        var body = HTTPBody.none
    }

    let server: HTTPAddress
    let bucket: String
    let keys: AccessKeys
    let region: String
    let transport: HTTPTransport
    let policy: CallPolicy
    let failures: HTTPFailures

    /// Puts an object into the bucket; gives the fields of the answer.
    func put(
        _ key: String,
        _ body: Body,
        _ headers: [HTTPField],
        _ what: String,
        _ admission: Admission
    ) async throws(StorageError) -> HTTPHeaders {
        let bytes = try await UploadBytes(policy.pacing(body), 0..<body.length, withSHA256: false, withMD5: false)
        var call = Call(what: what, method: "PUT", key: key, kind: .put, admission: admission)
        (call.headers, call.body) = (headers, bytes.body())
        return try await policy.run { [call] () async throws(StorageError) in
            let reply = try await exchange(call)
            guard reply.status == 200, HTTPFailures.isPlainSuccess(reply) else { throw failure(call, reply) }
            return reply.headers
        }
    }

    /// Removes an object; one that is not there is no error.
    func remove(_ key: String, _ what: String, _ admission: Admission) async throws(StorageError) {
        let call = Call(what: what, method: "DELETE", key: key, kind: .delete, admission: admission)
        try await policy.run { () async throws(StorageError) in
            let reply = try await exchange(call)
            let isGone = reply.status == 404 && XMLFault(reply.body)?.code == "NoSuchKey"
            guard [200, 204].contains(reply.status) || isGone else { throw failure(call, reply) }
        }
    }

    // MARK: Requests

    func transport(for call: Call) -> HTTPTransport { transport }

    func terms(for call: Call, after lessons: [Never]) -> Timestamp { Timestamp(milliseconds: policy.timing.now()) }

    func lesson(from reply: HTTPReply, to call: Call, on terms: Timestamp, beside lessons: [Never]) -> Never? { nil }

    func request(_ call: Call, on terms: Timestamp) -> HTTPRequest {
        var address = server
        address.path += "/\(HTTPText.escaped(bucket))/\(HTTPText.escaped(call.key, keepingSlashes: true))"
        return SignatureV4(credentials: keys, region: region, moment: terms).request(
            call.method,
            at: address,
            headers: call.headers,
            payloadHash: SignatureV4.unsignedPayload,
            call.body
        )
    }

    func failure(_ call: Call, _ reply: HTTPReply) -> StorageError {
        let now = Timestamp(milliseconds: policy.timing.now())
        return failures.translate(call.what, reply, saying: XMLFault(reply.body), .amazon, now: now)
    }
}
