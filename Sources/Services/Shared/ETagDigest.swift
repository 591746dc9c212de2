internal import Digests
internal import HTTPClient
internal import Storage

/// The notation of digests in the entity tags of services that speak Amazon's protocol.
enum ETagDigest {
    /// The digest that an ETag stands for; nil for one that is no MD5, alone or of parts.
    static func digest(etag: String?) -> ObjectDigest? {
        guard let etag else { return nil }
        let words = etag.filter { $0 != "\"" }.split(separator: "-", omittingEmptySubsequences: false)
        guard let first = words.first, first.utf8.count == 32, let md5 = bytes(hex: String(first)) else { return nil }
        switch words.count {
        case 1: return .md5(md5)
        case 2: return httpNumber(words[1]).flatMap { $0 <= 10_000 ? .md5OfParts(md5, parts: Int($0)) : nil }
        default: return nil
        }
    }

    /// Whether the object is encrypted in a way that makes its ETag no digest.
    static func hidesDigests(_ headers: HTTPHeaders) -> Bool {
        headers["x-amz-server-side-encryption"]?.hasPrefix("aws:kms") == true
            || headers["x-amz-server-side-encryption-customer-algorithm"] != nil
    }
}
