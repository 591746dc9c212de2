package import Catalog
internal import Digests
internal import Multiformats
package import Schema

extension Mapping.Status {
    /// The words for it.
    static var shape: Shape { .choice(allCases.map(\.rawValue)) }
}

extension Mapping.Evidence: Answer {
    package static var sharedName: String? { "evidence" }
    package static let outputFields: [OutputField<Self>] = [
        OutputField("verified_at", "When somebody looked.") { $0.at },
        OutputField("verify_method", "How: `read-back`, a digest (`put-…`, `listed-…`), or a question (`looked-up`).") {
            $0.method
        },
        OutputField("verified_by", "Who looked: the host and the version of the program.") { $0.by },
    ]
}

extension Mapping: Answer {
    package static var sharedName: String? { "mapping" }
    package static let outputFields: [OutputField<Self>] = [
        OutputField("cid", "The root.") { $0.cid },
        OutputField("car_file_path", "The name of its CAR there; empty where only the CID leads to it.") { $0.path },
        OutputField("backend_name", "The backend.", as: .backend) { $0.backend },
        OutputField("created_at", "When it was first known there.") { $0.createdAt },
        OutputField("status", "What is known of it.", as: Status.shape) { $0.status.rawValue },
        OutputField("metadata", "What else somebody wrote about it.") { Metadata($0.metadata) },
        OutputField("name", "The name that somebody gave it there.") { $0.name },
        OutputField("size_bytes", "The length of the CAR.", in: .bytes) { $0.size },
        OutputField("block_count", "How many blocks it has.") { $0.blockCount },
        OutputField("car_sha256", "The SHA-256 of the CAR, in hexadecimal.") { $0.carSHA256.map { hex($0) } },
        OutputField("verified_at", "When that status was found out; null where nobody has looked.") { $0.evidence?.at },
        OutputField("verify_method", "How: `read-back`, a digest (`put-…`, `listed-…`), or a question (`looked-up`).") {
            $0.evidence?.method
        },
        OutputField("verified_by", "Who looked: the host and the version of the program.") { $0.evidence?.by },
        OutputField("updated_at", "When something of this changed last.") { $0.updatedAt },
        .list(
            "shards",
            "The objects that hold the CAR together; none where one does.",
            of: [
                OutputField("name", "The name of the object.") { $0.name },
                OutputField("size_bytes", "Its length.", in: .bytes) { $0.length },
            ]
        ) { $0.shards },
    ]

    /// A table of where CIDs are and how that is known.
    static func table(_ mappings: [Mapping]) -> Report.Part {
        .table(
            [
                .init("BACKEND"), .init("STATUS"), .init("CID", mayShrink: true), .init("PATH", mayShrink: true),
                .init("SIZE", number: true), .init("VERIFIED"), .init("HOW"),
            ],
            rows: mappings.map {
                [
                    $0.backend, $0.status.rawValue, $0.cid.description,
                    $0.shards.isEmpty ? $0.path : "\($0.path) in \($0.shards.count) shards",
                    $0.size.map { ByteCount($0).description } ?? "-",
                    $0.evidence.map { "\($0.at.day) \($0.at.clock)" } ?? "never", $0.evidence?.method ?? "-",
                ]
            }
        )
    }
}
