internal import IPLD
internal import Multiformats

/// Reads the rows of trees that a stranger may have made.
struct RowTreeReader {
    /// The block of a page; throws where it is not there.
    let node: (CID) throws -> Node
    /// Whether pages that are not there are passed over.
    let toleratesLoss: Bool
    /// How many rows were in pages that were passed over, as those above say.
    private(set) var lost = 0
    /// The key of the row that was read last.
    private var last: [UInt8]?
    private var list = ""
    private var seen: Set<CID> = []

    /// The most levels above the rows: with them there are more rows than any catalog has.
    private static let maxLevels = 8

    init(toleratesLoss: Bool, node: @escaping (CID) throws -> Node) {
        self.toleratesLoss = toleratesLoss
        self.node = node
    }

    /// What is said of a page where it is linked to.
    private struct Promise {
        let page: CID
        let rows: Int
        var level: Int?
        var firstKey: [UInt8]?
    }

    /// Calls `body` with each row of a list below a page, which has `rows` of them, in their order.
    mutating func read(_ list: String, _ root: CID?, rows: Int, body: ([Node]) throws -> Void) throws {
        guard let root else {
            guard rows == 0 else { throw Self.bad("It says that it has \(rows) rows, and has no page.") }
            return
        }
        (self.list, last) = (list, nil)
        try visit(Promise(page: root, rows: rows), body)
    }

    private mutating func visit(_ promise: Promise, _ body: ([Node]) throws -> Void) throws {
        // Each page is there once; a list of a thousand times the same one is not.
        guard seen.insert(promise.page).inserted else { throw Self.bad("A page stands there twice.") }
        let node: Node
        do {
            node = try self.node(promise.page)
        } catch {
            guard toleratesLoss else { throw error }
            lost += promise.rows
            return
        }
        guard let parts = node.asList, parts.count == 3, parts[0].asString == list, let level = parts[1].asInt,
            let entries = parts[2].asList, (0...Self.maxLevels).contains(level), promise.level ?? level == level,
            (1...PageCut.maxEntries).contains(entries.count)
        else { throw Self.bad("A page is none.") }
        if level > 0 {
            try descend(entries, level, promise, body)
        } else {
            try take(entries, promise, body)
        }
    }

    private mutating func descend(
        _ entries: [Node],
        _ level: Int,
        _ promise: Promise,
        _ body: ([Node]) throws -> Void
    ) throws {
        let below = try entries.map { entry in
            guard let parts = entry.asList, parts.count == 3, let key = parts[0].asBytes,
                key.count <= RowTree.keyPrefix, let page = parts[1].asLink, let rows = parts[2].asInt, rows > 0
            else { throw Self.bad("A page has an entry that leads nowhere.") }
            return Promise(page: page, rows: rows, level: level - 1, firstKey: key)
        }
        var sum = 0
        for promise in below {
            let (more, isOver) = sum.addingReportingOverflow(promise.rows)
            guard !isOver else { throw Self.bad("A page says that it has more rows than there can be.") }
            sum = more
        }
        guard sum == promise.rows else { throw Self.wrongCount }
        if let key = promise.firstKey, below.first?.firstKey != key { throw Self.wrongKey }
        for promise in below { try visit(promise, body) }
    }

    private mutating func take(_ entries: [Node], _ promise: Promise, _ body: ([Node]) throws -> Void) throws {
        guard entries.count == promise.rows else { throw Self.wrongCount }
        for (index, entry) in entries.enumerated() {
            guard entry.weight <= RowTree.heaviestRow, let row = entry.asList, let key = row.first?.asBytes else {
                throw Self.bad("A row cannot be read.")
            }
            if index == 0, let first = promise.firstKey, Array(key.prefix(RowTree.keyPrefix)) != first {
                throw Self.wrongKey
            }
            if let last, !last.lexicographicallyPrecedes(key) {
                throw Self.bad("Its rows do not stand in the order of their keys.")
            }
            last = key
            try body(row)
        }
    }

    private static var wrongCount: ReplicationError { bad("A page has another number of rows than stands above it.") }
    private static var wrongKey: ReplicationError { bad("A page begins with another key than stands above it.") }

    private static func bad(_ text: String) -> ReplicationError {
        .badSnapshot("A list of the snapshot is not what it should be: \(text)")
    }
}
