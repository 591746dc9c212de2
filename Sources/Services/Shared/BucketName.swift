/// The names of buckets in Amazon's protocol.
enum BucketName {
    /// Whether a text may be the name of a bucket: it becomes a part of URLs, so it must not hold anything else.
    static func isOne(_ text: String) -> Bool {
        HTTPText.isWord(text, besides: "-._", 1...255) && text != "." && text != ".."
    }

    /// Whether a bucket's name may be a label of a host that a wildcard certificate covers.
    static func mayBeHost(_ bucket: String) -> Bool {
        HTTPText.isWord(bucket, besides: "-", 3...63) && bucket == bucket.lowercased() && !bucket.hasPrefix("-")
            && !bucket.hasSuffix("-")
    }
}
