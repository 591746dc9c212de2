package import Multiformats

/// A backend as the planner sees it.
package struct Place: Sendable, Hashable {
    package let name: String
    /// Says whether it is enabled and can be written to.
    package let takesContent: Bool
    /// The least number of replicas elsewhere before something may be removed here.
    package let minReplicas: Int

    package init(name: String, takesContent: Bool, minReplicas: Int = 1) {
        self.name = name
        self.takesContent = takesContent
        self.minReplicas = minReplicas
    }
}

/// A root that shall be kept, as the planner sees it.
package struct WantedRoot: Sendable, Hashable {
    package let root: CID
    /// How many replicas are wanted; nil is one on every backend.
    package let replicas: Int?

    package init(root: CID, replicas: Int?) {
        self.root = root
        self.replicas = replicas
    }
}

/// What the catalog believes about a root on a backend, as the planner sees it.
package struct Belief: Sendable, Hashable {
    package let root: CID
    package let backend: String
    /// Says whether bytes or digests were compared and matched.
    package let isStored: Bool

    package init(root: CID, backend: String, isStored: Bool) {
        self.root = root
        self.backend = backend
        self.isStored = isStored
    }
}

/// One thing to be done on a backend.
package enum Step: Sendable, Hashable {
    case upload(CID)
    case remove(CID)

    /// The root that it is about.
    package var root: CID {
        switch self {
        case .upload(let root), .remove(let root): root
        }
    }
}

/// What has to be done, backend by backend.
package struct Plan: Sendable, Hashable {
    package var steps: [String: [Step]] = [:]
    /// Roots for which there are fewer places than replicas wanted.
    package var short: [CID] = []

    package init() {}
}

/// Compares what should be where with what is believed to be where, and says what has to be done.
///
/// A pure function. A root goes to every place, or to as many as its pin wants: those that hold it already first, then
/// by rendezvous hashing (Thaler and Ravishankar 1998), so that a new place moves no more than its share. With `prune`,
/// what no pin wants is removed where it is stored; `force` has everything looked at again.
package func plan(
    pins: [WantedRoot],
    beliefs: [Belief],
    places: [Place],
    prune: Bool = false,
    force: Bool = false
) -> Plan {
    var plan = Plan()
    var holders: [CID: Set<String>] = [:]
    for belief in beliefs where belief.isStored { holders[belief.root, default: []].insert(belief.backend) }
    let open = places.filter(\.takesContent).map(\.name)
    var wanted: [CID: Set<String>] = [:]
    for pin in pins {
        let held = holders[pin.root] ?? []
        let chosen = choose(pin, from: open, held: held)
        if let replicas = pin.replicas, chosen.count < replicas { plan.short.append(pin.root) }
        wanted[pin.root] = Set(chosen)
        for name in chosen where force || !held.contains(name) {
            plan.steps[name, default: []].append(.upload(pin.root))
        }
    }
    guard prune else { return plan }
    for belief in beliefs.sorted(by: { $0.root < $1.root }) where belief.isStored {
        guard let place = places.first(where: { $0.name == belief.backend }), place.takesContent else { continue }
        if let chosen = wanted[belief.root] {
            // Wanted, but not here: it may go once there are enough others.
            let others = (holders[belief.root] ?? []).intersection(chosen).subtracting([place.name])
            guard !chosen.contains(place.name), others.count >= max(place.minReplicas, chosen.count) else { continue }
        }
        plan.steps[place.name, default: []].append(.remove(belief.root))
    }
    return plan
}

private func choose(_ pin: WantedRoot, from open: [String], held: Set<String>) -> [String] {
    guard let replicas = pin.replicas, replicas < open.count else { return open }
    let ranked = open.sorted { left, right in
        let (a, b) = (held.contains(left), held.contains(right))
        return a != b ? a : rank(pin.root, left) > rank(pin.root, right)
    }
    return ranked.prefix(max(0, replicas)).sorted()
}

/// The weight of a place for a root: FNV-1a over both, finished with the mixer of SplitMix64.
private func rank(_ root: CID, _ name: String) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in root.hash.bytes + Array(name.utf8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
    return hash ^ (hash >> 31)
}
