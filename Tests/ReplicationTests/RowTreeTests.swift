import Catalog
import IPLD
import Multiformats
@testable import Replication
import Samples
import Testing

/// Trees of rows against the plain sorted list that they stand for.
@Suite struct RowTreeTests {
    /// A list of rows with the blocks of its tree.
    private struct Sample {
        var rows: [[UInt8]: Node] = [:]
        var pages: [RowPage] = []
        var blocks: [CID: Block] = [:]
        var root: CID?
        /// The pages that were made last.
        var made: Set<CID> = []

        /// A key that looks like a CID.
        static func key(_ number: Int) -> [UInt8] {
            CID.v1(.raw, Multihash.sha256(of: Array("row \(number)".utf8))).bytes
        }

        static func row(_ key: [UInt8], _ value: Int) -> Node {
            .list([.bytes(key), .integer(Int128(value)), .string("some text of a row")])
        }

        /// Brings the tree in step with the rows, of which these changed.
        mutating func update(changed: [[UInt8]]) throws {
            let order = rows.keys.sorted { $0.lexicographicallyPrecedes($1) }
            var made: [Block] = []
            pages = try RowTree.pages(
                of: "list",
                changing: pages,
                at: changed.sorted { $0.lexicographicallyPrecedes($1) }
            ) { from, to, body in
                for key in order where !key.lexicographicallyPrecedes(from) {
                    if let to, !key.lexicographicallyPrecedes(to) { break }
                    try body((key, rows[key] ?? .null))
                }
            } emit: {
                made.append($0)
            }
            root = try RowTree.root(of: "list", above: pages) { made.append($0) }
            self.made = Set(made.map(\.cid)).subtracting(blocks.keys)
            for block in made { blocks[block.cid] = block }
        }

        /// The same rows as a tree that is made at once.
        func rebuilt() throws -> Sample {
            var other = Sample(rows: rows)
            try other.update(changed: [])
            return other
        }

        func node(_ cid: CID) throws -> Node {
            guard let block = blocks[cid] else { throw DecodingProblem(.missing, "It is not there.", cid: cid) }
            return try Node(cbor: block.bytes)
        }

        /// The rows that can be read, and how many are lost.
        func read(toleratesLoss: Bool = false) throws -> (rows: [[Node]], lost: Int) {
            var reader = RowTreeReader(toleratesLoss: toleratesLoss) { try node($0) }
            var read: [[Node]] = []
            try reader.read("list", root, rows: rows.count) { read.append($0) }
            return (read, reader.lost)
        }

        /// The pages of each level, the lowest first.
        func levels() throws -> [[[Node]]] {
            var levels: [[[Node]]] = []
            var next = root.map { [$0] } ?? []
            while !next.isEmpty {
                let pages = try next.map { try node($0).asList?[2].asList ?? [] }
                let isAbove = try node(next[0]).asList?[1].asInt ?? 0 > 0
                levels.insert(pages, at: 0)
                next = isAbove ? pages.flatMap { $0.compactMap { $0.asList?[1].asLink } } : []
            }
            return levels
        }
    }

    private static func sample(_ count: Int) throws -> Sample {
        var sample = Sample()
        for number in 0..<count {
            let key = Sample.key(number)
            sample.rows[key] = Sample.row(key, 0)
        }
        try sample.update(changed: [])
        return sample
    }

    @Test(arguments: 0..<20) func `rows that come, change and go in any order make the tree of the rows`(
        seed: Int
    ) throws {
        var numbers = SeededNumbers(seed: UInt64(seed))
        var sample = Sample()
        for step in 0..<40 {
            // Few among many, and now and then most of them.
            let range = step % 10 == 9 ? 1...400 : 1...6
            var changed: Set<[UInt8]> = []
            for _ in 0..<Int.random(in: range, using: &numbers) {
                let key = Sample.key(Int.random(in: 0..<700, using: &numbers))
                changed.insert(key)
                let goes = Int.random(in: 0..<5, using: &numbers) < (seed % 4 == 3 ? 3 : 1)
                sample.rows[key] = goes ? nil : Sample.row(key, step)
            }
            try sample.update(changed: Array(changed))
            let whole = try sample.rebuilt()
            try #require(sample.root == whole.root && sample.pages == whole.pages, "step \(step)")
            let read = try sample.read().rows
            #expect(read.map { $0[0].asBytes } == sample.rows.keys.sorted { $0.lexicographicallyPrecedes($1) })
        }
        // All go.
        let changed = Array(sample.rows.keys)
        sample.rows = [:]
        try sample.update(changed: changed)
        #expect(sample.root == nil && sample.pages.isEmpty)
    }

