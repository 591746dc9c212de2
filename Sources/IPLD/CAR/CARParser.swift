public import Multiformats

/// Reads a CAR of either version that arrives in pieces of any size, without doing any input itself.
///
/// Feed bytes, call ``next()`` until it gives nil, feed more; at the end of the input call ``finish()``. Of a CARv2 the
/// payload is read; its index is passed over unless ``Limits/keepsIndex`` is set.
public struct CARParser: Sendable {
    /// Something that was read whole.
    public enum Event: Sendable, Hashable {
        case header(CARHeader)
        case section(CARSection)
    }

    /// How much is accepted from outside, and what of it.
    public struct Limits: Sendable, Hashable {
        /// The longest header, in bytes.
        public var header = 32 << 20

        /// The longest section (CID and block), in bytes; a block has no more than ``Block/longest`` of them.
        public var section = Block.longestSection

        /// Whether a section of length zero ends the archive, as padding, rather than being an error; what follows must
        /// be zeros too.
        public var zeroLengthEndsArchive = false

        /// The length of the whole archive in bytes, where it is known: it tells a part that is too long from one that
        /// is cut off or has a damaged length.
        public var archive: UInt64?

        /// Whether the bytes of the index of a CARv2 are kept for ``CARParser/takeIndex()``.
        public var keepsIndex = false

        /// The usual limits: 32 MiB and 8 MiB.
        public init() {}
    }

    private enum Phase: Sendable {
        case start, container, padding(UInt64), header, sections, zeros, rest
    }

    /// The last block that was read, for messages.
    public private(set) var lastBlock: CID?

    /// What stood before the payload of a CARv2; nil for a CARv1.
    public private(set) var container: CARContainer?

    /// The number of bytes that are no part of anything: those behind the payload of a CARv2 without an index, and
    /// those in padding that are not zero.
    public private(set) var extraneous: UInt64 = 0

    /// The number of bytes of the archive that events have been given for.
    public private(set) var offset = 0

    /// Whether a problem was met behind which nothing can be read.
    public private(set) var isOver = false

    /// How much is accepted, and what of it.
    let limits: Limits
    private let verifiesBlocks: Bool
    private var phase = Phase.start
    /// The bytes of the index that nobody took.
    private var index: [UInt8] = []
    /// The bytes fed last, and how many of them were used.
    private var chunk: [UInt8] = []
    private var used = 0
    /// The beginning of something whose end had not come with the bytes before: a part of these, as long as it is
    /// alone.
    private var tail: ArraySlice<UInt8> = []

    /// Starts before the header; `verifiesBlocks` says whether each block is checked against its CID.
    public init(verifiesBlocks: Bool = true, limits: Limits = Limits()) {
        self.verifiesBlocks = verifiesBlocks
        self.limits = limits
    }

    /// Adds the next bytes of the archive.
    public mutating func feed(_ bytes: [UInt8]) {
        if tail.isEmpty { tail = chunk[used...] } else { tail += chunk[used...] }
        chunk = bytes
        used = 0
    }

    /// Adds the next bytes of the archive.
    public mutating func feed(_ bytes: ArraySlice<UInt8>) { feed(Array(bytes)) }

    /// The number of bytes that were fed and not used.
    private var left: Int { tail.count + chunk.count - used }

    /// Up to `count` of the bytes that come next.
    private func peek(_ count: Int) -> [UInt8] {
        let first = tail.prefix(count)
        return Array(first) + chunk[used...].prefix(count - first.count)
    }

    /// The next whole thing in the bytes fed so far, or nil where more bytes are needed.
    ///
    /// - Throws: `.malformed`, `.badVersion`, `.badRoots`, `.tooLarge`, `.emptySection`, and what ``Block/verify()``
    ///   throws. After a problem with one section the next call goes on behind it; after any other, ``isOver`` is true.
    public mutating func next() throws(DecodingProblem) -> Event? {
        let start = offset
        do {
            return try read()
        } catch {
            if case .sections = phase, offset > start { throw error }
            isOver = true
            throw error
        }
    }

