import Foundation
import Schema
import StorageLaws
import TestKit

extension Subject {
    static let webdav = [webdavOverRclone, webdavOverWsgidav, webdavOverApache, webdavOverNextcloud]

    static let webdavOverRclone = over(.rclone, name: "webdavOverRclone")
    /// Its ETags are of the second in which something was stored, and of no version before that is over.
    private static let webdavOverWsgidav = over(.wsgidav, name: "webdavOverWsgidav")
    /// What is longer than 5 MiB goes in chunks.
    static let webdavOverNextcloud = over(.nextcloud, name: "webdavOverNextcloud")
    /// The ETags of what was stored a moment ago are weak.
    private static let webdavOverApache = over(.apache, name: "webdavOverApache")

    /// What readers see while something is replaced.
    ///
    /// All servers remove what they replace before they move the new file there, as RFC 4918 (§9.9.3) wants, and look
    /// at a file before they open it. Python's HTTP client, beside 200 moves, saw of rclone 52 times 404 and 52 times
    /// other bytes, or fewer, in 1,347 reads; of Apache 20 and 36 in 1,592, and 403 besides; of WsgiDAV 158 and 6 in
    /// 1,197.
    private static let replacements = [
        "a reader during a replacement sees the old or the new": [
            "was replaced in the meantime", "that were never stored", "ended before its last byte",
            "failed with notFound", "the service answered 403", "failed with changed",
        ]
    ]

    /// Nextcloud keeps names that end with `.part` for itself (nextcloud/server#4526); the kit gives none such.
    private static let endings = [
        "names come back from a list as they were given": ["x.part failed: the server takes no file of that name"],
        "every legal character may be in a name": ["x.part failed: the server takes no file of that name"],
    ]

    private static func over(_ kind: WebDAVServer.Kind, name: String) -> Subject {
        Subject(
            name: name,
            type: "webdav",
            boundary: kind == .nextcloud ? chunk : 256 << 10,
            exceptions: impossible([.listsWithoutEnd(areEmpty: false)]).union([
                "There can be nothing but objects here.", "Nobody can leave links that lead back here.",
                "The service lacks what it takes: digest.",
            ]).union([.apache, .wsgidav].contains(kind) ? ["The service has no versions."] : []),
            weaknesses: kind == .nextcloud ? replacements.merging(endings) { first, _ in first } : replacements,
            // A read without a version does not go on.
            http: kind == .apache
                ? nil
                : OverHTTP(
                    requests: { (call, name) in
                        switch call {
                        case .put: ("PUT", "/.\(name).")
                        case .get: ("GET", "/\(name)")
                        case .stat: ("PROPFIND", "/\(name)")
                        case .list: ("PROPFIND", "/")
                        case .delete: ("DELETE", "/\(name)")
                        }
                    },
                    server: {
                        let server = try await WebDAVServer.running(kind)
                        let folder = try await server.newFolder()
                        return (server.endpoint, { settings(of: server, at: $0, folder) })
                    }
                ),
            open: {
                let server = try await WebDAVServer.running(kind)
                return try await open(
                    "webdav",
                    settings(of: server, at: server.endpoint, try await server.newFolder())
                )
            },
            openTroubled: {
                let server = try await WebDAVServer.running(kind)
                let (proxy, folder) = (try await server.sharedProxy(), try await server.newFolder())
                let content = try await open("webdav", settings(of: server, at: proxy.endpoint, folder), retries: 1)
                return (content, WebDAVTroubles(proxy: proxy, server: server, folder: folder))
            }
        )
    }

    /// The least that Nextcloud takes as a chunk, and how much goes without any.
    private static let chunk = 5 << 20

    static func settings(
        of server: WebDAVServer,
        at endpoint: String,
        _ folder: String
    ) -> [String: FieldValue] {
        [
            "url": .text(server.url(folder, at: endpoint)), "user": .text(server.user),
            "password": .text(server.password),
            "auth": .text(server.kind == .apache ? "digest" : "auto"),
            "multipart_threshold": .integer(Int64(chunk)), "part_size": .integer(Int64(chunk)),
        ]
    }
}
