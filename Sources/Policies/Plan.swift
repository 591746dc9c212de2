package import Multiformats
package import Schema

/// A backend as the planner sees it.
package struct Place: Sendable, Hashable {
    package let name: String
    /// The same for backends that are one place under several names.
    package let identity: String
    /// Says whether it is enabled and can be written to.
    package let takesContent: Bool
    /// Says whether content can be read there; otherwise there is only the word of the service.
    package let givesContent: Bool
    /// Says whether anything can be removed there.
    package let removesContent: Bool
    /// The least number of replicas elsewhere before something may be removed here.
    package let minReplicas: Int
    /// Of the names of one place that takes content, the one with the lowest standing stands for it.
    package let standing: Int

    package init(
        name: String,
        identity: String? = nil,
        takesContent: Bool,
        givesContent: Bool = true,
        removesContent: Bool = true,
        minReplicas: Int = 1,
        standing: Int = 0
    ) {
        self.name = name
        self.identity = identity ?? name
        self.takesContent = takesContent
        self.givesContent = givesContent
        self.removesContent = removesContent
        self.minReplicas = minReplicas
        self.standing = standing
    }
}

/// A root that shall be kept, as the planner sees it.
package struct WantedRoot: Sendable, Hashable {
    package let root: CID
    /// How many replicas are wanted; nil is one on every backend.
    package let replicas: Int?
    /// When the pin was changed last.
    package let changedAt: Timestamp

    package init(root: CID, replicas: Int?, changedAt: Timestamp = Timestamp(milliseconds: 0)) {
        self.root = root
        self.replicas = replicas
        self.changedAt = changedAt
    }
}

/// What is known of a root on a backend, as the planner sees it.
package struct Copy: Sendable, Hashable {
    /// How much is known.
    package enum State: Sendable, Hashable {
        /// Bytes or digests were compared and matched.
        case verified
        /// Somebody says so.
        case claimed
        case damaged
        /// The service said that it is not there.
        case missing
        case unknown
        /// The service works on its upload.
        case awaited
        /// A removal began, and nobody knows how it ended.
        case leaving
    }

    package let root: CID
    package let backend: String
    package let state: State
    /// Whether this kit stored or compared it, so that it may remove it.
    package let isOurs: Bool

    package init(root: CID, backend: String, state: State, isOurs: Bool = true) {
        self.root = root
        self.backend = backend
        self.state = state
        self.isOurs = isOurs
    }
}

/// One thing to be done on a backend.
package enum Step: Sendable, Hashable {
    /// Why a root may go.
    package enum Reason: Sendable, Hashable {
        /// No pin wants it.
        case unwanted
        /// It is wanted elsewhere, and so many verified copies are on these other backends.
        case surplus(minimum: Int, others: [String], pinChangedAt: Timestamp)
    }

    case upload(CID)
    case remove(CID, Reason)
    /// What is known of a root that no pin wants there and that is not there is forgotten; the backend is not asked.
    case forget(CID)

    package var isUpload: Bool {
        if case .upload = self { true } else { false }
    }

    package var isRemoval: Bool {
        if case .remove = self { true } else { false }
    }

    /// The root that it is about.
    package var root: CID {
        switch self {
        case .upload(let root), .remove(let root, _), .forget(let root): root
        }
    }
}

/// What has to be done, backend by backend.
package struct Plan: Sendable, Hashable {
    package var steps: [String: [Step]] = [:]
    /// Roots for which there are fewer places than replicas wanted.
    package var short: [CID] = []
    /// Roots with fewer verified copies than are wanted: at least one, where the pin does not say none.
    package var lacking: [CID] = []
    /// How many roots would go from backends from which nothing can be removed.
    package var staying: [String: Int] = [:]
    /// Backends that are the same place as another one, by their names: nothing is done there.
    package var aliases: [String: String] = [:]

    /// Whether nothing has to be done, and nothing is wanted that cannot be.
    package var isSettled: Bool { steps.allSatisfy(\.value.isEmpty) && short.isEmpty && lacking.isEmpty }

    package init() {}
}

/// Compares what should be where with what is known to be where, and says what has to be done.
///
/// A pure function. A root goes to every place, or to as many as its pin wants: those where it can be verified before
/// those that only give their word, those that hold it already first, then
/// those that may, as they did before nothing was certain there any more, then by rendezvous hashing (Thaler and
/// Ravishankar 1998), so that a new place moves no more than its share. One place under several names counts once. With
/// `prune`, what no pin wants is removed where this kit stored it; `force` has everything looked at again.
package func plan(
    pins: [WantedRoot],
    copies: [Copy],
    places: [Place],
    prune: Bool = false,
    force: Bool = false
) -> Plan {
    var planner = Planner(pins, copies, places)
    planner.planUploads(force: force)
    planner.planForgetting()
    if prune { planner.planRemovals() }
    return planner.plan
}

private struct Planner {
    private let pins: [WantedRoot]
    private let copies: [Copy]
    private let places: [String: Place]
    /// The places that take content, each under its first name; and those of them where it can be verified.
    private let (open, proving): ([String], [String])
    /// The first name of each place.
    private var firstNames: [String: String] = [:]
    /// Which backends have a verified copy, and under their first names which places.
    private var holders: [CID: Set<String>] = [:]
    private var holdingPlaces: [CID: Set<String>] = [:]
    /// Where the service works on an upload; and where its word is all that there can ever be, and was given.
    private var (awaited, promised): ([CID: Set<String>], [CID: Set<String>]) = ([:], [:])
    /// The first names of the places where a copy may be, of which nothing better is known.
    private var doubtful: [CID: Set<String>] = [:]
    /// Where each pinned root shall be.
    private var wanted: [CID: (pin: WantedRoot, names: Set<String>)] = [:]
    private(set) var plan = Plan()

