public import Multiformats

/// One thing that is wrong with an archive.
public struct CARProblem: Sendable, Hashable {
    /// What is wrong.
    public let problem: DecodingProblem

    /// The offset of the section it is about, where there is one.
    public let offset: Int?
}

/// What was found in an archive.
public struct CARReport: Sendable, Hashable {
    /// 1 or 2; nil where no header could be read.
    public var version: Int?
    /// The roots that the header names.
    public var roots: [CID] = []
    /// The number of sections.
    public var blocks = 0
    /// The lengths of the blocks, in bytes.
    public var bytes: UInt64 = 0
    /// How many blocks have each codec.
    public var codecs: [Codec: Int] = [:]
    /// How many blocks have each hash function.
    public var hashes: [HashCode: Int] = [:]
    /// Blocks whose hash cannot be computed here, so that nothing is known of them.
    public var unverifiable = 0
    /// What is wrong, the first ``CARVerifier/maxProblems`` of it.
    public var problems: [CARProblem] = []
    /// How much is wrong, by kind.
    public var counts: [DecodingProblem.Code: Int] = [:]

    /// Whether every block is good, everything that the roots lead to is there, and so is the index that is announced.
    ///
    /// Doubled blocks, and blocks that no root leads to, do no harm.
    public var isWhole: Bool { unverifiable == 0 && harm.isEmpty }

    /// The kinds of problems that keep the archive from being whole.
    public var harm: Set<DecodingProblem.Code> {
        Set(counts.keys).subtracting([.duplicate, .unexpected])
    }
}

/// Finds everything that is wrong with an archive, without doing any input itself.
///
/// Feed a ``CARParser`` that does not verify blocks and keeps the index, call ``take(from:)`` each time, and
/// ``finish(_:)`` at the end. To check blocks on several threads, hand over header, sections with what became of their
/// verification, and the index instead, then ``finish(extraneous:)``. Where ``unread`` names blocks before that,
/// another reading of the same archive shows what they link to. It holds every multihash of the archive, and the links
/// of the blocks that have some.
public struct CARVerifier: Sendable {
    /// The most problems that are listed one by one.
    public static let maxProblems = 1000

    /// What was found so far.
    public private(set) var report = CARReport()

    private var coverage = Coverage()
    private var container: CARContainer?
    private var audit = CARIndexAudit()
    /// Why the index cannot be read on.
    private var indexProblem: DecodingProblem?
    /// What follows the index, in bytes.
    private var afterIndex: UInt64 = 0
    /// Where the sections of an archive with an index begin in the payload, in order, and whether the index leads
    /// there.
    private var sections: [(offset: UInt64, cid: CID, isIndexed: Bool)] = []
    /// Whether the archive was read up to where its index should be.
    private var cameToIndex = true
    /// Whether the parser kept the index from being seen.
    private var isIndexPassedOver = false

    /// Starts before the header.
    public init() {}

    /// Takes all that `parser` can read of what it was fed, and checks every block.
    ///
    /// The parser must not verify blocks itself, since it would not give a wrong one out. Where
    /// ``CARParser/isOver`` is true afterwards, nothing behind can be read.
    public mutating func take(from parser: inout CARParser) {
        isIndexPassedOver = !parser.limits.keepsIndex
        while !parser.isOver {
            let start = parser.offset
            do throws(DecodingProblem) {
                guard let event = try parser.next() else { return add(index: parser.takeIndex()) }
                switch event {
                case .header(let header): add(header, parser.container)
                case .section(let section):
                    var problem: DecodingProblem?
                    do throws(DecodingProblem) { try section.verify() } catch { problem = error }
                    add(section, problem)
                }
            } catch {
                note(error, parser.isOver ? parser.offset : start, isEnd: parser.isOver)
            }
        }
    }

    /// Says what was found, at the end of the input of `parser`.
    public mutating func finish(_ parser: CARParser) -> CARReport {
        if !parser.isOver {
            do throws(DecodingProblem) { try parser.finish() } catch { note(error, parser.offset, isEnd: true) }
        }
        return finish(extraneous: parser.extraneous)
    }

    /// Takes the header.
    public mutating func add(_ header: CARHeader, _ container: CARContainer?) {
        report.version = container == nil ? 1 : 2
        report.roots = header.roots
        self.container = container
        if let problem = container?.contradiction { note(problem, nil) }
    }

    /// Takes a section; `problem` is what its verification gave.
    public mutating func add(_ section: CARSection, _ problem: DecodingProblem?) {
        let cid = section.cid
        report.blocks += 1
        report.bytes += UInt64(section.bytes.count)
        report.codecs[cid.codec, default: 0] += 1
        report.hashes[cid.hash.code, default: 0] += 1
        if let container, container.indexOffset > 0 {
            sections.append((UInt64(section.offset) - container.dataOffset, cid, false))
        }
        if let problem {
            if problem.code == .unsupported { report.unverifiable += 1 } else { note(problem, section.offset) }
        }
        guard problem == nil || problem?.code == .unsupported else { return }
        do throws(DecodingProblem) {
            guard try !coverage.see(section) else { return }
            note(DecodingProblem(.duplicate, "The block stood before in the archive.", cid: cid), section.offset)
        } catch {
            note(error, section.offset)
        }
    }