    private mutating func read() throws(DecodingProblem) -> Event? {
        while true {
            switch phase {
            case .start: guard try readStart() else { return try headerEvent() }
            case .container: guard try readContainer() else { return nil }
            case .padding(let left): guard skip(left) else { return nil }
            case .header: return try headerEvent()
            case .sections: return try section()
            case .zeros: guard skipZeros() else { return nil }
            case .rest:
                passRest()
                return nil
            }
        }
    }

    /// The bytes of the index that came since this was last asked for.
    public mutating func takeIndex() -> [UInt8] {
        defer { index = [] }
        return index
    }

    /// Passes over all that follows the payload: padding, and the index if there is one.
    private mutating func passRest() {
        guard let container, container.indexOffset > 0 else {
            extraneous += UInt64(left)
            pass(left)
            return
        }
        let padding = container.indexOffset - min(container.indexOffset, UInt64(offset))
        passZeros(Int(min(padding, UInt64(left))))
        if limits.keepsIndex { index += bytes(from: 0, count: left) }
        pass(left)
    }

    /// Passes over so many bytes that should be zero.
    private mutating func passZeros(_ count: Int) {
        extraneous += bytes(from: 0, count: count).reduce(UInt64(0)) { $0 + ($1 == 0 ? 0 : 1) }
        pass(count)
    }

    /// Passes over the zeros that end the payload; false where they go on in bytes to come.
    private mutating func skipZeros() -> Bool {
        guard let container else {
            passZeros(left)
            return false
        }
        passZeros(Int(min(UInt64(left), container.dataEnd - UInt64(offset))))
        guard UInt64(offset) == container.dataEnd else { return false }
        phase = .rest
        return true
    }

    /// Checks that the archive ended between two sections; throws `.truncated` where it did not.
    public func finish() throws(DecodingProblem) {
        var place = "its header"
        switch phase {
        case .rest: return
        case .zeros where container == nil: return
        case .sections where left == 0 && container == nil: return
        case .sections where left == 0 && UInt64(offset) >= container?.dataEnd ?? .max: return
        case .sections, .zeros: place = "a section, or before its end"
        default: break
        }
        throw DecodingProblem(.truncated, "The archive ends inside \(place), at byte \(offset + left).")
    }

    /// Looks at the first header; true where it is the pragma of a CARv2.
    private mutating func readStart() throws(DecodingProblem) -> Bool {
        let pragma = CARContainer.pragma
        let begin = peek(pragma.count)
        guard begin == pragma else {
            // Fewer bytes than a pragma may still become one.
            if begin.count == pragma.count || !pragma.starts(with: begin) { phase = .header }
            return false
        }
        pass(pragma.count)
        phase = .container
        return true
    }

    private mutating func readContainer() throws(DecodingProblem) -> Bool {
        let length = CARContainer.length - CARContainer.pragma.count
        guard left >= length else { return false }
        let container = try CARContainer(peek(length))
        pass(length)
        self.container = container
        phase = .padding(container.dataOffset - UInt64(CARContainer.length))
        return true
    }

    /// Passes over padding; false where it goes on in bytes to come.
    private mutating func skip(_ count: UInt64) -> Bool {
        let here = Int(min(count, UInt64(left)))
        passZeros(here)
        phase = UInt64(here) == count ? .header : .padding(count - UInt64(here))
        return UInt64(here) == count
    }

    private mutating func headerEvent() throws(DecodingProblem) -> Event? {
        guard case .header = phase, let frame = try frame(limit: limits.header, isHeader: true) else { return nil }
        let header = try CARHeader(Array(bytes(from: frame.prefix, count: frame.length)))
        phase = .sections
        pass(frame.whole)
        return .header(header)
    }

    private mutating func section() throws(DecodingProblem) -> Event? {
        if let container, UInt64(offset) >= container.dataEnd {
            phase = .rest
            return try read()
        }
        guard let frame = try frame(limit: limits.section, isHeader: false) else { return nil }
        guard frame.length > 0 else {
            phase = .zeros
            return try read()
        }
        let section = try take(frame)
        lastBlock = section.cid
        if verifiesBlocks { try section.verify() }
        return .section(section)
    }