    init(_ pins: [WantedRoot], _ copies: [Copy], _ places: [Place]) {
        self.pins = pins
        self.copies = copies.sorted { ($0.root, $0.backend) < ($1.root, $1.backend) }
        self.places = Dictionary(places.map { ($0.name, $0) }) { first, _ in first }
        // Of several names, one that content can be stored under.
        func order(_ place: Place) -> (Int, Int, String) { (place.takesContent ? 0 : 1, place.standing, place.name) }
        let ordered = places.sorted { order($0) < order($1) }
        var byIdentity: [String: String] = [:]
        for place in ordered {
            let first = byIdentity[place.identity] ?? place.name
            byIdentity[place.identity] = first
            firstNames[place.name] = first
            if first != place.name { plan.aliases[place.name] = first }
        }
        let taking = ordered.filter { $0.takesContent && byIdentity[$0.identity] == $0.name }
        open = taking.map(\.name).sorted()
        proving = taking.filter(\.givesContent).map(\.name).sorted()
        for copy in copies where copy.state == .awaited {
            awaited[copy.root, default: []].insert(firstNames[copy.backend] ?? copy.backend)
        }
        for copy in copies where copy.state == .claimed && self.places[copy.backend]?.givesContent == false {
            promised[copy.root, default: []].insert(firstNames[copy.backend] ?? copy.backend)
        }
        for copy in copies where copy.state == .unknown || copy.state == .awaited {
            doubtful[copy.root, default: []].insert(firstNames[copy.backend] ?? copy.backend)
        }
        for copy in copies where copy.state == .verified {
            holders[copy.root, default: []].insert(copy.backend)
            holdingPlaces[copy.root, default: []].insert(firstNames[copy.backend] ?? copy.backend)
        }
    }

    mutating func planUploads(force: Bool) {
        for pin in pins {
            let held = holdingPlaces[pin.root] ?? []
            let chosen = choose(pin, held: held)
            // A word is no replica.
            if let replicas = pin.replicas, chosen.count(where: proving.contains) < replicas {
                plan.short.append(pin.root)
            }
            let isEverywhere = pin.replicas == nil && !proving.isEmpty
            let count = isEverywhere ? held.intersection(proving).count : held.count
            // Whoever wants none is short of none.
            if count < (isEverywhere ? proving.count : pin.replicas ?? 1) { plan.lacking.append(pin.root) }
            wanted[pin.root] = (pin, Set(chosen))
            for name in chosen where !isSettled(pin.root, on: name, force: force) {
                plan.steps[name, default: []].append(.upload(pin.root))
            }
        }
    }

    /// Whether nothing has to be sent for a root.
    private func isSettled(_ root: CID, on name: String, force: Bool) -> Bool {
        func has(_ known: [CID: Set<String>]) -> Bool { known[root]?.contains(name) ?? false }
        return has(awaited) || !force && (has(holdingPlaces) || has(promised))
    }

    /// What is not there, and not wanted there, is nothing to keep in mind.
    mutating func planForgetting() {
        for copy in copies where copy.state == .missing {
            guard let place = places[copy.backend], place.takesContent else { continue }
            let isWanted = wanted[copy.root]?.names.contains(firstNames[place.name] ?? place.name) ?? false
            if isWanted { continue }
            plan.steps[place.name, default: []].append(.forget(copy.root))
        }
    }

    mutating func planRemovals() {
        for copy in copies where copy.isOurs && copy.state != .missing {
            guard let place = places[copy.backend], place.takesContent, firstNames[place.name] == place.name else {
                continue
            }
            guard let (pin, names) = wanted[copy.root] else {
                remove(copy.root, .unwanted, from: place)
                continue
            }
            // Wanted, but not here: it may go once there are enough others, all the more where it is damaged; and where
            // its removal began and nobody knows how it ended.
            guard [.verified, .damaged, .leaving].contains(copy.state), !names.contains(place.name) else { continue }
            let others = (holders[copy.root] ?? []).intersection(names).subtracting([place.name])
            let minimum = max(place.minReplicas, names.count)
            guard others.count >= minimum else { continue }
            let reason = Step.Reason.surplus(minimum: minimum, others: others.sorted(), pinChangedAt: pin.changedAt)
            remove(copy.root, reason, from: place)
        }
    }

    private mutating func remove(_ root: CID, _ reason: Step.Reason, from place: Place) {
        if place.removesContent {
            plan.steps[place.name, default: []].append(.remove(root, reason))
        } else {
            plan.staying[place.name, default: 0] += 1
        }
    }

    private func choose(_ pin: WantedRoot, held: Set<String>) -> [String] {
        guard let replicas = pin.replicas, replicas < open.count else { return open }
        let proving = Set(proving)
        let doubtful = doubtful[pin.root] ?? []
        func merit(_ name: String) -> Int {
            (proving.contains(name) ? 3 : 0) + (held.contains(name) ? 2 : doubtful.contains(name) ? 1 : 0)
        }
        let ranked = open.sorted { left, right in
            let (a, b) = (merit(left), merit(right))
            return a != b ? a > b : rank(pin.root, left) > rank(pin.root, right)
        }
        return ranked.prefix(max(0, replicas)).sorted()
    }
}

/// The weight of a place for a root: FNV-1a over both, finished with the mixer of SplitMix64.
private func rank(_ root: CID, _ name: String) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in root.hash.bytes + Array(name.utf8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
    return hash ^ (hash >> 31)
}
