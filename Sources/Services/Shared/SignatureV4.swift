internal import Digests
internal import HTTPClient
internal import Schema

/// The keys that requests are signed with.
struct AccessKeys: Sendable, CustomStringConvertible {
    let accessKeyID: String
    let secretAccessKey: String
    let sessionToken: String?

    var description: String { "the access key \(accessKeyID)" }

    init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        // Services repeat in their answers what they were sent, and keys come from more places than settings.
        for secret in [secretAccessKey, sessionToken ?? ""] { Redactor.shared.learn(secret) }
    }
}

/// Signs requests with Amazon's Signature Version 4, in the form of the service “s3”: a path is escaped once.
struct SignatureV4: Sendable {
    private static let algorithm = "AWS4-HMAC-SHA256"
    /// What stands for the hash of a body that the signature does not cover.
    static let unsignedPayload = "UNSIGNED-PAYLOAD"
    /// The hash of a request without body.
    static let emptyPayload = hex(digest(.sha256, of: []))

    let credentials: AccessKeys
    let region: String
    let moment: Timestamp

    /// The parameters in the order and the notation in which they are signed and sent.
    static func canonicalQuery(_ query: [HTTPField]) -> String {
        query.map { (HTTPText.escaped($0.name), HTTPText.escaped($0.value)) }
            .sorted { $0 < $1 }
            .map { "\($0.0)=\($0.1)" }
            .joined(separator: "&")
    }

    /// The fields that make a request a signed one: the date, the hash of the body, the token and the signature.
    ///
    /// `path` is already escaped; all of `headers` are signed, and `host` with them.
    func fields(
        method: String,
        host: String,
        path: String,
        query: [HTTPField],
        headers: [HTTPField],
        payloadHash: String
    ) -> [HTTPField] {
        var added = [
            HTTPField(name: "x-amz-content-sha256", value: payloadHash),
            HTTPField(name: "x-amz-date", value: moment.compact),
        ]
        if let token = credentials.sessionToken { added.append(HTTPField(name: "x-amz-security-token", value: token)) }
        let signed = [HTTPField(name: "host", value: host)] + headers + added
        let signature = signature(
            method: method,
            path: path,
            query: query,
            headers: signed,
            payloadHash: payloadHash
        )
        let names = Self.canonicalHeaders(signed).map(\.name).joined(separator: ";")
        let authorization =
            "\(Self.algorithm) Credential=\(credentials.accessKeyID)/\(scope), SignedHeaders=\(names), "
            + "Signature=\(signature)"
        return added + [HTTPField(name: "Authorization", value: authorization)]
    }

    /// A signed request; all of `headers` are signed, and the path of the address is escaped.
    func request(
        _ method: String,
        at address: HTTPAddress,
        query: [HTTPField] = [],
        headers: [HTTPField],
        payloadHash: String,
        _ body: HTTPBody
    ) -> HTTPRequest {
        let path = address.path.isEmpty ? "/" : address.path
        let signed = fields(
            method: method,
            host: address.host,
            path: path,
            query: query,
            headers: headers,
            payloadHash: payloadHash
        )
        let url = address.url(path, query: Self.canonicalQuery(query))
        return HTTPRequest(method: method, url: url, headers: headers + signed, body: body)
    }

    /// The longest that a URL may be good for, in seconds.
    static let longestURL: Int64 = 7 * 86_400

    /// The query of a URL by which anybody can read what is at `path`, which is escaped, for so many seconds.
    func urlQuery(host: String, path: String, seconds: Int64) -> String {
        var query = [
            HTTPField(name: "X-Amz-Algorithm", value: Self.algorithm),
            HTTPField(name: "X-Amz-Credential", value: "\(credentials.accessKeyID)/\(scope)"),
            HTTPField(name: "X-Amz-Date", value: moment.compact),
            HTTPField(name: "X-Amz-Expires", value: "\(seconds)"),
            HTTPField(name: "X-Amz-SignedHeaders", value: "host"),
        ]
        if let token = credentials.sessionToken { query.append(HTTPField(name: "X-Amz-Security-Token", value: token)) }
        let signature = signature(
            method: "GET",
            path: path,
            query: query,
            headers: [HTTPField(name: "host", value: host)],
            payloadHash: Self.unsignedPayload
        )
        return Self.canonicalQuery(query + [HTTPField(name: "X-Amz-Signature", value: signature)])
    }

    /// The signature as hexadecimal.
    func signature(
        method: String,
        path: String,
        query: [HTTPField],
        headers: [HTTPField],
        payloadHash: String
    ) -> String {
        let sorted = Self.canonicalHeaders(headers)
        let request = [
            method, path.isEmpty ? "/" : path, Self.canonicalQuery(query),
            sorted.map { "\($0.name):\($0.value)\n" }.joined(), sorted.map(\.name).joined(separator: ";"), payloadHash,
        ].joined(separator: "\n")
        let text = [
            Self.algorithm, moment.compact, scope, hex(digest(.sha256, of: Array(request.utf8))),
        ].joined(separator: "\n")
        return hex(authenticationCode(.sha256, key: key, message: Array(text.utf8)))
    }

    /// The key that is good for one day, one region and this service.
    var key: [UInt8] {
        var key = Array("AWS4\(credentials.secretAccessKey)".utf8)
        for part in [day, region, "s3", "aws4_request"] {
            key = authenticationCode(.sha256, key: key, message: Array(part.utf8))
        }
        return key
    }

    private var day: String { moment.day.filter { $0 != "-" } }
    private var scope: String { "\(day)/\(region)/s3/aws4_request" }

    /// Names in lower case and sorted; values without outer white space and with inner runs of it as one space.
    private static func canonicalHeaders(_ headers: [HTTPField]) -> [HTTPField] {
        headers
            .map { field in
                let words = field.value.split { $0 == " " || $0 == "\t" }
                return HTTPField(name: field.name.lowercased(), value: words.joined(separator: " "))
            }
            .sorted { $0.name < $1.name }
    }
}
