internal import Multiformats
internal import Replication
package import Schema

/// Says how large DAGs are.
package struct DAGStat: Operation {
    package static let name = "dag stat"
    package static let summary = "Say how many blocks and bytes DAGs have, with every block found and counted once."

    package var roots: [String] = []

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("roots", \.roots, help: "CIDs of the roots.", required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let source = try await call.sources().all
        var rows: [Row] = []
        for text in roots {
            let cid = try parseCID(text)
            do throws(ReplicationError) {
                let layout = try await source.pack(cid, by: kit.packing, holding: 0).layout
                rows.append(
                    Row(cid: cid, blocks: layout.blockCount, bytes: layout.blockBytes, carLength: layout.length)
                )
            } catch {
                throw KitError(error)
            }
        }
        return Output(rows: rows)
    }

    struct Row: Sendable {
        let cid: CID
        let blocks: Int
        let bytes: UInt64
        let carLength: UInt64
    }

    /// The sizes.
    package struct Output: OperationOutput {
        let rows: [Row]

        package static let outputFields: [OutputField<Self>] = [
            .list(
                "dags",
                "Each DAG, in order.",
                of: [
                    OutputField("cid", "The root.") { $0.cid },
                    OutputField("blocks", "How many blocks it has.") { $0.blocks },
                    OutputField("size_bytes", "The lengths of all blocks.", in: .bytes) { $0.bytes },
                    OutputField("car_bytes", "The length of its CAR.", in: .bytes) { $0.carLength },
                ]
            ) { $0.rows }
        ]
        package var report: Report {
            Report([
                .table(
                    [.init("CID", mayShrink: true), .init("BLOCKS", number: true), .init("BYTES", number: true)],
                    rows: rows.map { [$0.cid.description, String($0.blocks), String($0.bytes)] }
                )
            ])
        }
    }
}
