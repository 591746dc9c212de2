import Foundation
import Schema
import Storage
import StorageLaws
import TestKit

extension Subject {
    /// Only laws of content are tried: there is no room for named objects.
    ///
    /// A service that fetches content by itself does so from a node, to which the trial brings it first.
    static let pinningService = [
        Subject(
            name: "pinningService",
            type: "pinning_service",
            boundary: 1 << 20,
            keepsObjects: false,
            open: { try await fetching() },
            openTroubled: { (try await fetching(), NoTroubles()) }
        ),
        Subject(
            name: "pinata",
            type: "pinata",
            boundary: 1 << 20,
            keepsObjects: false,
            open: { try await taking("pinata", [:]) },
            openTroubled: { (try await taking("pinata", [:]), NoTroubles()) }
        ),
        Subject(
            name: "filebase",
            type: "filebase",
            boundary: 1 << 20,
            keepsObjects: false,
            open: { try await taking("filebase", bucket) },
            openTroubled: { (try await taking("filebase", bucket), NoTroubles()) }
        ),
    ]

    private static let bucket: [String: FieldValue] = [
        "bucket": .text("imports"), "access_key_id": .text("import-key"),
        "secret_access_key": .text("import-secret-4711"),
    ]

    private static func fetching() async throws -> any ContentService {
        let node = try await KuboServer.running()
        let server = try await PinningServer.running(["--network", node.endpoint])
        let content = try await open("pinning_service", settings(of: server))
        return AlteredContent(content) { altered in
            altered.capabilities.insert(.takesBytes)
            altered.onStore = { (upload) async throws(StorageError) in
                let bytes = try await upload.car().bytes()
                do {
                    try await node.command("dag/import?pin-roots=true&allow-big-block=true", file: bytes)
                } catch {
                    throw StorageError(.unexpected, "The node took nothing: \(error)")
                }
                return try await content.store(upload)
            }
        }
    }

    private static func taking(_ type: String, _ more: [String: FieldValue]) async throws -> any ContentService {
        let server = try await PinningServer.running()
        let place = type == "pinata" ? "" : "/bucket"
        let values = settings(of: server).merging(more) { $1 }
            .merging(["upload_url": .text(server.endpoint + place)]) { $1 }
        return try await open(type, values)
    }

    private static func settings(of server: PinningServer) -> [String: FieldValue] {
        [
            "endpoint": .text(server.endpoint + "/psa"), "gateway_url": .text(server.endpoint),
            "token": .text(server.token),
        ]
    }
}

/// Where no law asks for troubles.
private struct NoTroubles: Troublemaker {
    func begin(_ trouble: Trouble, _ prefix: String) async throws -> Bool { false }
    func end(_ prefix: String) async {}
    func plant(_ stray: Stray, at name: String) async throws -> Bool { false }
    func remains(_ stray: Stray, at name: String) async throws -> Bool { false }
}
