internal import Catalog
internal import IPLD
internal import Multiformats
internal import Schema

/// The rows of an index in the order of their CIDs, cut into DAG-CBOR blocks of some hundred rows.
///
/// Where a page ends depends on the rows in it alone, so that two generations of an index share the pages between which
/// nothing changed.
struct PagedRows {
    /// The pages that were closed.
    private(set) var pages: [CID] = []
    /// The number of rows.
    private(set) var count = 0
    /// The rows of the page that is open.
    private var rows = IndexRows()
    private let backend: [UInt8]

    private static let maxRows = 2048
    /// A page is closed when its rows have this weight.
    private static let fullPage = 1 << 20
    /// The largest weight of a row: with it, a page is still a block that everybody reads.
    static let heaviestRow = 2 << 20

    init(backend: String) { self.backend = Array(backend.utf8) }

    /// Adds a row; `emit` is called with a page when one is full.
    mutating func add(_ row: Int, of columns: MappingColumns, emit: (Block) throws -> Void) throws {
        let before = rows.weight
        rows.append(row, of: columns, on: backend)
        let cid = columns.cids[row]
        guard rows.weight - before <= Self.heaviestRow else {
            throw DecodingProblem(
                .tooLarge,
                "What is known of \(cid) has \(rows.weight - before) bytes; the limit is \(Self.heaviestRow)."
            )
        }
        count += 1
        let isFull = rows.count >= Self.maxRows || rows.weight >= Self.fullPage
        if isFull || Self.isBorder(cid.hash.digest) { try close(emit) }
    }

    /// Whether a page ends after a digest: nine of its last bits are zero.
    private static func isBorder(_ digest: ArraySlice<UInt8>) -> Bool {
        guard let last = digest.last else { return true }
        return last == 0 && (digest.count < 2 || digest[digest.endIndex - 2] & 1 == 0)
    }

    /// Closes the last page and gives the links to all of them.
    mutating func finish(emit: (Block) throws -> Void) throws -> Node {
        if rows.count > 0 { try close(emit) }
        return .list(pages.map(Node.link))
    }

    private mutating func close(_ emit: (Block) throws -> Void) throws {
        let page = Block(codec: .dagCBOR, bytes: rows.takePage())
        try emit(page)
        pages.append(page.cid)
    }
}

/// Rows of an index as DAG-CBOR maps: the columns of the index schema by name, those without a value left out.
///
/// There are too many of them to make a `Node` of each.
private struct IndexRows {
    private(set) var count = 0
    /// About how many bytes the rows take: those of their texts, and some for each column.
    private(set) var weight = 0
    private var bytes: [UInt8] = []
    private var scratch: [UInt8] = []
    private let keys = Keys()

    /// The columns with their keys as DAG-CBOR.
    private struct Keys {
        let cid = Key("cid")
        let name = Key("name")
        let shards = Key("shards")
        let status = Key("status")
        let metadata = Key("metadata")
        let carSHA256 = Key("car_sha256")
        let createdAt = Key("created_at")
        let size = Key("size_bytes")
        let updatedAt = Key("updated_at")
        let blockCount = Key("block_count")
        let verifiedAt = Key("verified_at")
        let verifiedBy = Key("verified_by")
        let backend = Key("backend_name")
        let path = Key("car_file_path")
        let method = Key("verify_method")
    }

    private struct Key {
        let bytes: [UInt8]
        let weight: Int

        init(_ name: String) {
            var bytes: [UInt8] = []
            CBORHead.append(major: 3, UInt64(name.utf8.count), to: &bytes)
            self.bytes = bytes + name.utf8
            weight = name.utf8.count + 16
        }
    }

    /// Appends a row, its keys in the order that DAG-CBOR wants: the shorter first, and then by their bytes.
    mutating func append(_ row: Int, of columns: MappingColumns, on backend: [UInt8]) {
        let (size, blockCount) = (columns.sizes[row], columns.blockCounts[row])
        let (digest, verifiedAt) = (columns.carSHA256[row], columns.verifiedAt[row])
        let shards = columns.shards[row] ?? []
        let missing = [shards.isEmpty, digest.isEmpty, size == nil, blockCount == nil].count { $0 }
        CBORHead.append(major: 5, UInt64(12 - missing + (verifiedAt == nil ? 0 : 3)), to: &bytes)
        append(keys.cid, columns.cidTexts[row])
        append(keys.name, columns.names[row])
        if !shards.isEmpty { append(shards) }
        append(keys.status, columns.statuses[row])
        append(keys.metadata, columns.metadata[row])
        if !digest.isEmpty { append(keys.carSHA256, digest, major: 2) }
        append(keys.createdAt, time: columns.createdAt[row])
        if let size { append(keys.size, number: size) }
        append(keys.updatedAt, time: columns.updatedAt[row])
        if let blockCount { append(keys.blockCount, number: blockCount) }
        if let verifiedAt {
            append(keys.verifiedAt, time: verifiedAt)
            append(keys.verifiedBy, columns.verifiedBy[row])
        }
        append(keys.backend, backend[...])
        append(keys.path, columns.paths[row])
        if verifiedAt != nil { append(keys.method, columns.verifyMethods[row]) }
        count += 1
    }

    /// The rows as a list, and then there are none.
    mutating func takePage() -> [UInt8] {
        var page: [UInt8] = []
        page.reserveCapacity(bytes.count + 9)
        CBORHead.append(major: 4, UInt64(count), to: &page)
        page.append(contentsOf: bytes)
        bytes.removeAll(keepingCapacity: true)
        (count, weight) = (0, 0)
        return page
    }

    /// Appends text, or bytes, which are major type 2.
    private mutating func append(_ key: Key, _ value: ArraySlice<UInt8>, major: UInt8 = 3) {
        bytes.append(contentsOf: key.bytes)
        CBORHead.append(major: major, UInt64(value.count), to: &bytes)
        bytes.append(contentsOf: value)
        weight += key.weight + value.count
    }

    private mutating func append(_ key: Key, number: Int64) {
        bytes.append(contentsOf: key.bytes)
        CBORHead.append(major: 0, UInt64(number), to: &bytes)
        weight += key.weight
    }

    private mutating func append(_ shards: [Location.Shard]) {
        bytes.append(contentsOf: keys.shards.bytes)
        CBORHead.append(major: 4, UInt64(shards.count), to: &bytes)
        for shard in shards {
            CBORHead.append(major: 4, 2, to: &bytes)
            CBORHead.append(major: 3, UInt64(shard.name.utf8.count), to: &bytes)
            bytes.append(contentsOf: shard.name.utf8)
            CBORHead.append(major: 0, shard.length, to: &bytes)
            weight += shard.name.utf8.count + 48
        }
        weight += keys.shards.weight
    }

    private mutating func append(_ key: Key, time: Int64) {
        scratch.removeAll(keepingCapacity: true)
        Timestamp(milliseconds: time).append(to: &scratch)
        append(key, scratch[...])
    }
}

extension Node {
    /// About how many bytes a row takes: those of its texts, and some for each column.
    var weight: Int {
        func weight(_ value: Node) -> Int {
            // A list in a row, of shards, may be longer than all the rest.
            let items = value.asList?.reduce(0) { $0 + weight($1) } ?? 0
            return (value.asString?.utf8.count ?? value.asBytes?.count ?? items) + 16
        }
        if let columns = asList { return columns.reduce(0) { $0 + weight($1) } }
        return (asMap ?? []).reduce(0) { $0 + $1.key.utf8.count + weight($1.value) }
    }
}
