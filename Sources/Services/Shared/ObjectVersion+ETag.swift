internal import Storage

extension ObjectVersion {
    /// The version that an ETag stands for; nil for a weak one, which may be that of other bytes too (RFC 9110 §8.8.1).
    init?(etag: String?) {
        guard let etag, !etag.hasPrefix("W/"), etag.utf8.count <= 1024 else { return nil }
        let text = etag.filter { $0 != "\"" }
        guard !text.isEmpty else { return nil }
        self.init(text)
    }
}
