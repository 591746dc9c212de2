internal import Multiformats
internal import Schema

extension Mapping {
    /// The mapping that an observation begins; nil for one that says of nothing that it is somewhere.
    init?(first seen: Observation, on backend: String) {
        let status: Status
        switch seen.finding {
        case .whole: status = .stored
        case .present, .claimed, .withheld: status = .pending
        case .damaged: status = .corrupt
        case .missing, .removed: return nil
        }
        self.init(
            cid: seen.cid,
            backend: backend,
            path: seen.path,
            shards: seen.place?.shards ?? [],
            status: status,
            size: seen.size,
            blockCount: seen.blockCount,
            carSHA256: seen.carSHA256,
            createdAt: seen.at,
            evidence: seen.finding == .claimed ? nil : Evidence(method: seen.method, at: seen.at, by: seen.by),
            isOurs: seen.finding != .claimed
        )
    }

    /// The mapping after something was seen; itself where that changes nothing, nil where nothing is left to be known.
    ///
    /// Evidence only moves forward:
    /// - a reading decides over everything before it;
    /// - bytes that were just stored, with a digest that the service computed, take the place of whatever was there;
    /// - a digest in a listing does not outvote the reading that found damage: services keep digests and lose bytes;
    /// - a word, or that something has the name, changes nothing that was observed.
    func after(_ seen: Observation) -> Mapping? {
        var next = self
        switch seen.finding {
        case .whole:
            guard status != .corrupt || seen.isNewStore || seen.strength == .readBack else { return self }
            next.status = .stored
            next.place(at: seen)
            next.isOurs = true
        case .damaged:
            next.status = .corrupt
            next.place(at: seen)
        case .missing:
            // That nothing is at some other place says nothing of what was seen at this one.
            guard seen.path == path || status == .pending || status == .unknown else { return self }
            next.status = .missing
        case .withheld:
            // What counted stands on nothing any more; of anything else, and of another place, it is no news.
            guard status == .stored, seen.path == path else { return self }
            next.status = .unknown
        case .removed: return nil
        case .present:
            guard status == .missing || status == .unknown || status == .failed else { return self }
            // Who was asked only says what he said before he was read, and gave nothing.
            let wasRead = evidence.map { Observation.strength(of: $0.method) == .readBack } ?? false
            guard seen.method != Evidence.look || !wasRead else { return self }
            next.status = .pending
            next.place(at: seen)
        case .claimed:
            let isKnown = status == .stored || status == .corrupt || status == .missing && seen.path == path
            guard !isKnown else { return self }
            next.status = .pending
            // What is at another place somebody else may have put there.
            next.isOurs = isOurs && seen.path == path && seen.place?.shards ?? [] == shards
            next.place(at: seen)
        }
        if seen.finding != .claimed { next.evidence = Evidence(method: seen.method, at: seen.at, by: seen.by) }
        if let size = seen.size { next.size = size }
        if let count = seen.blockCount { next.blockCount = count }
        if let digest = seen.carSHA256 { next.carSHA256 = digest }
        next.updatedAt = seen.at
        next.revision += 1
        return next
    }

    private mutating func place(at seen: Observation) { (path, shards) = (seen.path, seen.place?.shards ?? []) }
}

extension Mapping? {
    /// The mapping after somebody said where a root is; one without a name keeps that which it has.
    func claimed(_ claim: Observation, named name: String, on backend: String) -> Mapping? {
        var after = self.map { $0.after(claim) } ?? Mapping(first: claim, on: backend)
        if !name.isEmpty, after?.name != name {
            after?.name = name
            after?.revision += 1
        }
        return after
    }
}
