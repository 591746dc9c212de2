internal import HTTPClient
internal import Storage

/// One request before it is signed.
struct S3Request: HTTPCall {
    let what: String
    let method: String
    /// The whole key; nil for the bucket itself.
    var key: String?
    var query: [HTTPField] = []
    var headers: [HTTPField] = []
    var body = HTTPBody.none
    /// The hash of the body, or what stands for it.
    var payloadHash = SignatureV4.emptyPayload
    var admission: Admission?

    var kind: CallKind {
        switch method {
        case "PUT", "POST": .put
        case "DELETE": .delete
        case "HEAD": .stat
        default: key == nil || query.contains { $0.name == "uploadId" } ? .page : .get
        }
    }

    /// Adds a header field.
    mutating func add(_ name: String, _ value: String) { headers.append(HTTPField(name: name, value: value)) }
}
