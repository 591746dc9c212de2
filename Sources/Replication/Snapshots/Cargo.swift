internal import Catalog
internal import IPLD
internal import Multiformats
internal import POSIX

/// The SHA-256 of a page.
struct PageDigest: Hashable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// The number of bytes of one.
    static let length = 32

    /// Takes the last bytes of some.
    init(endOf bytes: ArraySlice<UInt8>) {
        let start = bytes.endIndex - Self.length
        func word(_ index: Int) -> UInt64 {
            bytes[(start + 8 * index)..<(start + 8 * index + 8)].reduce(0) { $0 << 8 | UInt64($1) }
        }
        words = (word(0), word(1), word(2), word(3))
    }

    /// The digest of a page, all of which are named by SHA-256.
    init(_ cid: CID) { self.init(endOf: cid.bytes[...]) }

    static func == (left: PageDigest, right: PageDigest) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

/// The pages of a snapshot: those that objects on the backend hold already, and those that have to be sent.
struct Cargo {
    /// So many bytes of pages go into the snapshot itself; more of them make an object that later snapshots share.
    static let mostInSnapshot = 36 << 10

    /// The pages to be sent, while they are few.
    private(set) var blocks: [Block] = []
    /// The SHA-256 of each page to be sent.
    private(set) var digests: [UInt8] = []
    /// How many pages of each object that holds some are needed.
    private(set) var live: [Int]
    private let held: [PageDigest: Int]
    private var seen: Set<PageDigest> = []
    private var weight = 0
    private var last: CID?
    private var file: CARFileWriter?
    private let path: String

    /// Needs the pages in `objects` no more; `path` is of a file for what has to be sent, if that is much.
    init(holding objects: [PageObject], path: String) {
        var held: [PageDigest: Int] = [:]
        for (index, object) in objects.enumerated() {
            for start in stride(from: 0, to: object.blocks.count, by: PageDigest.length) {
                held[PageDigest(endOf: object.blocks[start..<start + PageDigest.length])] = index
            }
        }
        self.held = held
        self.path = path
        live = Array(repeating: 0, count: objects.count)
    }

    /// Whether a page is there, or will be: it need not be made.
    mutating func has(_ page: CID) -> Bool {
        let digest = PageDigest(page)
        if seen.contains(digest) { return true }
        guard let index = held[digest] else { return false }
        seen.insert(digest)
        live[index] += 1
        return true
    }

    /// Takes a page that the snapshot needs.
    mutating func add(_ block: Block) throws {
        guard !has(block.cid) else { return }
        seen.insert(PageDigest(block.cid))
        digests += block.cid.bytes.suffix(PageDigest.length)
        weight += block.bytes.count
        last = block.cid
        if let file { return try file.append(block) }
        blocks.append(block)
        guard weight > Self.mostInSnapshot else { return }
        let file = try CARFileWriter(path: path)
        for block in blocks { try file.append(block) }
        blocks = []
        self.file = file
    }

    /// Completes the file; false where there is none, for the snapshot has all of it.
    func finish() throws -> Bool {
        guard let file, let last else { return false }
        try file.finish(root: last)
        return true
    }
}
