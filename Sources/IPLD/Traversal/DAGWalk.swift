public import Multiformats

/// The order in which the blocks of a DAG are exported: depth first, parents first, links as stored, each CID once.
///
/// Call ``next()``, get that block, hand its links to ``visit(_:)``, and so on until ``next()`` gives nil.
public struct DAGWalk: Sendable {
    private var pending: [CID]
    private var seen: Set<CID> = []

    /// The number of CIDs given out so far.
    public var count: Int { seen.count }

    /// Starts at one root.
    public init(root: CID) { self.init(roots: [root]) }

    /// Starts at several roots, which are walked in their order.
    public init(roots: [CID]) { pending = roots.reversed() }

    /// The next CID, or nil when all have been given out.
    public mutating func next() -> CID? {
        while let cid = pending.popLast() {
            if seen.insert(cid).inserted { return cid }
        }
        return nil
    }

    /// Up to `most` of the CIDs that ``next()`` is about to give, the next one first; one may be there twice.
    public func upcoming(_ most: Int) -> [CID] {
        Array(pending.reversed().lazy.filter { !seen.contains($0) }.prefix(most))
    }

    /// Adds the links of the CID that ``next()`` gave last.
    public mutating func visit(_ links: [CID]) {
        for cid in links.reversed() where !seen.contains(cid) { pending.append(cid) }
    }
}
