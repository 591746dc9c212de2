import Foundation
import Schema
import StorageLaws
import TestKit

extension Subject {
    /// Ranges stand in the query, a list is one document, and lengths stand in it.
    ///
    /// The simulator writes its folder anew for each object.
    static let kubo = [
        Subject(
            name: "kuboSimulator",
            type: "ipfs",
            boundary: 1 << 20,
            exceptions: impossible(
                [.losesPlace, .ignoresRanges, .shiftsRanges, .tellsNoLength, .listsWithoutEnd(areEmpty: false)]
            ).union([
                "There can be nothing but objects here.", "Nobody can leave links that lead back here.",
                "The service lacks what it takes: digest.", "About a thousand objects would be stored.",
            ]),
            allowsBulk: false,
            http: OverHTTP(
                requests: { (call, _) in
                    let command =
                        switch call {
                        case .put: "/add?"
                        case .get: "/cat?"
                        case .stat: "/files/stat?"
                        case .list: "/files/ls?"
                        case .delete: "/files/rm?"
                        }
                    return ("POST", command)
                },
                server: {
                    let folder = newFolder()
                    return (try await KuboServer.running().endpoint, { settings(ofNode: $0, folder) })
                }
            ),
            open: {
                let server = try await KuboServer.running()
                return try await open("ipfs", settings(ofNode: server.endpoint, newFolder()))
            },
            openTroubled: {
                let server = try await KuboServer.running()
                let folder = newFolder()
                let proxy = try await FaultyProxy.start(before: server.endpoint, [])
                let content = try await open("ipfs", settings(ofNode: proxy.endpoint, folder), retries: 1)
                return (content, KuboTroubles(proxy: proxy, server: server, folder: folder))
            }
        )
    ]

    /// The settings of a backend on a node, with a folder for its objects.
    private static func settings(ofNode endpoint: String, _ folder: String) -> [String: FieldValue] {
        ["api_url": .text(endpoint), "folder": .text(folder)]
    }

    /// A folder that no other trial has.
    private static func newFolder() -> String { "/kept-\(UUID().uuidString)" }
}
