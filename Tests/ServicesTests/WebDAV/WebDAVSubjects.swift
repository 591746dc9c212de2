import Foundation
import Schema
import StorageLaws
import TestKit

extension Subject {
    static let webdav = [webdavOverRclone, webdavOverWsgidav, webdavOverApache]

    static let webdavOverRclone = over(.rclone, name: "webdavOverRclone")
    private static let webdavOverWsgidav = over(.wsgidav, name: "webdavOverWsgidav")
    private static let webdavOverApache = over(.apache, name: "webdavOverApache")

    private static func over(
        _ kind: WebDAVServer.Kind,
        name: String,
        weaknesses: [String: [String]] = [:]
    ) -> Subject {
        Subject(
            name: name,
            type: "webdav",
            boundary: 256 << 10,
            exceptions: impossible([
                .ignoresRanges, .shiftsRanges, .tellsNoLength, .listsWithoutEnd(areEmpty: false),
            ]).union([
                "There can be nothing but objects here.", "Nobody can leave links that lead back here.",
                "The service lacks what it takes: digest.",
            ]),
            weaknesses: weaknesses,
            http: OverHTTP(
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

    private static func settings(
        of server: WebDAVServer,
        at endpoint: String,
        _ folder: String
    ) -> [String: FieldValue] {
        [
            "url": .text("\(endpoint)/\(folder)"), "user": .text(server.user), "password": .text(server.password),
            "auth": .text(server.kind == .apache ? "digest" : "auto"),
        ]
    }
}
