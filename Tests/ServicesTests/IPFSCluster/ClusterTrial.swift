import Foundation
import Schema
import Storage
import StorageLaws
import TestKit

@testable import Services

/// Tests of a backend on a cluster that is a simulator.
protocol ClusterTrial {}

extension ClusterTrial {
    func open(
        _ server: ClusterServer,
        _ more: [String: FieldValue] = [:],
        kit: String = "kit-a",
        retries: Int = 1,
        state: String? = nil,
        doors: [String]? = nil
    ) async throws -> any ContentService {
        var operational = OperationalSettings()
        operational.retryCount = retries
        var context = ServiceContext(
            backend: "cluster",
            type: "ipfs_cluster",
            operational: operational,
            policy: CallPolicy(backend: "cluster", operational, timing: Timing(now: clusterTime, sleep: { _ in })),
            environment: { _ in nil },
            state: state
        )
        context.kit = { kit }
        let usual: [String: FieldValue] = [
            "api_url": .text(server.endpoint), "proxy_url": .list(doors ?? server.proxies),
        ]
        let settings = try ClusterSettings(values: usual.merging(more) { $1 })
        return CheckedContent(try await IPFSCluster.open(settings, in: context), backend: "cluster")
    }

    func failure(_ work: () async throws -> Void) async -> StorageError? {
        do {
            try await work()
            return nil
        } catch {
            return error as? StorageError
        }
    }

    func word(_ presence: Presence) -> String {
        switch presence {
        case .present: "present"
        case .pending: "pending"
        case .absent: "absent"
        case .unknown: "unknown"
        }
    }

    func word(_ state: TicketState) -> String {
        switch state {
        case .open: "open"
        case .done: "done"
        case .failed(let reason): "failed: \(reason)"
        case .unknown: "unknown"
        }
    }

    func read(_ archive: SampleArchive, _ content: any ContentService) async throws -> [UInt8] {
        try await collect(content.read(archive.root), limit: 64 << 20)
    }
}

private let clusterTime: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1000) }
