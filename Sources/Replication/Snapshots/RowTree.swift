internal import Catalog
internal import IPLD
internal import Multiformats

/// Rows in the order of their keys as a tree of blocks: two generations share all pages but those that lead to what
/// changed.
///
/// A page is the DAG-CBOR list `[list, level, entries]`. Entries of level 0 are rows, lists that begin with the key;
/// those above are `[first bytes of the first key, link, number of rows]`. The tree depends on the rows alone, and not
/// on the order in which they came. The name of the list is in each page, so that no two lists have one in common.
struct RowTree {
    /// So many bytes of a page's first key stand above it.
    static let keyPrefix = 16
    /// The largest weight of a row: with it, a page is still a block that everybody reads.
    static let heaviestRow = PagedRows.heaviestRow

    /// The pages of level 0.
    private(set) var pages: [RowPage] = []
    private var cut = PageCut(level: 0)
    private var rows: [Node] = []
    private var first: [UInt8] = []
    private let list: String
    private let emit: (Block) throws -> Void

    private init(_ list: String, _ emit: @escaping (Block) throws -> Void) { (self.list, self.emit) = (list, emit) }

    /// One row: its key, and the list that begins with it.
    typealias Row = (key: [UInt8], node: Node)
    /// Reads the rows from one key up to another, which is not among them; nil is the end.
    typealias Reader = (_ from: [UInt8], _ to: [UInt8]?, _ body: (Row) throws -> Void) throws -> Void

    /// The pages of level 0, where `old` were those before some rows changed: the pages in which those are, or were,
    /// are made anew, and those behind them up to where an old one begins.
    ///
    /// `emit` is called with each new page.
    static func pages(
        of list: String,
        changing old: [RowPage],
        at changed: [[UInt8]],
        read: Reader,
        emit: (Block) throws -> Void
    ) throws -> [RowPage] {
        try withoutActuallyEscaping(emit) { emit in
            var tree = RowTree(list, emit)
            guard !old.isEmpty else {
                try read([], nil) { try tree.add($0) }
                return try tree.finish()
            }
            var next = 0
            for key in changed {
                let index = max(old.partition(below: key) - 1, 0)
                // What lies before has been read anew already.
                guard index >= next else { continue }
                tree.pages += old[next..<index]
                next = index
                repeat {
                    let from = next == 0 ? [] : old[next].first
                    next += 1
                    try read(from, next < old.count ? old[next].first : nil) { try tree.add($0) }
                } while !tree.cut.isAtStart && next < old.count
            }
            try tree.close()
            tree.pages += old[next...]
            return tree.pages
        }
    }

    /// Makes the pages above others, and returns the topmost; nil where there is no row.
    static func root(of list: String, above pages: [RowPage], emit: (Block) throws -> Void) throws -> CID? {
        var (level, pages) = (0, pages)
        while pages.count > 1 {
            level += 1
            var cut = PageCut(level: level)
            var above: [RowPage] = []
            var start = pages.startIndex
            for (index, page) in pages.enumerated() {
                let isLast = index == pages.endIndex - 1
                guard cut.ends(after: page.first, weight: 0) || isLast else { continue }
                let part = pages[start...index]
                start = index + 1
                let entries = part.map { page in
                    Node.list([
                        .bytes(Array(page.first.prefix(keyPrefix))), .link(page.cid), .integer(Int128(page.rows)),
                    ])
                }
                let block = try Self.page(list, level, entries)
                try emit(block)
                above.append(
                    RowPage(
                        first: part[part.startIndex].first,
                        cid: block.cid,
                        rows: part.reduce(0) { $0 + $1.rows }
                    )
                )
            }
            pages = above
        }
        return pages.first?.cid
    }

    /// A page that is known, made again of its rows; `next` is the one behind it.
    static func page(of list: String, _ known: RowPage, before next: RowPage?, read: Reader) throws -> Block {
        var rows: [Node] = []
        try read(known.first, next?.first) { rows.append($0.node) }
        return try page(list, 0, rows)
    }

    private static func page(_ list: String, _ level: Int, _ entries: [Node]) throws -> Block {
        let page = Node.list([.string(list), .integer(Int128(level)), .list(entries)])
        return Block(codec: .dagCBOR, bytes: try page.cbor())
    }

    private mutating func add(_ row: Row) throws {
        let weight = row.node.weight
        guard weight <= Self.heaviestRow else {
            throw DecodingProblem(
                .tooLarge,
                "What is known of a root has \(weight) bytes; the limit is \(Self.heaviestRow).",
                cid: try? CID(bytes: row.key)
            )
        }
        if rows.isEmpty { first = row.key }
        rows.append(row.node)
        if cut.ends(after: row.key, weight: weight) { try close() }
    }

    private mutating func close() throws {
        guard !rows.isEmpty else { return }
        let block = try Self.page(list, 0, rows)
        try emit(block)
        pages.append(RowPage(first: first, cid: block.cid, rows: rows.count))
        rows.removeAll(keepingCapacity: true)
    }

    private mutating func finish() throws -> [RowPage] {
        try close()
        return pages
    }
}

extension [RowPage] {
    /// How many pages begin at or before a key.
    fileprivate func partition(below key: [UInt8]) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if key.lexicographicallyPrecedes(self[middle].first) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