    /// Takes the next bytes of the index of a CARv2; its payload must have been taken.
    public mutating func add(index bytes: [UInt8]) {
        guard !bytes.isEmpty, let container else { return }
        guard indexProblem == nil, !audit.isWhole else {
            if audit.isWhole { afterIndex += UInt64(bytes.count) }
            return
        }
        var problems: [(DecodingProblem, Int)] = []
        var audit = audit
        defer { self.audit = audit }
        do throws(DecodingProblem) {
            let rest = try audit.feed(bytes) { entry in
                let place = Int(clamping: container.indexOffset) + entry.place
                if let problem = check(entry) { problems.append((problem, place)) }
            }
            afterIndex += UInt64(rest)
        } catch {
            indexProblem = error
        }
        for (problem, place) in problems { note(problem, place) }
    }

    /// Notes a problem; `isEnd` says that nothing was read behind it.
    public mutating func note(_ problem: DecodingProblem, _ offset: Int?, isEnd: Bool = false) {
        if isEnd { cameToIndex = false }
        report.counts[problem.code, default: 0] += 1
        if report.problems.count < Self.maxProblems {
            report.problems.append(CARProblem(problem: problem, offset: offset))
        }
    }

    /// Blocks that the roots lead to under a codec that nobody had asked for when they went by, so that it is not known
    /// what they link to; ``review(_:)`` takes them from another reading.
    public mutating func unread() -> [CID] { coverage.isAskedLate ? coverage.findings(report.roots).unread : [] }

    /// Looks again at a section that was taken before, for what ``unread()`` named.
    public mutating func review(_ section: CARSection) {
        // What it throws was noted when the section was taken.
        _ = try? coverage.see(section)
    }

    /// Looks for blocks that are missing, and for those that no root leads to; `extraneous` bytes are part of nothing.
    public mutating func finish(extraneous: UInt64 = 0) -> CARReport {
        finishIndex()
        if extraneous + afterIndex > 0 {
            note(DecodingProblem(.extraneous, "\(extraneous + afterIndex) bytes are no part of the archive."), nil)
        }
        let findings = coverage.findings(report.roots)
        for problem in findings.problems { note(problem, nil) }
        for cid in findings.unread {
            let message =
                "The block stands under another codec in the archive, and its links under this one were not read."
            note(DecodingProblem(.unsupported, message, cid: cid), nil)
        }
        if !report.roots.isEmpty {
            for cid in findings.unreached {
                note(DecodingProblem(.unexpected, "No root leads to the block.", cid: cid), nil)
            }
        }
        return report
    }
}

extension CARVerifier {
    /// Notes what is wrong with the index as a whole; nothing where the archive was not read as far.
    private mutating func finishIndex() {
        guard let container, container.indexOffset > 0, cameToIndex else { return }
        if let indexProblem { return note(indexProblem, Int(clamping: container.indexOffset) + audit.used) }
        guard !isIndexPassedOver else {
            return note(DecodingProblem(.unsupported, "The index was passed over; nothing is known of it."), nil)
        }
        guard audit.isWhole else {
            let place = "which begins at byte \(container.indexOffset)"
            return note(DecodingProblem(.truncated, "The archive ends inside its index, \(place), or before it."), nil)
        }
        let lacking = sections.filter { section in
            !section.isIndexed && (container.isFullyIndexed || section.cid.hash.code != .identity)
        }
        guard !lacking.isEmpty else { return }
        // Of several sections with one hash, one is enough to find the block.
        var known = Set(sections.filter(\.isIndexed).map(\.cid.hash))
        for section in lacking where known.insert(section.cid.hash).inserted {
            note(
                DecodingProblem(.badIndex, "The index does not lead to the block.", cid: section.cid),
                Int(clamping: container.dataOffset + section.offset)
            )
        }
    }

    /// What is wrong with an entry of the index.
    private mutating func check(_ entry: CARIndexAudit.Entry) -> DecodingProblem? {
        var (low, high) = (0, sections.count)
        while low < high {
            let middle = (low + high) / 2
            if sections[middle].offset < entry.offset { low = middle + 1 } else { high = middle }
        }
        guard low < sections.count, sections[low].offset == entry.offset else {
            return DecodingProblem(
                .badIndex,
                "The index leads to byte \(entry.offset) of the payload, where no block is."
            )
        }
        let cid = sections[low].cid
        guard cid.hash.digest.elementsEqual(entry.digest),
            entry.code ?? cid.hash.code.rawValue == cid.hash.code.rawValue
        else {
            let message = "The index leads to byte \(entry.offset) of the payload, where another block is."
            return DecodingProblem(.badIndex, message, cid: cid)
        }
        sections[low].isIndexed = true
        return nil
    }
}
