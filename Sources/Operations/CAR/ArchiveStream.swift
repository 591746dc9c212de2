internal import IPLD
internal import Storage

/// The blocks of an archive in their order, some megabytes at a time, each checked.
struct ArchiveStream {
    /// The header of the archive, or of its payload.
    let header: CARHeader

    /// How many blocks were given whose hash cannot be computed here.
    private(set) var unverifiable = 0

    /// The length of the file in bytes, where it can be known.
    var length: UInt64? { input.length }

    private let input: Input
    private let progress: Progress
    private var parser: CARParser
    private var position: UInt64

    /// How many bytes are read at a time.
    private static let batch = 8 << 20

    /// Opens what a person named and reads its header.
    init(_ name: String, _ session: Session) async throws {
        input = try Input(name, session)
        progress = session.progress
        var parser = CARParser(verifiesBlocks: false)
        var position: UInt64 = 0
        var header: CARHeader?
        while header == nil {
            let chunk = try await input.read(at: position, 64 << 10)
            guard !chunk.isEmpty else { break }
            position += UInt64(chunk.count)
            parser.feed(chunk)
            if case .header(let found)? = try parser.next() { header = found }
        }
        guard let header else {
            try parser.finish()
            throw DecodingProblem(.truncated, "\(name) ends before the header of an archive.")
        }
        self.header = header
        self.parser = parser
        self.position = position
    }

    /// The next blocks, or nil at the end.
    ///
    /// - Throws: what is wrong with the archive; where it is a block, no block of the same batch is given.
    mutating func next() async throws -> [Block]? {
        var blocks = try parsed()
        while blocks.isEmpty {
            let chunk = try await input.read(at: position, Self.batch)
            guard !chunk.isEmpty else {
                try parser.finish()
                return nil
            }
            position += UInt64(chunk.count)
            progress.bytes(UInt64(chunk.count))
            parser.feed(chunk)
            blocks = try parsed()
        }
        for case let problem? in await Block.problems(of: blocks) {
            guard problem.code == .unsupported else { throw problem }
            unverifiable += 1
        }
        return blocks
    }

    private mutating func parsed() throws(DecodingProblem) -> [Block] {
        var blocks: [Block] = []
        while let event = try parser.next() {
            if case .block(let block, _, _) = event { blocks.append(block) }
        }
        return blocks
    }
}