    private mutating func take(_ frame: Frame) throws(DecodingProblem) -> CARSection {
        defer { pass(frame.whole) }
        let cid: CID
        let length: Int
        do {
            (cid, length) = try self.cid(of: frame)
        } catch {
            throw DecodingProblem(.malformed, "The section at byte \(offset) begins with no CID: \(error.message)")
        }
        let data = frame.prefix + length
        guard frame.length - length <= Block.longest else { throw Block.tooLarge(cid, length: frame.length - length) }
        let bytes = bytes(from: data, count: frame.length - length)
        return CARSection(cid: cid, bytes: bytes, offset: offset, dataOffset: offset + data)
    }

    /// The CID that a section begins with, and its length in bytes.
    private func cid(of frame: Frame) throws(FormatProblem) -> (cid: CID, length: Int) {
        var reader =
            if tail.isEmpty {
                ByteReader(chunk, range: (used + frame.prefix)..<(used + frame.whole))
            } else {
                // Only a CID is put together here, so that the block after it is copied once.
                ByteReader(Array(bytes(from: frame.prefix, count: min(frame.length, Self.longestUsualCID))))
            }
        let start = reader.offset
        do {
            return (try CID.decode(from: &reader), reader.offset - start)
        } catch {
            guard error.code == .truncated, !tail.isEmpty, frame.length > Self.longestUsualCID else { throw error }
        }
        reader = ByteReader(Array(bytes(from: frame.prefix, count: frame.length)))
        return (try CID.decode(from: &reader), reader.offset)
    }

    private static let longestUsualCID = 256

    /// A header or a section that is there whole: the length of the varint, and of what follows it.
    private struct Frame {
        let prefix: Int
        let length: Int

        var whole: Int { prefix + length }
    }

    /// What comes next, as far as its length says; nil where it is not there whole.
    ///
    /// It is not taken yet: see `pass`.
    private func frame(limit: Int, isHeader: Bool) throws(DecodingProblem) -> Frame? {
        var reader = ByteReader(peek(Varint.maximumLength))
        let length: UInt64
        do { length = try reader.readVarint() } catch {
            if error.code == .truncated { return nil }
            throw DecodingProblem(.malformed, "A length in the archive at byte \(offset) is no varint.")
        }
        guard length > 0 || !isHeader && limits.zeroLengthEndsArchive else {
            let code: DecodingProblem.Code = isHeader ? .malformed : .emptySection
            throw DecodingProblem(code, "The archive has an empty section or header at byte \(offset).")
        }
        let (end, overflow) = UInt64(offset + reader.offset).addingReportingOverflow(length)
        if let container, overflow || end > container.dataEnd {
            throw DecodingProblem(.malformed, "A section at byte \(offset) goes beyond the payload of the CARv2.")
        }
        guard length <= UInt64(limit) else {
            if let archive = limits.archive, overflow || end > archive {
                throw DecodingProblem(
                    .truncated,
                    "A part of the archive at byte \(offset) has \(length) bytes, by its length, and the file ends before."
                )
            }
            throw DecodingProblem(.tooLarge, "A part of the archive has \(length) bytes; the limit is \(limit).")
        }
        let whole = reader.offset + Int(length)
        return whole <= left ? Frame(prefix: reader.offset, length: Int(length)) : nil
    }

    /// Uses so many of the bytes that come next; all of them must be there.
    private mutating func pass(_ count: Int) {
        offset += count
        let ofTail = min(count, tail.count)
        tail.removeFirst(ofTail)
        used += count - ofTail
    }

    /// So many of the bytes that come next, after the first `start` of them; all of them must be there.
    ///
    /// They are copied only where they did not come in one piece.
    private func bytes(from start: Int, count: Int) -> ArraySlice<UInt8> {
        let first = tail.dropFirst(start).prefix(count)
        let begin = used + max(0, start - tail.count)
        let rest = chunk[begin..<begin + count - first.count]
        if first.isEmpty { return rest }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        bytes += first
        bytes += rest
        return bytes[...]
    }
}
