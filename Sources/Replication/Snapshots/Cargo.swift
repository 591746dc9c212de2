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
    static let maxInSnapshot = 36 << 10

    /// A file of pages to be sent.
    struct Archive: Sendable {
        let path: String
        /// The SHA-256 of each page in it.
        var digests: [UInt8] = []
    }

    /// The pages to be sent, while they are few.
    private(set) var blocks: [Block] = []
    /// The files of those to be sent, where they are many.
    private(set) var archives: [Archive] = []
    /// How many pages of each object that holds some are needed.
    private(set) var live: [Int]
    private let held: [PageDigest: Int]
    private var seen: Set<PageDigest> = []
    private var weight = 0
    private var last: CID?
    private var file: CARFileWriter?
    private let newFile: @Sendable () -> String
    private let longest: UInt64

    /// Needs the pages in `objects` no more; what has to be sent, if that is much, is put into files of at most
    /// `longest` bytes, as far as one page fits, whose paths `newFile` gives.
    init(holding objects: [PageObject], longest: UInt64, in newFile: @escaping @Sendable () -> String) {
        (self.longest, self.newFile) = (longest, newFile)
        var held: [PageDigest: Int] = [:]
        for (index, object) in objects.enumerated() {
            for start in stride(from: 0, to: object.blocks.count, by: PageDigest.length) {
                held[PageDigest(endOf: object.blocks[start..<start + PageDigest.length])] = index
            }
        }
        self.held = held
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
        guard file == nil else { return try append(block) }
        weight += block.bytes.count
        blocks.append(block)
        guard weight > Self.maxInSnapshot else { return }
        for block in blocks { try append(block) }
        blocks = []
    }

    private mutating func append(_ block: Block) throws {
        if let open = file, open.length(with: block) > longest {
            try close()
        }
        if file == nil {
            let path = newFile()
            file = try CARFileWriter(path: path)
            archives.append(Archive(path: path))
        }
        try file?.append(block)
        last = block.cid
        archives[archives.count - 1].digests += block.cid.bytes.suffix(PageDigest.length)
    }

    private mutating func close() throws {
        if let file, let last { try file.finish(root: last) }
        file = nil
    }

    /// Completes the files; there are none where the snapshot has all of it.
    mutating func finish() throws { try close() }
}
