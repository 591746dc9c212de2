internal import Foundation

/// The simulator of an IPFS Cluster on this machine: `tools/simulators/ipfs_cluster` says what it is made from.
package struct ClusterServer: Simulator {
    /// `http://127.0.0.1:` and a port, where the REST API of its first peer is.
    package let endpoint: String
    /// The same for the IPFS proxy of each peer.
    package let proxies: [String]

    private struct Ports: Decodable { let api: Int, proxies: [Int] }

    /// Starts a cluster with switches of the simulator; it runs until the test process ends.
    package static func start(_ switches: [String] = []) async throws -> ClusterServer {
        let line = try await launch("ipfs_cluster", switches, requirement: "cluster-simulator")
        let ports = try JSONDecoder().decode(Ports.self, from: Data(line.utf8))
        return ClusterServer(
            endpoint: "http://127.0.0.1:\(ports.api)",
            proxies: ports.proxies.map { "http://127.0.0.1:\($0)" }
        )
    }

    /// Does something on the nodes of the peers, as JSON says.
    package func change(_ what: String) async throws { try await curl(["-X", "POST", "--data-binary", what], "/-/do") }

    /// Sends a request as anybody may.
    @discardableResult
    package func ask(_ method: String, _ target: String) async throws -> String {
        String(decoding: try await curl(["-X", method], target), as: UTF8.self)
    }
}
