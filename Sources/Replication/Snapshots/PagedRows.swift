internal import IPLD
internal import Multiformats

/// Rows in the order of their CIDs, cut into DAG-CBOR blocks of some hundred rows.
///
/// Where a page ends depends on the rows in it alone, so that two generations of an index share the pages between which
/// nothing changed.
struct PagedRows {
    /// The pages that were closed.
    private(set) var pages: [CID] = []
    /// The number of rows.
    private(set) var count = 0
    private var rows: [Node] = []
    /// The weight of the rows.
    private var weight = 0

    private static let mostRows = 2048
    /// A page is closed when its rows have this weight.
    private static let fullPage = 1 << 20
    /// The largest weight of a row: with it, a page is still a block that everybody reads.
    static let heaviestRow = 2 << 20

    /// Adds a row; `emit` is called with a page when one is full.
    mutating func add(_ row: Node, cid: CID, emit: (Block) throws -> Void) throws {
        let weight = row.weight
        guard weight <= Self.heaviestRow else {
            throw DecodingProblem(
                .tooLarge,
                "What is known of \(cid) has \(weight) bytes; the limit is \(Self.heaviestRow)."
            )
        }
        rows.append(row)
        count += 1
        self.weight += weight
        let tail = cid.hash.digest.suffix(2).reduce(0) { $0 << 8 | Int($1) }
        let isBorder = tail & 0x1FF == 0
        if isBorder || rows.count >= Self.mostRows || self.weight >= Self.fullPage { try close(emit) }
    }

    /// Closes the last page and gives the links to all of them.
    mutating func finish(emit: (Block) throws -> Void) throws -> Node {
        if !rows.isEmpty { try close(emit) }
        return .list(pages.map(Node.link))
    }

    private mutating func close(_ emit: (Block) throws -> Void) throws {
        let page = Block(codec: .dagCBOR, bytes: try Node.list(rows).cbor())
        try emit(page)
        pages.append(page.cid)
        rows.removeAll(keepingCapacity: true)
        weight = 0
    }
}

extension Node {
    /// About how many bytes a row takes: those of its texts, and some for each column.
    var weight: Int {
        func weight(_ value: Node) -> Int { (value.asString?.utf8.count ?? value.asBytes?.count ?? 0) + 16 }
        if let columns = asList { return columns.reduce(0) { $0 + weight($1) } }
        return (asMap ?? []).reduce(0) { $0 + $1.key.utf8.count + weight($1.value) }
    }
}
