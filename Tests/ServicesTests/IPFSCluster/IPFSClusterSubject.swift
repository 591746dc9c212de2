import Schema
import StorageLaws
import TestKit

extension Subject {
    /// A cluster keeps nothing but content, so only the laws of content are tried; each trial has a cluster of its own.
    static let ipfsCluster = [
        Subject(
            name: "clusterSimulator",
            type: "ipfs_cluster",
            boundary: 1 << 20,
            exceptions: ["The backend lacks what it takes: range."],
            keepsObjects: false,
            allowsBulk: false,
            others: [
                {
                    let values = settings(of: try await ClusterServer.start())
                    return try await open("ipfs_cluster", values.merging(["send": .text("cids")]) { $1 })
                }
            ],
            open: { try await open("ipfs_cluster", settings(of: try await ClusterServer.start())) },
            openTroubled: {
                let server = try await ClusterServer.start()
                let content = try await open("ipfs_cluster", settings(of: server), retries: 1)
                return (content, UntroubledPlace())
            }
        )
    ]

    /// The settings of a backend on a cluster that is read through the proxies of all its peers.
    private static func settings(of server: ClusterServer) -> [String: FieldValue] {
        ["api_url": .text(server.endpoint), "proxy_url": .list(server.proxies)]
    }

    /// Brings nothing about: laws with troubles are about named objects.
    private struct UntroubledPlace: Troublemaker {
        func begin(_ trouble: Trouble, _ prefix: String) async throws -> Bool { false }
        func end(_ prefix: String) async {}
        func plant(_ stray: Stray, at name: String) async throws -> Bool { false }
        func remains(_ stray: Stray, at name: String) async throws -> Bool { false }
    }
}
