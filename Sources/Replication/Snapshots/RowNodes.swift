internal import Catalog
internal import IPLD
internal import Multiformats
internal import Schema
internal import Storage

extension Mapping {
    /// The row of an index: the columns of the index schema by name, those without a value left out.
    var node: Node {
        var entries: [Node.Entry] = [
            .init("cid", .string(cid.description)), .init("car_file_path", .string(path)),
            .init("backend_name", .string(backend)), .init("created_at", .string(createdAt.description)),
            .init("status", .string(status.rawValue)), .init("metadata", .string(metadata)),
            .init("name", .string(name)), .init("updated_at", .string(updatedAt.description)),
        ]
        if let size { entries.append(.init("size_bytes", .integer(Int128(size)))) }
        if let blockCount { entries.append(.init("block_count", .integer(Int128(blockCount)))) }
        if let carSHA256 { entries.append(.init("car_sha256", .bytes(carSHA256))) }
        if let evidence {
            entries.append(.init("verified_at", .string(evidence.at.description)))
            entries.append(.init("verify_method", .string(evidence.method)))
            entries.append(.init("verified_by", .string(evidence.by)))
        }
        return .map(entries)
    }

    /// Reads a row of an index; nil where the CID or a date cannot be read.
    init?(node: Node) {
        guard let text = node["cid"]?.asString, let cid = try? CID(text),
            let backend = node["backend_name"]?.asString, let path = node["car_file_path"]?.asString,
            let created = node["created_at"]?.asString.flatMap(Timestamp.init)
        else { return nil }
        self.init(
            cid: cid,
            backend: backend,
            path: path,
            status: node["status"]?.asString.flatMap(Status.init) ?? .unknown,
            name: node["name"]?.asString ?? "",
            metadata: node["metadata"]?.asString ?? "{}",
            size: node["size_bytes"]?.asInt.flatMap(UInt64.init(exactly:)),
            blockCount: node["block_count"]?.asInt.flatMap(UInt64.init(exactly:)),
            carSHA256: node["car_sha256"]?.asBytes,
            createdAt: created,
            updatedAt: node["updated_at"]?.asString.flatMap(Timestamp.init)
        )
        if let at = node["verified_at"]?.asString.flatMap(Timestamp.init), let method = node["verify_method"]?.asString
        {
            evidence = Evidence(method: method, at: at, by: node["verified_by"]?.asString ?? "")
        }
        // What may be removed later is only what lies where this program puts it: a row may be a stranger's.
        isOurs = status == .stored && path == (try? CARArchive.name(of: cid).text)
    }
}

extension Pin {
    /// The row of a snapshot.
    var node: Node {
        var entries: [Node.Entry] = [
            .init("cid", .string(cid.description)), .init("name", .string(name)),
            .init("metadata", .string(metadata)), .init("created_at", .string(createdAt.description)),
            .init("updated_at", .string(updatedAt.description)),
        ]
        if let replicas { entries.append(.init("replicas", .integer(Int128(replicas)))) }
        return .map(entries)
    }

    /// Reads a row of a snapshot; nil where the CID or the date cannot be read.
    init?(node: Node) {
        guard let text = node["cid"]?.asString, let cid = try? CID(text),
            let created = node["created_at"]?.asString.flatMap(Timestamp.init)
        else { return nil }
        self.init(
            cid: cid,
            name: node["name"]?.asString ?? "",
            metadata: node["metadata"]?.asString ?? "{}",
            replicas: node["replicas"]?.asInt,
            createdAt: created,
            updatedAt: node["updated_at"]?.asString.flatMap(Timestamp.init)
        )
    }
}