    @Test func `neighbours share all pages but those that lead to what changed`() throws {
        var sample = try Self.sample(20_000)
        let levels = try sample.levels().count
        #expect(levels == 3)
        for number in [3, 777, 19_999] {
            let key = Sample.key(number)
            sample.rows[key] = Sample.row(key, number)
            try sample.update(changed: [key])
            #expect(sample.made.count == levels)
        }
        for number in 20_000..<20_020 {
            let key = Sample.key(number)
            sample.rows[key] = Sample.row(key, number)
            try sample.update(changed: [key])
            // A page that ends elsewhere by that has neighbours that do.
            #expect(sample.made.count <= 2 * levels + 2)
            let bytes = sample.made.reduce(0) { $0 + (sample.blocks[$1]?.bytes.count ?? 0) }
            #expect(bytes < 24 << 10)
        }
    }

    @Test func `pages have bounds, whatever the keys and the rows are`() throws {
        for page in try Self.sample(5000).levels()[0].dropLast() { #expect((8...64).contains(page.count)) }
        for level in try Self.sample(20_000).levels().dropFirst().dropLast() {
            for page in level.dropLast() { #expect((32...256).contains(page.count)) }
        }
        // Keys of which each ends a page, and keys of which none does.
        for isEnd in [true, false] {
            var chosen = Sample()
            var number = 0
            while chosen.rows.count < 300 {
                number += 1
                let key = Sample.key(number)
                var cut = PageCut(level: 0)
                for _ in 0..<7 { _ = cut.ends(after: [], weight: 0) }
                guard cut.ends(after: key, weight: 0) == isEnd else { continue }
                chosen.rows[key] = Sample.row(key, 0)
            }
            try chosen.update(changed: [])
            for page in try chosen.levels()[0].dropLast() { #expect(page.count == (isEnd ? 8 : 64)) }
        }
        // Rows of great weight.
        var heavy = Sample()
        for number in 0..<30 {
            let key = Sample.key(number)
            heavy.rows[key] = .list([.bytes(key), .string(String(repeating: "x", count: 900 << 10))])
        }
        try heavy.update(changed: [])
        #expect(try heavy.pages.count == 30 && heavy.read().rows.count == 30)
        let key = Sample.key(1)
        heavy.rows[key] = .list([.bytes(key), .string(String(repeating: "x", count: RowTree.heaviestRow))])
        #expect(throws: DecodingProblem.self) { try heavy.update(changed: [key]) }
    }

    @Test func `what is missing is told, and the rest is read`() throws {
        var sample = try Self.sample(5000)
        let whole = try sample.read().rows
        let page = sample.pages[17]
        sample.blocks[page.cid] = nil
        #expect(throws: DecodingProblem.self) { try sample.read() }
        let part = try sample.read(toleratesLoss: true)
        #expect(part.lost == page.rows && part.rows.count == 5000 - page.rows)
        #expect(Set(part.rows).isSubset(of: Set(whole)))
        sample.blocks[try #require(sample.root)] = nil
        let nothing = try sample.read(toleratesLoss: true)
        #expect(nothing.lost == 5000 && nothing.rows.isEmpty)
    }

    // MARK: Hostile pages

    /// A change of a tree of two levels that nobody makes by accident: of the top, and of the pages below it.
    struct Forgery: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var list = "list"
        var topLevel = 1
        var level = 0
        /// How many rows more than there are stand above.
        var claimed = 0
        var change: @Sendable (_ below: inout [[Node]]) -> Void = { _ in }
        var above: @Sendable (_ entries: inout [Node]) -> Void = { _ in }
    }

    static let forgeries = [
        Forgery(testDescription: "another list", list: "other"),
        Forgery(testDescription: "a level too high", topLevel: 2),
        Forgery(testDescription: "a level that is its own", level: 1),
        Forgery(testDescription: "very many levels", topLevel: 1_000_000),
        Forgery(testDescription: "more rows than there are", claimed: 1),
        Forgery(testDescription: "an empty page") { $0[1] = [] },
        Forgery(testDescription: "rows out of order") { $0[0].swapAt(1, 2) },
        Forgery(testDescription: "a row twice") { $0[0][2] = $0[0][1] },
        Forgery(testDescription: "a row of the page before") { $0[1][0] = $0[0][0] },
        Forgery(testDescription: "pages out of order") { $0.swapAt(0, 1) },
        Forgery(testDescription: "too many rows") { $0[0] = Array(repeating: $0[0][0], count: 1000) },
        Forgery(testDescription: "a row without a key") { $0[0][3] = .list([.string("no bytes")]) },
        Forgery(testDescription: "a row that is none") { $0[0][3] = .null },
        Forgery(testDescription: "a row of great weight") { below in
            guard let key = below[0][3].asList?.first else { return }
            below[0][3] = .list([key, .string(String(repeating: "x", count: RowTree.heaviestRow))])
        },
        Forgery(
            testDescription: "a key that is not above",
            above: { entries in
                guard let entry = entries[1].asList else { return }
                entries[1] = .list([.bytes([9, 9]), entry[1], entry[2]])
            }
        ),
        Forgery(testDescription: "a page twice", above: { entries in entries[1] = entries[0] }),
        Forgery(
            testDescription: "an entry that leads nowhere",
            above: { entries in entries[1] = .list([.bytes([]), .null]) }
        ),
        Forgery(
            testDescription: "a negative number of rows",
            above: { entries in
                guard let entry = entries[1].asList else { return }
                entries[1] = .list([entry[0], entry[1], .integer(-1)])
            }
        ),
        Forgery(
            testDescription: "more rows than can be counted",
            above: { entries in
                for index in 0..<2 {
                    guard let entry = entries[index].asList else { return }
                    entries[index] = .list([entry[0], entry[1], .integer(Int128(Int.max))])
                }
            }
        ),
    ]

    @Test(arguments: forgeries) func `what a stranger made of pages is refused`(forgery: Forgery) throws {
        for toleratesLoss in [false, true] {
            #expect(throws: ReplicationError.self) { _ = try read(forgery, toleratesLoss) }
        }
    }

    @Test func `the pages that forgeries are made of can be read`() throws {
        #expect(try read(Forgery(testDescription: "nothing"), false) == 40)
    }

    private func read(_ forgery: Forgery, _ toleratesLoss: Bool) throws -> Int {
        let keys = (0..<40).map { Sample.key($0) }.sorted { $0.lexicographicallyPrecedes($1) }
        let rows = keys.map { Sample.row($0, 0) }
        var below = [Array(rows[..<20]), Array(rows[20...])]
        let firsts = below.map { $0[0].asList?[0].asBytes ?? [] }
        forgery.change(&below)
        var blocks: [CID: Block] = [:]
        func page(_ list: String, _ level: Int, _ entries: [Node]) throws -> CID {
            let bytes = try Node.list([.string(list), .integer(Int128(level)), .list(entries)]).cbor()
            let block = Block(codec: .dagCBOR, bytes: bytes)
            blocks[block.cid] = block
            return block.cid
        }
        var entries = try zip(below, firsts).map { rows, first in
            Node.list([
                .bytes(Array(first.prefix(16))), .link(try page(forgery.list, forgery.level, rows)),
                .integer(Int128(rows.count)),
            ])
        }
        forgery.above(&entries)
        let top = try page("list", forgery.topLevel, entries)
        var reader = RowTreeReader(toleratesLoss: toleratesLoss) { cid in
            guard let block = blocks[cid] else { throw DecodingProblem(.missing, "It is not there.", cid: cid) }
            return try Node(cbor: block.bytes)
        }
        var count = 0
        try reader.read("list", top, rows: below.reduce(0) { $0 + $1.count } + forgery.claimed) { _ in count += 1 }
        return count
    }
}
