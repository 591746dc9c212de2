public import Multiformats

/// Lays out an archive while its blocks come: makes the bytes around them, and counts, without doing any output itself.
///
/// Write ``beginning``, then for each block what ``section(_:length:)`` gives and the block, then ``ending``; where
/// ``patch`` has bytes, write those over the first ones at last. The same blocks always give the same bytes.
public struct CARWriter: Sendable {
    /// What stands around the header and the sections.
    public enum Form: Sendable, Hashable {
        /// Nothing: a CARv1.
        case plain
        /// The container of a CARv2, with an index of that format behind the payload, or with none.
        case container(index: CARIndex.Format?)
    }

    /// The header of the archive, or of its payload.
    public let header: CARHeader

    /// The length of header and sections so far, in bytes.
    public private(set) var payloadLength: UInt64

    /// The number of sections so far.
    public private(set) var blocks = 0

    private let form: Form
    private var index = CARIndex()
    /// The CIDs that have a section; nil where repeats are written.
    private var written: Set<CID>?

    /// Begins an archive; `omitsRepeats` says whether a CID that has a section gets no second one.
    ///
    /// To leave repeats out, every CID is remembered; for an index, every digest is.
    public init(_ header: CARHeader, _ form: Form = .plain, omitsRepeats: Bool = false) {
        self.header = header
        self.form = form
        payloadLength = UInt64(header.encoded.count)
        written = omitsRepeats ? [] : nil
    }

    /// The bytes that the archive begins with: the header, after room for what ``patch`` gives.
    public var beginning: [UInt8] {
        [UInt8](repeating: 0, count: form == .plain ? 0 : CARContainer.length) + header.encoded
    }

    /// The bytes that go before a block of `length` bytes; nil for a repeat that is to be left out, block and all.
    public mutating func section(_ cid: CID, length: Int) -> [UInt8]? {
        guard written?.insert(cid).inserted ?? true else { return nil }
        let prefix = CARSection.prefix(for: cid, length: length)
        if indexFormat != nil { index.add(cid, offset: payloadLength) }
        payloadLength += UInt64(prefix.count) + UInt64(length)
        blocks += 1
        return prefix
    }

    /// The bytes that follow the last block: the index, if there is one.
    public var ending: [UInt8] { indexFormat.map { index.encoded($0) } ?? [] }

    /// The bytes to be written over the beginning when all else is written; none for a CARv1.
    public var patch: [UInt8] {
        guard form != .plain else { return [] }
        return CARContainer(dataSize: payloadLength, hasIndex: indexFormat != nil).encoded
    }

    private var indexFormat: CARIndex.Format? {
        if case .container(let format) = form { format } else { nil }
    }
}
