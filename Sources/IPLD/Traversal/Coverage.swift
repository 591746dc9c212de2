public import Multiformats

/// Watches blocks go by in any order, and says what of the DAGs of some roots was not among them or could not be looked
/// into.
///
/// One multihash may be linked to under several codecs, and leads on in another way under each: a block counts as
/// looked into under a codec when it was, not when its bytes were seen. What was asked for before a block came is
/// looked for in it at once; what is asked for only afterwards needs the block once more, see ``Findings/unread``. It
/// holds every multihash, and the links of the blocks that have some.
public struct Coverage: Sendable {
    /// What was found.
    public struct Findings: Sendable {
        /// What is missing, may not be addressed as it is, or has links that could not be read, in the order of a walk.
        public var problems: [DecodingProblem] = []
        /// Blocks that went by before anybody asked for them under this codec: another reading would show their links.
        public var unread: [CID] = []
        /// Blocks that no root leads to.
        public var unreached: [CID] = []
    }

    /// A multihash under one codec.
    private struct Item {
        let cid: CID
        /// The item that its multihash was met in first, where it is noted whether its bytes are there.
        let first: Int
        var isPresent = false
        var isFollowed = false
        var hasSection = false
    }

    /// A multihash under another codec than the one it was met under first.
    private struct Form: Hashable {
        let first: Int
        let codec: Codec
    }

    private var items: [Item] = []
    private var numbers: [Multihash: Int] = [:]
    private var others: [Form: Int] = [:]
    /// Items of other codecs that were met since a block with their multihash went by last.
    private var waiting: [Int: [Int]] = [:]
    private var below: [Int: [Int]] = [:]
    private var troubles: [Int: DecodingProblem] = [:]

    /// Whether there may be something in ``Findings/unread``: a block was asked for under another codec after it went
    /// by.
    public private(set) var isAskedLate = false

    /// Nothing was seen yet.
    public init() {}

    /// Takes note of a block that was checked.
    ///
    /// - Returns: whether its multihash had no section under this codec before.
    /// - Throws: why the links of the block cannot be read, unless its codec is not known: that matters only where a
    ///   root
    ///   leads to it.
    @discardableResult
    public mutating func see(_ section: CARSection) throws(DecodingProblem) -> Bool {
        let number = number(of: section.cid)
        let first = items[number].first
        let isNew = !items[number].hasSection
        items[number].hasSection = true
        items[first].isPresent = true
        // Taken away, so that a block that comes a thousand times does not go through a thousand codecs each time.
        if !waiting.isEmpty, let others = waiting.removeValue(forKey: first) {
            for other in [first] + others where other != number {
                // What is wrong with it there is told where a root leads to it.
                do throws(DecodingProblem) { try follow(other, section) } catch { troubles[other] = error }
            }
        }
        do throws(DecodingProblem) { try follow(number, section) } catch {
            guard error.code == .unsupported else { throw error }
            troubles[number] = error
        }
        return isNew
    }

    /// Walks from the roots and says what was found.
    public mutating func findings(_ roots: [CID]) -> Findings {
        var findings = Findings()
        // A root that holds content gives numbers to what that links to, too.
        var pending: [Int] = roots.reversed().map { number(of: $0) }
        var isReached = [Bool](repeating: false, count: items.count)
        var isBlockReached = isReached
        while let number = pending.popLast() {
            guard !isReached[number] else { continue }
            isReached[number] = true
            isBlockReached[items[number].first] = true
            check(number, &findings)
            pending += (below[number] ?? []).reversed()
        }
        for (number, item) in items.enumerated() where item.hasSection && !isBlockReached[item.first] {
            guard item.first == number || !items[item.first].hasSection else { continue }
            findings.unreached.append(item.cid)
        }
        return findings
    }

    private func check(_ number: Int, _ findings: inout Findings) {
        let item = items[number]
        if let trouble = troubles[number] {
            findings.problems.append(trouble.about(item.cid))
        } else if items[item.first].isPresent {
            if !item.isFollowed, !item.cid.codec.isLinkless { findings.unread.append(item.cid) }
        } else {
            do throws(FormatProblem) {
                try item.cid.hash.checkAllowed()
                findings.problems.append(DecodingProblem(.missing, "The block is not there.", cid: item.cid))
            } catch {
                findings.problems.append(DecodingProblem(error, cid: item.cid))
            }
        }
    }

    private mutating func follow(_ number: Int, _ section: CARSection) throws(DecodingProblem) {
        guard !items[number].isFollowed else { return }
        items[number].isFollowed = true
        let cid = items[number].cid
        if cid.codec.isLinkless { return }
        note(try links(of: Block(cid: cid, bytes: Array(section.bytes))), below: number)
    }

    private mutating func note(_ links: [CID], below number: Int) {
        if !links.isEmpty { below[number] = links.map { self.number(of: $0) } }
    }

    /// The number of a multihash under a codec.
    private mutating func number(of cid: CID) -> Int {
        let hash = cid.hash
        let number = items.count
        guard let first = numbers[hash] else {
            numbers[hash] = number
            items.append(Item(cid: cid, first: number))
            enter(number)
            return number
        }
        if items[first].cid.codec == cid.codec { return first }
        let form = Form(first: first, codec: cid.codec)
        if let known = others[form] { return known }
        others[form] = number
        waiting[first, default: []].append(number)
        if items[first].isPresent, !cid.codec.isLinkless { isAskedLate = true }
        items.append(Item(cid: cid, first: first))
        enter(number)
        return number
    }

    /// Looks into a new item whose CID holds its content: that may lead on, though it has no section.
    private mutating func enter(_ number: Int) {
        let cid = items[number].cid
        guard let content = cid.inlineContent else { return }
        items[items[number].first].isPresent = true
        items[number].isFollowed = true
        do throws(DecodingProblem) {
            note(try links(of: Block(cid: cid, bytes: content)), below: number)
        } catch {
            troubles[number] = error
        }
    }
}
