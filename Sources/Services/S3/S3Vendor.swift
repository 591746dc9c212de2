/// What is special about one vendor's or one server's S3, as a row of data.
struct S3Vendor: Sendable {
    /// The words for it in a backend file, the first one first.
    let words: [String]
    /// The host, with `REGION` for the region; nil where everybody has an own one.
    var host: String?
    /// The region when none is given; nil where one has to be given.
    var region: String? = "us-east-1"
    /// Whether the bucket stands in the name of the host, unless something speaks against it.
    var isVirtual = false
    /// Whether the region and the endpoint of Amazon's variables and profiles are meant for it.
    var isAmazon = false
    /// Whether it checks and returns SHA-256 checksums, and ETags may be encrypted, so that those of a listing say
    /// nothing.
    var hasChecksums = false
    /// Whether asking for a bucket says how much is in it.
    var reportsUsage = false

    /// What a server at an endpoint of its own is taken for.
    static let generic = S3Vendor(words: ["s3"], isAmazon: true)

    static let all: [S3Vendor] = [
        S3Vendor(
            words: ["aws", "s3", "amazon"],
            host: "s3.REGION.amazonaws.com",
            isVirtual: true,
            isAmazon: true,
            hasChecksums: true
        ),
        S3Vendor(words: ["minio"]),
        S3Vendor(
            words: ["digitalocean", "spaces"],
            host: "REGION.digitaloceanspaces.com",
            region: "nyc3",
            isVirtual: true
        ),
        S3Vendor(words: ["r2", "cloudflare"], region: "auto"),
        S3Vendor(words: ["b2", "backblaze"], host: "s3.REGION.backblazeb2.com", region: nil),
        S3Vendor(words: ["wasabi"], host: "s3.REGION.wasabisys.com"),
        S3Vendor(words: ["gcs"], host: "storage.googleapis.com", region: "auto"),
        S3Vendor(words: ["filebase_s3"], host: "s3.filebase.com"),
        S3Vendor(words: ["scaleway"], host: "s3.REGION.scw.cloud", region: "fr-par"),
        S3Vendor(words: ["hetzner"], host: "REGION.your-objectstorage.com", region: nil),
        S3Vendor(words: ["storj"], host: "gateway.storjshare.io"),
        S3Vendor(words: ["ceph", "radosgw"], reportsUsage: true),
        S3Vendor(words: ["garage"], region: "garage"),
        S3Vendor(words: ["seaweedfs"]),
    ]

    /// The vendor that a word in a backend file stands for.
    static func named(_ word: String) -> S3Vendor? { all.first { $0.words.contains(word) } }

    /// The vendor that a host belongs to.
    static func at(_ host: String) -> S3Vendor? { all.first { $0.region(inHost: host) != nil || $0.host == host } }

    /// The host for a region.
    func host(in region: String) -> String? {
        host.map { HostPattern($0)?.host(in: region) ?? $0 }
    }

    /// The region in the name of a host of this vendor.
    func region(inHost name: String) -> String? {
        host.flatMap { HostPattern($0)?.place(in: name) }.flatMap { Self.isRegion($0) ? $0 : nil }
    }

    /// Whether a word may stand for a region: it becomes part of a host's name, so it must not hold anything else.
    static func isRegion(_ word: String) -> Bool { HTTPText.isWord(word, besides: "-_", 1...64) }
}
