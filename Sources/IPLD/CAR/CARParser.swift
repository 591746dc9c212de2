public import Multiformats

/// Reads a CARv1 that arrives in pieces of any size, without doing any input itself.
///
/// Feed bytes, call ``next()`` until it gives nil, feed more; at the end of the input call ``finish()``.
public struct CARParser: Sendable {
    /// Something that was read whole.
    public enum Event: Sendable, Hashable {
        case header(CARHeader)
        /// A block, the offset of its section's first byte, and the offset of its own first byte, from the start.
        case block(Block, sectionOffset: Int, dataOffset: Int)
    }

    /// How much is accepted from outside.
    public struct Limits: Sendable, Hashable {
        /// The longest header, in bytes.
        public var header = 32 << 20

        /// The longest section (CID and block), in bytes.
        public var section = 8 << 20

        /// The usual limits: 32 MiB and 8 MiB.
        public init() {}
    }

    /// The last block that was read, for messages.
    public private(set) var lastBlock: CID?

    private let limits: Limits
    private let verifiesBlocks: Bool
    private var buffer: [UInt8] = []
    private var start = 0
    private var base = 0
    private var sawHeader = false

    /// Starts before the header; `verifiesBlocks` says whether each block is checked against its CID.
    public init(verifiesBlocks: Bool = true, limits: Limits = Limits()) {
        self.verifiesBlocks = verifiesBlocks
        self.limits = limits
    }

    /// The number of bytes of the archive that events have been given for.
    public var offset: Int { base + start }

    /// Adds the next bytes of the archive.
    public mutating func feed(_ chunk: [UInt8]) {
        feed(chunk[...])
    }

    /// Adds the next bytes of the archive.
    public mutating func feed(_ chunk: ArraySlice<UInt8>) {
        if start > 0 {
            base += start
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: chunk)
    }

    /// The next whole thing in the bytes fed so far, or nil where more bytes are needed.
    ///
    /// - Throws: `.malformed`, `.unsupported`, `.badVersion`, `.badRoots`, `.tooLarge`, `.emptySection`, and what
    ///   ``Block/verify()`` throws.
    public mutating func next() throws(DecodingProblem) -> Event? {
        let limit = sawHeader ? limits.section : limits.header
        guard let body = try frame(limit: limit) else { return nil }
        if sawHeader {
            let event = try block(body)
            start = body.upperBound
            return event
        }
        let header = try CARHeader(Array(buffer[body]))
        sawHeader = true
        start = body.upperBound
        return .header(header)
    }

    /// Checks that the archive ended between two sections; throws `.truncated` where it did not.
    public func finish() throws(DecodingProblem) {
        guard sawHeader, start == buffer.count else {
            let place = sawHeader ? "a section" : "its header"
            throw DecodingProblem(.truncated, "The archive ends inside \(place), at byte \(base + buffer.count).")
        }
    }

    /// Where the next length-prefixed body is, or nil where it is not there whole yet.
    private func frame(limit: Int) throws(DecodingProblem) -> Range<Int>? {
        var reader = ByteReader(buffer, range: start..<buffer.count)
        let length: UInt64
        do { length = try reader.readVarint() } catch {
            if error.code == .truncated { return nil }
            throw DecodingProblem(.malformed, "A length in the archive at byte \(offset) is no varint.")
        }
        guard length > 0 else {
            let code: DecodingProblem.Code = sawHeader ? .emptySection : .malformed
            throw DecodingProblem(code, "The archive has an empty section or header at byte \(offset).")
        }
        guard length <= UInt64(limit) else {
            throw DecodingProblem(.tooLarge, "A part of the archive has \(length) bytes; the limit is \(limit).")
        }
        guard length <= UInt64(reader.remaining) else { return nil }
        return reader.offset..<(reader.offset + Int(length))
    }

    private mutating func block(_ body: Range<Int>) throws(DecodingProblem) -> Event {
        var reader = ByteReader(buffer, range: body)
        let cid: CID
        do { cid = try CID.decode(from: &reader) } catch {
            throw DecodingProblem(.malformed, "The section at byte \(offset) begins with no CID: \(error.message)")
        }
        let block = Block(cid: cid, bytes: Array(buffer[reader.offset..<body.upperBound]))
        if verifiesBlocks { try block.verify() }
        lastBlock = cid
        return .block(block, sectionOffset: offset, dataOffset: base + reader.offset)
    }
}
