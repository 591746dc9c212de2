internal import IPLD
internal import Multiformats
internal import POSIX
internal import Storage

/// Reads an archive from front to back and looks at every block.
struct ArchiveScan: Sendable {
    let input: Input
    var limits: CARParser.Limits

    /// How many bytes are read at a time.
    private static let piece = 4 << 20

    /// What was read in one go.
    struct Piece: Sendable {
        var header: CARHeader?
        var sections: [CARSection] = []
        /// What is wrong with blocks, by the index of their sections; nothing where they were not checked.
        var problems: [Int: DecodingProblem] = [:]
        /// What kept single sections, or all that follows, from being read, and the offsets of these.
        var damages: [(offset: Int, problem: DecodingProblem)] = []
        /// Whether nothing more is read.
        var isLast = false
        /// Whether that is because of the last of the damages.
        var isCut = false
        /// What came of the index of a CARv2, where it is kept.
        var index: [UInt8] = []
        /// How many bytes were read.
        var length: UInt64 = 0
        /// What stood before the payload of a CARv2.
        var container: CARContainer?
        /// See ``CARParser/extraneous``.
        var extraneous: UInt64 = 0
    }

    /// Hands what is in the archive to `take`, piece by piece; `verifies` says whether blocks are checked against their
    /// CIDs.
    ///
    /// Some pieces are checked while others are read and taken. The last one says how the archive ended.
    func read(verifies: Bool, _ take: @escaping (Piece) async throws -> Void) async throws {
        var parser = CARParser(verifiesBlocks: false, limits: limits)
        var position: UInt64 = 0
        var isAtEnd = false
        try await inOrder { () -> Piece? in
            if isAtEnd { return nil }
            let chunk = try await input.read(at: position, Self.piece)
            position += UInt64(chunk.count)
            let piece = Self.parse(chunk, &parser)
            isAtEnd = piece.isLast
            return piece
        } work: { (piece: Piece) -> Piece in
            verifies ? piece.checked() : piece
        } take: { (piece: Piece) in
            try await take(piece)
        }
    }

    /// Hands the header and then the sections of the archive, each checked, to who wants them; tells the progress.
    ///
    /// - Returns: how many blocks have a hash that cannot be computed here; they were given as they are.
    /// - Throws: what is wrong with the archive; where it is a block, no block of the same piece is given.
    func read(
        _ progress: Progress,
        header: @escaping (CARHeader) async throws -> Void,
        sections: @escaping ([CARSection]) async throws -> Void
    ) async throws -> Int {
        var unverifiable = 0
        var isBegun = false
        try await read(verifies: true) { piece in
            if let first = piece.firstProblem(where: { $0 != .unsupported }) { throw first.problem }
            unverifiable += piece.problems.count
            if let found = piece.header {
                isBegun = true
                try await header(found)
            }
            try await sections(piece.sections)
            if let damage = piece.damages.first { throw damage.problem }
            progress.bytes(piece.length)
        }
        guard isBegun else {
            throw DecodingProblem(.truncated, "\(input.name) ends before the header of an archive.")
        }
        return unverifiable
    }

    /// The header of the archive, read by itself.
    func header() async throws -> CARHeader {
        var parser = CARParser(verifiesBlocks: false, limits: limits)
        var position: UInt64 = 0
        while true {
            let chunk = try await input.read(at: position, 64 << 10)
            position += UInt64(chunk.count)
            parser.feed(chunk)
            if case .header(let header)? = try parser.next() { return header }
            guard chunk.isEmpty else { continue }
            try parser.finish()
            throw DecodingProblem(.truncated, "\(input.name) ends before the header of an archive.")
        }
    }

    /// The sections that are whole with what was read last; nothing read is the end.
    private static func parse(_ chunk: [UInt8], _ parser: inout CARParser) -> Piece {
        var piece = Piece()
        piece.length = UInt64(chunk.count)
        parser.feed(chunk)
        var isDone = false
        while !isDone {
            let start = parser.offset
            do throws(DecodingProblem) {
                switch try parser.next() {
                case .header(let header): piece.header = header
                case .section(let section): piece.sections.append(section)
                case nil: isDone = true
                }
            } catch {
                piece.damages.append((parser.isOver ? parser.offset : start, error))
                // Behind a bad section others can be read, but nobody needs to know of millions of them.
                piece.isCut = parser.isOver || piece.damages.count == CARVerifier.maxProblems
                isDone = piece.isCut
            }
        }
        if chunk.isEmpty, !piece.isCut {
            do throws(DecodingProblem) { try parser.finish() } catch {
                piece.damages.append((parser.offset, error))
                piece.isCut = true
            }
        }
        piece.isLast = chunk.isEmpty || piece.isCut
        piece.index = parser.takeIndex()
        piece.container = parser.container
        piece.extraneous = parser.extraneous
        return piece
    }
}

extension ArchiveScan.Piece {
    /// What is wrong with the first block that has a problem of such a kind.
    func firstProblem(
        where isMeant: (DecodingProblem.Code) -> Bool = { _ in true }
    ) -> (index: Int, problem: DecodingProblem)? {
        problems.filter { isMeant($0.value.code) }.min { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The same with each block checked.
    fileprivate func checked() -> Self {
        var piece = self
        for (index, section) in sections.enumerated() {
            do throws(DecodingProblem) { try section.verify() } catch { piece.problems[index] = error }
        }
        return piece
    }
}
