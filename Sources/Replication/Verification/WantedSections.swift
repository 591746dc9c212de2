internal import BlockStore
internal import IPLD
internal import Multiformats
internal import Storage

/// Tells which sections of a CAR that somebody gives belong to the DAG of a root: those that one before them led to.
///
/// An export has parents before their children, so it loses nothing by that. What nothing leads to is not kept, for
/// nobody asked for it, and of a CAR that has much of that the rest is not read.
struct WantedSections {
    private var wanted: Set<CID>
    private var taken: Set<CID> = []
    private var (wantedBytes, strangeBytes): (UInt64, UInt64) = (0, 0)

    init(root: CID) { wanted = [root] }

    /// So many more bytes of strangers than of what is wanted are read at most.
    private static let maxStrange: UInt64 = 64 << 20

    /// Whether there is too much in it that nobody asked for.
    var isStrange: Bool { strangeBytes > wantedBytes + Self.maxStrange }

    /// Those of the next sections that are wanted, each once.
    mutating func take(_ sections: [CARSection]) -> [CARSection] {
        sections.filter { section in
            let length = UInt64(section.bytes.count)
            guard wanted.contains(section.cid), taken.insert(section.cid).inserted else {
                strangeBytes += length
                return false
            }
            wantedBytes += length
            // What cannot be read is told by who walks over it.
            if section.cid.codec != .raw { wanted.formUnion((try? links(of: section.block)) ?? []) }
            return true
        }
    }
}
