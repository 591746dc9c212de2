import Foundation
import Schema
import Storage
import StorageLaws
import TestKit

extension Subject {
    /// What stands between us and the server's disk is the kernel and ssh, and neither is made to go wrong by the laws.
    static let sshfs = [
        Subject(
            name: "sshfs",
            type: "sshfs",
            boundary: 256 << 10,
            exceptions: impossible(wireTroubles).union(["The service lacks what it takes: digest."]),
            open: {
                let server = try await SFTPServer.mountable()
                return try await openMounted(server.settings(for: try server.newFolder()))
            },
            openTroubled: {
                let server = try await SFTPServer.mountable()
                let folder = try server.newFolder()
                let content = try await openMounted(server.settings(for: folder), retries: 1)
                return (content, DirectoryTroubles(root: folder))
            }
        )
    ]

    /// Opens a backend whose mount is below a folder; it has to be closed.
    static func openMounted(
        _ values: [String: FieldValue],
        retries: Int = 3,
        timeout: Int = 30,
        at state: String? = nil
    ) async throws -> any ContentService {
        try await open(
            "sshfs",
            values,
            retries: retries,
            timeout: timeout,
            state: state ?? Scratch.current + "/state-\(UUID().uuidString)"
        )
    }
}
