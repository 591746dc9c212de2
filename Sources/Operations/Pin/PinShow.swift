internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Replication
package import Schema

/// Shows one pin and where it is.
package struct PinShow: Operation {
    package static let name = "pin show"
    package static let summary = "Show a pin: its name, its size in the store, and where its replicas are."

    package var cid = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cid", \.cid, help: "The pinned root.", required: true, positional: true)
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let root = try parseCID(cid)
        let catalog = try kit.catalog()
        let store = try kit.store()
        return try await kitErrors {
            guard let pin = try await catalog.pin(root) else {
                throw KitError(.notFound, "\(root) is not pinned.", hint: "ipfs-kit pin ls", cid: root)
            }
            var output = Output(pin: pin, mappings: try await catalog.mappings(of: [root]))
            do throws(StoreError) {
                let layout = try await DAGLayout(of: root, in: store)
                output.blocks = layout.blockCount
                output.bytes = layout.blockBytes
            } catch {
                output.problem = error.message
            }
            return output
        }
    }

    /// A pin.
    package struct Output: OperationOutput {
        let pin: Pin
        let mappings: [Mapping]
        var blocks: Int?
        var bytes: UInt64?
        /// Why the DAG in the store is not whole.
        var problem: String?

        package var json: JSON {
            [
                "pin": pin.json, "blocks": .count(blocks), "size_bytes": .count(bytes), "problem": .text(problem),
                "replicas": .array(mappings.map(\.json)),
            ]
        }
        package var report: Report {
            var facts: [Report.Fact] = [
                .init("cid", pin.cid.description), .init("name", pin.name.isEmpty ? "-" : pin.name),
                .init("created", pin.createdAt.description), .init("metadata", pin.metadata),
                .init("wanted", pin.replicas.map { "\($0) replicas" } ?? "on every backend"),
            ]
            if let bytes, let blocks { facts.append(.init("in the store", "\(ByteCount(bytes)) in \(blocks) blocks")) }
            if let problem { facts.append(.init("in the store", problem)) }
            return Report([.facts(facts), Mapping.table(mappings)])
        }
    }
}
