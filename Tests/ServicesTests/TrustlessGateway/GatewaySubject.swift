import Foundation
import Schema
import Storage
import StorageLaws
import TestKit

extension Subject {
    /// What a gateway gives somebody else stored: the laws of storing are tried with the simulator's own door for that.
    static let gateway = [
        Subject(gateway: "gatewaySimulator", ["complete": .flag(true)]),
        Subject(gateway: "gatewayThatFinds", [:]),
        Subject(gateway: "lassieSimulator", as: "lassie", [:], ["--lassie"]),
    ]

    private init(
        gateway name: String,
        as word: String = "gateway",
        _ settings: [String: FieldValue],
        _ switches: [String] = []
    ) {
        @Sendable func server() async throws -> GatewayServer {
            switches.isEmpty ? try await GatewayServer.running() : try await GatewayServer.start(switches)
        }
        @Sendable func open(_ server: GatewayServer) async throws -> any ContentService {
            let values = settings.merging(["urls": .list([server.endpoint])]) { $1 }
            return try await Self.open(word, values)
        }
        self.init(
            name: name,
            type: "gateway",
            boundary: 1 << 20,
            keepsObjects: false,
            stocked: {
                let server = try await server()
                return Self.stocking(try await open(server), server)
            },
            open: { try await open(try await server()) },
            openTroubled: { throw StorageError(.unsupported, "A gateway has no named objects.") }
        )
    }

    /// The same service, for whose owner content is put where it reads.
    static func stocking(_ content: any ContentService, _ server: GatewayServer) -> any ContentService {
        AlteredContent(content) {
            $0.capabilities.formUnion([.write, .delete, .takesBytes])
            $0.onStore = { (upload) async throws(StorageError) in
                let car = try await upload.car().bytes()
                try await arranged { try await server.keep(car) }
                return .stored(Location("\(upload.root)"), proof: nil)
            }
            $0.onRemove = { (root) async throws(StorageError) in try await arranged { try await server.forget(root) } }
        }
    }

    private static func arranged(_ work: () async throws -> Void) async throws(StorageError) {
        do { try await work() } catch { throw StorageError(.unexpected, "It could not be arranged: \(error)") }
    }
}
