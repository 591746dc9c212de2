internal import Catalog
internal import Digests
internal import Multiformats
internal import Schema

extension Mapping {
    /// The mapping as machines read it: the columns of the index schema, and who verified it.
    var json: JSON {
        [
            "cid": .text(cid), "car_file_path": .string(path), "backend_name": .string(backend),
            "created_at": .text(createdAt), "status": .string(status.rawValue), "metadata": .string(metadata),
            "name": .string(name), "size_bytes": .count(size), "block_count": .count(blockCount),
            "car_sha256": .text(carSHA256.map { hex($0) }), "verified_at": .text(evidence?.at),
            "verify_method": .text(evidence?.method), "verified_by": .text(evidence?.by),
            "updated_at": .text(updatedAt),
            "shards": .array(shards.map { ["name": .string($0.name), "size_bytes": .count($0.length)] }),
        ]
    }

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
