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
    /// What is wrong, the first ``CARVerifier/mostProblems`` of it.
    public var problems: [CARProblem] = []
    /// How much is wrong, by kind.
    public var counts: [DecodingProblem.Code: Int] = [:]

    /// Whether every block is good, and everything that the roots lead to is there.
    ///
    /// Doubled blocks, and blocks that no root leads to, do no harm.
    public var isWhole: Bool {
        unverifiable == 0 && counts.keys.allSatisfy { $0 == .duplicate || $0 == .unexpected }
    }
}

/// Finds everything that is wrong with an archive, without doing any input itself.
///
/// Feed a ``CARParser`` that does not verify blocks, call ``take(from:)`` each time, and ``finish(_:)`` at the end. To check
/// blocks on several threads, hand over header and sections with what became of their verification instead, then
/// ``finish(extraneous:)``. It holds every multihash of the archive, and the links of the blocks that have some.
public struct CARVerifier: Sendable {
    /// The most problems that are listed one by one.
    public static let mostProblems = 1000

    /// What was found so far.
    public private(set) var report = CARReport()

    private var numbers: [Multihash: Int] = [:]
    private var isPresent: [Bool] = []
    private var below: [Int: [Int]] = [:]
    private var names: [CID] = []

    /// Starts before the header.
    public init() {}

    /// Takes all that `parser` can read of what it was fed, and checks every block.
    ///
    /// The parser must not verify blocks itself, since it would not give a wrong one out. Where
    /// ``CARParser/isOver`` is true afterwards, nothing behind can be read.
    public mutating func take(from parser: inout CARParser) {
        while !parser.isOver {
            let start = parser.offset
            do throws(DecodingProblem) {
                guard let event = try parser.next() else { return }
                switch event {
                case .header(let header): add(header, parser.container)
                case .section(let section):
                    var problem: DecodingProblem?
                    do throws(DecodingProblem) { try section.verify() } catch { problem = error }
                    add(section, problem)
                }
            } catch {
                note(error, parser.isOver ? parser.offset : start)
            }
        }
    }

    /// Says what was found, at the end of the input of `parser`.
    public mutating func finish(_ parser: CARParser) -> CARReport {
        if !parser.isOver {
            do throws(DecodingProblem) { try parser.finish() } catch { note(error, parser.offset) }
        }
        return finish(extraneous: parser.extraneous)
    }

    /// Takes the header.
    public mutating func add(_ header: CARHeader, _ container: CARContainer?) {
        report.version = container == nil ? 1 : 2
        report.roots = header.roots
    }

    /// Takes a section; `problem` is what its verification gave.
    public mutating func add(_ section: CARSection, _ problem: DecodingProblem?) {
        let cid = section.cid
        report.blocks += 1
        report.bytes += UInt64(section.bytes.count)
        report.codecs[cid.codec, default: 0] += 1
        report.hashes[cid.hash.code, default: 0] += 1
        if let problem {
            if problem.code == .unsupported { report.unverifiable += 1 } else { note(problem, section.offset) }
        }
        guard problem == nil || problem?.code == .unsupported else { return }
        let number = number(of: cid)
        guard !isPresent[number] else {
            return note(DecodingProblem(.duplicate, "The block stood before in the archive.", cid: cid), section.offset)
        }
        isPresent[number] = true
        do throws(DecodingProblem) {
            let children = try section.links
            if !children.isEmpty { below[number] = children.map { self.number(of: $0) } }
        } catch {
            if error.code != .unsupported { note(error, section.offset) }
        }
    }

    /// Notes a problem that ended the reading, or that one block has.
    public mutating func note(_ problem: DecodingProblem, _ offset: Int?) {
        report.counts[problem.code, default: 0] += 1
        if report.problems.count < Self.mostProblems {
            report.problems.append(CARProblem(problem: problem, offset: offset))
        }
    }

    /// Looks for blocks that are missing, and for those that no root leads to; `extraneous` bytes followed the payload.
    public mutating func finish(extraneous: UInt64 = 0) -> CARReport {
        if extraneous > 0 {
            note(DecodingProblem(.extraneous, "\(extraneous) bytes follow the archive."), nil)
        }
        // A root that holds content gives numbers to what that links to, too.
        var pending: [Int] = report.roots.map { number(of: $0) }
        var isReached = [Bool](repeating: false, count: names.count)
        while let number = pending.popLast() {
            guard !isReached[number] else { continue }
            isReached[number] = true
            if !isPresent[number], !hold(number) {
                note(DecodingProblem(.missing, "The block is not in the archive.", cid: names[number]), nil)
            }
            pending += below[number] ?? []
        }
        if !report.roots.isEmpty {
            for (number, reached) in isReached.enumerated() where !reached && isPresent[number] {
                note(DecodingProblem(.unexpected, "No root leads to the block.", cid: names[number]), nil)
            }
        }
        return report
    }

    /// Whether the CID of a block that has no section holds the block itself.
    private func hold(_ number: Int) -> Bool { names[number].inlineContent != nil }

    private mutating func number(of cid: CID) -> Int {
        let hash = cid.hash
        if let number = numbers[hash] { return number }
        let number = names.count
        numbers[hash] = number
        names.append(cid)
        isPresent.append(false)
        // The content of an identity CID may lead on, though it has no section.
        if let content = cid.inlineContent, let children = try? links(of: Block(cid: cid, bytes: content)) {
            let found = children.map { self.number(of: $0) }
            if !found.isEmpty { below[number] = found }
        }
        return number
    }
}
