internal import Multiformats
internal import Replication
internal import Storage

/// The roots that a backend lists, by the kits whose marks it keeps with them.
struct MarkedRoots: Sendable {
    private var unmarked: Set<CID> = []
    private var kits: [String: Set<CID>] = [:]

    mutating func note(_ held: HeldRoot) {
        switch held.keeper {
        case .kit(let kit): kits[kit, default: []].insert(held.root)
        case .somebodyElse: unmarked.insert(held.root)
        case nil: break
        }
    }

    /// What others had stored than the kit that is recovered, with a word on it, and which kit that is: `kit`, or the
    /// only one that is there.
    ///
    /// Throws where the owner chose one that is not there, while others are, and where there are several and none is
    /// `kit`.
    func foreign(
        to kit: String?,
        isChosen: Bool,
        on backend: String,
        _ warnings: inout [String]
    ) throws(KitError) -> (roots: Set<CID>, kit: String?) {
        let known = kit.flatMap { kits[$0] == nil ? nil : $0 }
        if known == nil, isChosen, let kit, !kits.isEmpty {
            throw KitError(.notFound, "\(backend) has no root of the kit \(kit).", backend: backend)
        }
        if known == nil, kits.count > 1, let first = kits.keys.min() {
            let counts = kits.sorted { $0.key < $1.key }.prefix(8).map { "\($0.key) (\($0.value.count) roots)" }
            let rest = kits.count > counts.count ? ", and others" : ""
            throw KitError(
                .refused,
                "\(backend) has roots of \(kits.count) kits: \(counts.joined(separator: ", "))\(rest). Say with --kit which of them "
                    + "was lost.",
                hint: Hint(Recover.self, ["from": backend, "kit": first]),
                backend: backend
            )
        }
        let taken = known ?? kits.keys.first
        let own = taken.flatMap { kits[$0] } ?? []
        let others = kits.values.reduce(unmarked) { $0.union($1) }.subtracting(own)
        if let one = others.min() {
            warnings.append(
                "\(backend) holds \(others.count) roots that the kit did not have stored there, such as \(one): they are somebody "
                    + "else's, and not pinned. `ipfs-kit pin add \(one)` pins one."
            )
        }
        return (others, taken)
    }
}
