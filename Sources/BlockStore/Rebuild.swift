internal import IPLD
internal import Multiformats
internal import POSIX

extension BlockStore {
    /// Makes the index again from the packs, alone with the store: every block whose hash is right, up to the first
    /// break in each pack.
    package func rebuild() async throws(StoreError) {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            let lock = try collectionLock(shared: false)
            defer { withExtendedLifetime(lock) {} }
            try index.clear()
            try rebuildIndex()
        }
    }

    /// Puts everything that is in the packs into the index.
    func rebuildIndex() throws(StoreError) {
        let numbers: [Int64]
        do throws(FileError) { numbers = try packNumbers() } catch { throw StoreError(error) }
        for number in numbers {
            var found: [(hash: Multihash, location: BlockLocation)] = []
            let length = try eachSection(of: number, upTo: .max) { (block, offset) throws(StoreError) in
                guard (try? block.verify()) != nil else { return }
                found.append(
                    (block.cid.hash, BlockLocation(pack: number, offset: offset, length: block.bytes.count))
                )
            }
            if length > 0 { try index.add(found, pack: number, length: length) }
        }
    }

    /// The packs that are on the disk.
    func packNumbers() throws(FileError) -> [Int64] {
        try listDirectory(folder + "/packs").compactMap { name in
            let text = String(decoding: name, as: UTF8.self)
            return text.hasSuffix(".car") ? Int64(text.dropLast(4)) : nil
        }
    }

    /// Hands the blocks of a pack to `body`, unchecked, with the offset of each one's first byte.
    ///
    /// A section that cannot be read hides where the next one begins: the pack counts up to there.
    /// - Returns: the length of what could be read.
    @discardableResult
    func eachSection(
        of number: Int64,
        upTo end: UInt64,
        _ body: (Block, UInt64) throws(StoreError) -> Void
    ) throws(StoreError) -> UInt64 {
        var parser = CARParser(verifiesBlocks: false)
        var position: UInt64 = 0
        let file: File
        do throws(FileError) { file = try File(path(of: number), .read) } catch { throw StoreError(error) }
        while position < end {
            let chunk: [UInt8]
            do throws(FileError) {
                chunk = try file.read(at: position, count: Int(min(4 << 20, end - position)))
            } catch {
                throw StoreError(error)
            }
            if chunk.isEmpty { break }
            position += UInt64(chunk.count)
            parser.feed(chunk)
            let before = parser
            let (events, isReadable) = Self.events(&parser)
            for case .block(let block, _, let offset) in events { try body(block, UInt64(offset)) }
            guard isReadable else { return UInt64(events.last.map(Self.end) ?? before.offset) }
        }
        return UInt64(parser.offset)
    }

    /// The sections that are whole in what was fed, and whether nothing kept more from being read.
    private static func events(_ parser: inout CARParser) -> ([CARParser.Event], Bool) {
        var events: [CARParser.Event] = []
        do throws(DecodingProblem) {
            while let event = try parser.next() { events.append(event) }
            return (events, true)
        } catch {
            return (events, false)
        }
    }

    /// Where a section ends.
    private static func end(of event: CARParser.Event) -> Int {
        switch event {
        case .header(let header): header.encoded.count
        case .block(let block, _, let offset): offset + block.bytes.count
        }
    }
}
