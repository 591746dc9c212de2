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

    /// What others than a kit had stored, with a word on it, and the kit: where that is nil, the only one there is.
    ///
    /// Throws where there are several, and nobody said which of them was lost.
    func foreign(
        to kit: String?,
        on backend: String,
        _ warnings: inout [String]
    ) throws(KitError) -> (roots: Set<CID>, kit: String?) {
        let known = kit.flatMap { kits[$0] == nil ? nil : $0 }
        if known == nil, kits.count > 1, let first = kits.keys.min() {
            let counts = kits.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value.count) roots)" }
            throw KitError(
                .refused,
                "\(backend) has roots of \(kits.count) kits: \(counts.joined(separator: ", ")). Say with --kit which of them was lost.",
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
