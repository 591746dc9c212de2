internal import Catalog
internal import IPLD
internal import Multiformats
internal import Schema
internal import Storage

extension Mapping {
    /// The row of a snapshot: a list of columns, with null for what is not known or is as usual.
    ///
    /// The backend stands above all rows of it. Where its CAR is in shards there is one column more: a list of their
    /// names and lengths, with null for a name that is as usual.
    var row: RowTree.Row {
        let usual = try? CARArchive.name(of: cid).text
        let isInFolder = CARName(path)?.isInFolder ?? false
        let shards = shards.enumerated().map { number, shard in
            let usual = Self.usual(cid, number, of: self.shards.count, isInFolder)
            return Node.list([shard.name == usual ? .null : .string(shard.name), .integer(Int128(shard.length))])
        }
        return (
            cid.bytes,
            .list(
                [
                    .bytes(cid.bytes), path == usual ? .null : .string(path), .string(status.rawValue),
                    name.isEmpty ? .null : .string(name), metadata == "{}" ? .null : .string(metadata),
                    size.map { .integer(Int128($0)) } ?? .null, blockCount.map { .integer(Int128($0)) } ?? .null,
                    carSHA256.map { .bytes($0) } ?? .null,
                    .time(createdAt), .time(updatedAt),
                    evidence.map { .time($0.at) } ?? .null, evidence.map { .string($0.method) } ?? .null,
                    evidence.map { .string($0.by) } ?? .null,
                ] + (shards.isEmpty ? [] : [.list(shards)])
            )
        )
    }

    /// The usual name of a shard, counted from 0.
    private static func usual(_ cid: CID, _ number: Int, of count: Int, _ isInFolder: Bool) -> String? {
        try? CARName(cid, shard: CARName.Shard(number + 1, of: count), isInFolder: isInFolder).object.text
    }

    /// Reads the shards of a row; nil where they are none.
    private static func shards(_ node: Node, of cid: CID, at path: String) -> [Location.Shard]? {
        guard let list = node.asList, list.count <= Location.maxShards else { return nil }
        let isInFolder = CARName(path)?.isInFolder ?? false
        let shards = list.enumerated().compactMap { number, item -> Location.Shard? in
            guard let pair = item.asList, pair.count == 2, let length = pair[1].asInt.flatMap(UInt64.init(exactly:)),
                let name = pair[0].asString ?? usual(cid, number, of: list.count, isInFolder)
            else { return nil }
            return Location.Shard(name, length: length)
        }
        return shards.count == list.count ? shards : nil
    }

    /// Reads a row of a snapshot, of this backend; nil where the CID or a date cannot be read.
    init?(row: [Node], on backend: String) {
        guard row.count >= 13, let cid = row[0].asBytes.flatMap({ try? CID(bytes: $0) }),
            let usual = try? CARArchive.name(of: cid).text, let created = row[8].asTime, let updated = row[9].asTime
        else { return nil }
        self.init(
            cid: cid,
            backend: backend,
            path: row[1].asString ?? usual,
            shards: row.count > 13 ? Self.shards(row[13], of: cid, at: row[1].asString ?? usual) ?? [] : [],
            status: row[2].asString.flatMap(Status.init) ?? .unknown,
            name: row[3].asString ?? "",
            metadata: row[4].asString ?? "{}",
            size: row[5].asInt.flatMap(UInt64.init(exactly:)),
            blockCount: row[6].asInt.flatMap(UInt64.init(exactly:)),
            carSHA256: row[7].asBytes,
            createdAt: created,
            updatedAt: updated
        )
        if let at = row[10].asTime, let method = row[11].asString {
            evidence = Evidence(method: method, at: at, by: row[12].asString ?? "")
        }
        isOurs = status == .stored && CARArchive.isOwn(Location(path, shards: shards), of: cid)
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
            shards: node["shards"].flatMap { Self.shards($0, of: cid, at: path) } ?? [],
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
        isOurs = status == .stored && CARArchive.isOwn(Location(path, shards: shards), of: cid)
    }
}

extension Node {
    /// A time as the number of its milliseconds, and no other than there are words for.
    fileprivate static func time(_ time: Timestamp) -> Node {
        .integer(Int128(time.inCalendar.milliseconds))
    }

    /// The time that a number of milliseconds stands for.
    fileprivate var asTime: Timestamp? {
        guard let number = asInt.flatMap({ Int64(exactly: $0) }), Timestamp.range.contains(number) else { return nil }
        return Timestamp(milliseconds: number)
    }
}

extension Pin {
    /// The row of a snapshot: a list of columns, with null for what is not there.
    var row: RowTree.Row {
        (
            cid.bytes,
            .list([
                .bytes(cid.bytes), name.isEmpty ? .null : .string(name),
                metadata == "{}" ? .null : .string(metadata), replicas.map { .integer(Int128($0)) } ?? .null,
                .time(createdAt), .time(updatedAt),
            ])
        )
    }

    /// Reads a row of a snapshot; nil where the CID or a date cannot be read.
    init?(row: [Node]) {
        guard row.count >= 6, let cid = row[0].asBytes.flatMap({ try? CID(bytes: $0) }), let created = row[4].asTime,
            let updated = row[5].asTime
        else { return nil }
        self.init(
            cid: cid,
            name: row[1].asString ?? "",
            metadata: row[2].asString ?? "{}",
            replicas: row[3].asInt,
            createdAt: created,
            updatedAt: updated
        )
    }

    /// Reads a row of a snapshot of the first form; nil where the CID or the date cannot be read.
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
