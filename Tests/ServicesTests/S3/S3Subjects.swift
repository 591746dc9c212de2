import Foundation
import Schema
import StorageLaws
import TestKit

extension Subject {
    static let s3 = [s3OverMoto, s3WithVersions, s3OverRclone, s3OverRadosgw, s3OverSeaweedfs]

    static let s3OverMoto = over(.moto, name: "s3OverMoto")
    /// A bucket that keeps versions.
    private static let s3WithVersions = over(.moto, name: "s3WithVersions", in: .versioned)
    private static let s3OverRadosgw = over(.radosgw, name: "s3OverRadosgw")

    /// rclone replaces objects in place: Amazon's own client, too, reads bytes there that nobody stored.
    ///
    /// While an object is replaced it sends more bytes than it announced, or fewer (10 of 807 reads by Python's HTTP
    /// client, on a busy machine), and it answers 501 to one of two uploads that end together. Where an object goes
    /// while it is sent, an error document stands in the middle of its bytes.
    ///
    /// Where a folder has the name of an object, or an object that of a folder, it says only that it could not.
    private static let s3OverRclone = over(
        .rclone,
        name: "s3OverRclone",
        weaknesses: [
            "two writers of one name leave one of the two whole": [
                "that none of them stored", "cannot do that", "cannot do it now", "was replaced while",
            ],
            "a reader during a replacement sees the old or the new": [
                "that were never stored", "not valid HTTP", "was replaced while", "failed with notFound",
                "ended before its last byte",
            ],
            "an object below the name of another is kept beside it, or refused": ["cannot do it now"],
            "an object with the name of a folder of others is kept beside them, or refused": ["cannot do it now"],
            "a read whose object is replaced between two chunks ends with its own bytes or fails": [
                "bytes of something else"
            ],
            "a read whose object is removed between two chunks ends with its own bytes or fails": [
                "bytes of something else"
            ],
            "a read never goes on in another object where its own is replaced": ["bytes of something else"],
            "a read never goes on in another object where its own is replaced by something shorter": [
                "bytes of something else"
            ],
            "a read never goes on in another object where its own is removed": ["bytes of something else"],
        ]
    )

    static let s3OverSeaweedfs = over(.seaweedfs, name: "s3OverSeaweedfs")

    private static func over(
        _ kind: S3Server.Kind,
        name: String,
        in form: S3Server.BucketForm = .plain,
        weaknesses: [String: [String]] = [:]
    ) -> Subject {
        Subject(
            name: name,
            type: "s3",
            boundary: 5 << 20,
            exceptions: [
                "There can be nothing but objects here.", "Nobody can leave links that lead back here.",
                "The service lacks what it takes: usage.", "Nothing is kept here but what was stored last.",
                "The service says that it lists no versions.",
            ],
            weaknesses: weaknesses,
            http: OverHTTP(
                requests: { (call, name) in
                    switch call {
                    case .put: ("PUT", "/" + name)
                    case .get: ("GET", "/" + name)
                    case .stat: ("HEAD", "/" + name)
                    case .list: ("GET", "list-type")
                    case .delete: ("DELETE", "/" + name)
                    }
                },
                server: {
                    let server = try await S3Server.running(kind)
                    let (bucket, folder) = (try await server.sharedBucket(form), newPrefix())
                    return (server.endpoint, { settings(of: server, bucket, at: $0, folder) })
                }
            ),
            others: kind == .radosgw
                ? [
                    {
                        // Under its own name it is asked how much it holds.
                        let server = try await S3Server.running(kind)
                        let values = settings(
                            of: server,
                            try await server.newBucket(),
                            at: server.endpoint,
                            newPrefix()
                        )
                        return try await open("radosgw", values)
                    }
                ] : [],
            open: {
                let server = try await S3Server.running(kind)
                let bucket = try await server.sharedBucket(form)
                return try await open("s3", settings(of: server, bucket, at: server.endpoint, newPrefix()))
            },
            openTroubled: {
                let server = try await S3Server.running(kind)
                let (proxy, bucket) = (try await server.sharedProxy(), try await server.sharedBucket(form))
                let folder = newPrefix()
                let values = settings(of: server, bucket, at: proxy.endpoint, folder)
                let troubles = S3Troubles(proxy: proxy, server: server, bucket: bucket, folder: folder)
                return (try await open("s3", values, retries: 1), troubles)
            }
        )
    }

    private static func newPrefix() -> String { "kept/\(UUID().uuidString)" }

    /// The settings of a backend in a bucket of the server; small parts, so that the laws see uploads in parts.
    private static func settings(
        of server: S3Server,
        _ bucket: String,
        at endpoint: String,
        _ prefix: String
    ) -> [String: FieldValue] {
        [
            "endpoint": .text(endpoint), "region": .text(server.region), "bucket": .text(bucket),
            "prefix": .text(prefix), "access_key_id": .text(server.accessKeyID),
            "secret_access_key": .text(server.secretAccessKey), "part_size": .integer(5 << 20),
            "multipart_threshold": .integer(5 << 20),
        ]
    }
}
