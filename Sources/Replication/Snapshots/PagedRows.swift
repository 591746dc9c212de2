internal import IPLD
internal import Multiformats

/// Rows in the order of their CIDs, cut into DAG-CBOR blocks of some hundred rows.
///
/// Where a page ends depends on the CIDs of the rows alone, so that two generations of an index share the pages
/// between which nothing changed.
struct PagedRows {
    /// The pages that were closed.
    private(set) var pages: [CID] = []
    /// The number of rows.
    private(set) var count = 0
    private var rows: [Node] = []

    private static let mostRows = 2048

    /// Adds a row; `emit` is called with a page when one is full.
    mutating func add(_ row: Node, cid: CID, emit: (Block) throws -> Void) throws {
        rows.append(row)
        count += 1
        let tail = cid.hash.digest.suffix(2).reduce(0) { $0 << 8 | Int($1) }
        let isBorder = tail & 0x1FF == 0
        if isBorder || rows.count >= Self.mostRows { try close(emit) }
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
    }
}
