package import Catalog
internal import Digests
internal import Multiformats
package import Storage

/// Looks at copies on other backends in the moment in which one is removed because of them.
///
/// What the catalog has verified may be gone, cut, rotten or out of reach since: no cache decides a removal. Each copy
/// is compared with what the store has before the first removal because of it, and looked up before each further one.
/// A look is made anew when it is a second old, and counts for two, or ten from its beginning where it took long.
package final class Witnesses: Sendable {
    private let store: StoreSource
    private let catalog: Catalog
    private let identity: Catalog.Identity
    private let observer: String
    private let open: @Sendable (String) async throws -> OpenBackend
    private let opened = Locked<[String: OpenBackend]>([:])
    /// One opens each, the others wait for it.
    private let opening = Locked<[String: Permits]>([:])
    /// What was compared with what the store has, as it was seen then.
    private let compared = Locked<[Copy: HeldRoot]>([:])
    /// When there was a look on account of which a copy may go, by the clock that nobody sets.
    private let looks = Locked<[Copy: ClosedRange<Duration>]>([:])
    private let timing: Timing
    /// Why those are silent that did not answer lately.
    private let silences: Silences<String, String>

    /// So old a look is that is not made anew, so old one that counts, and so long one may take with that.
    private static let (freshness, validity, longest): (Duration, Duration, Duration) = (
        .seconds(1), .seconds(2), .seconds(10)
    )

    private struct Copy: Hashable {
        let root: CID
        let backend: String
    }

    /// Witnesses on the backends that `open` opens by their names, to look at them only.
    package init(
        _ store: StoreSource,
        _ catalog: Catalog,
        _ identity: Catalog.Identity,
        observer: String,
        timing: Timing,
        open: @escaping @Sendable (String) async throws -> OpenBackend
    ) {
        self.timing = timing
        silences = Silences(timing: timing)
        self.store = store
        self.catalog = catalog
        self.identity = identity
        self.observer = observer
        self.open = open
    }

    /// Whether there was a look on account of which a root may go from a backend.
    func haveSeen(_ root: CID, besides loser: String) -> Bool {
        guard let look = looks.read({ $0[Copy(root: root, backend: loser)] }) else { return false }
        let now = timing.uptime()
        return now - look.upperBound <= Self.validity && now - look.lowerBound <= Self.longest
    }

    /// Looks at the copies on account of which a root goes, unless that was a moment ago.
    ///
    /// Throws `changed` where too few of them are seen, or where to look at them takes so long that it says nothing any
    /// more.
    func expect(
        _ minimum: Int,
        of names: [String],
        toHave root: CID,
        besides loser: String
    ) async throws(StorageError) {
        let copy = Copy(root: root, backend: loser)
        if let look = looks.read({ $0[copy] }), timing.uptime() - look.upperBound <= Self.freshness,
            haveSeen(root, besides: loser)
        {
            return
        }
        // The first look reads, and this process may be stopped: then it looks once more. Where backends are slow each
        // look takes long.
        var (start, end) = (Duration.zero, Duration.seconds(Int64.max))
        for _ in 0..<4 where end - start > Self.freshness {
            start = timing.uptime()
            try await look(for: minimum, of: names, toHave: root, besides: loser)
            end = timing.uptime()
        }
        guard end - start <= Self.longest else {
            throw StorageError(
                .changed,
                "\(root) stays, for to look at its other replicas took \((end - start).components.seconds) s, and much may happen in that time.",
                retry: .never
            )
        }
        looks.change { [start, end] looks in
            // What does not count any more is of no use.
            if looks.count > 1000 { looks = looks.filter { end - $0.value.upperBound <= Self.validity } }
            looks[copy] = start...max(start, end)
        }
    }

    /// Throws `changed` unless at least `minimum` of some backends have a root now, as the store has it, and each in
    /// another place than the one that is to lose it.
    private func look(
        for minimum: Int,
        of names: [String],
        toHave root: CID,
        besides loser: String
    ) async throws(StorageError) {
        let known = try await mappings(of: root)
        // One file may have a name on several backends.
        var places: Set<String> = []
        do {
            let mapping = known.first { $0.backend == loser }
            switch try await backend(loser).content.presence(of: root, at: mapping?.location) {
            case .absent, .pending: break
            case .present(let held): places.formUnion(held.place.map { [$0] } ?? [])
            case .unknown(let error): throw error
            }
        } catch {
            throw StorageError(.changed, "\(root) stays, for nobody could look at it: \(error)")
        }
        var reasons: [String] = []
        var seen = 0
        var rest = names[...]
        while seen < minimum, !rest.isEmpty {
            let asked = Array(rest.prefix(minimum - seen))
            rest = rest.dropFirst(asked.count)
            for (name, look) in await looks(at: root, known, on: asked) {
                switch look {
                case .seen(let place):
                    if place.map({ places.insert($0).inserted }) ?? true {
                        seen += 1
                    } else {
                        reasons.append("\(name): It is the same file as another copy.")
                    }
                case .notSeen(let reason), .unknown(let reason):
                    reasons.append(reason.hasPrefix(name + ": ") ? reason : "\(name): \(reason)")
                }
            }
        }
        guard seen < minimum else { return }
        throw StorageError(
            .changed,
            "\(root) stays, for not all replicas that are to be enough were seen just now. \(reasons.joined(separator: " "))",
            retry: .never
        )
    }

    /// Whether an announcement is on a backend; nil where nobody can tell.
    func sees(_ marker: ObjectName?, on name: String) async -> Bool? {
        guard let marker, let register = try? await HomeRegister(backend(name)) else { return nil }
        return try? await register.holds(marker.text)
    }

    /// Throws `corrupt` where a copy that was to stay went along with the one that was removed: it was the same; and
    /// where it took long from the look to the end of the removal, for this process may have been stopped, and one of
    /// the others is not there any more as it was, or with `unavailable` does not answer.
    func confirm(_ names: [String], stillHave root: CID, besides loser: String) async throws(StorageError) {
        let known = try await mappings(of: root)
        let age = looks.read { $0[Copy(root: root, backend: loser)] }.map { timing.uptime() - $0.upperBound }
        if age.map({ $0 > Self.validity }) ?? true {
            let looks = await looks(at: root, known, on: names)
            for case (let name, .notSeen(let reason)) in looks {
                throw StorageError(
                    .corrupt,
                    "A surplus copy of \(root) was removed, and afterwards the one on \(name) was not seen whole. \(reason)",
                    backend: name
                )
            }
            for case (let name, .unknown(let reason)) in looks {
                throw StorageError(
                    .unavailable,
                    "A surplus copy of \(root) was removed, and afterwards nobody could look at the one on \(name). \(reason)",
                    backend: name
                )
            }
        }
        for name in names where compared.read({ $0[Copy(root: root, backend: name)] != nil }) {
            let mapping = known.first { $0.backend == name }
            guard let backend = try? await backend(name),
                case .absent = await backend.content.presence(of: root, at: mapping?.location)
            else { continue }
            // Where it cannot be written down, the error tells it, and the next look at that backend sees it.
            try? await note(.missing, of: mapping, by: Mapping.Evidence.look, on: backend)
            throw StorageError(
                .corrupt,
                "The copy of \(root) on \(name) went with the one that was removed: it was the same. The next sync sends it anew.",
                backend: name
            )
        }
    }

    /// What a look at one copy came to.
    private enum Look: Sendable {
        /// It is there, as the store has it, in a place, where that is known.
        case seen(String?)
        /// What there is instead, as a sentence.
        case notSeen(String)
        /// Why nobody could tell, as a sentence.
        case unknown(String)
    }

    /// Looks at a root on several backends at once; the answers in the order of their names here.
    private func looks(
        at root: CID,
        _ known: [Mapping],
        on names: [String]
    ) async -> [(name: String, look: Look)] {
        await withTaskGroup(of: Looked.self) { group in
            for name in names {
                group.addTask {
                    let look = await self.look(at: root, known.first { $0.backend == name }, on: name)
                    return Looked(name: name, look: look)
                }
            }
            var found: [String: Look] = [:]
            for await looked in group { found[looked.name] = looked.look }
            return names.compactMap { name in found[name].map { (name, $0) } }
        }
    }

    private struct Looked: Sendable {
        let name: String
        let look: Look
    }

    private func look(at root: CID, _ mapping: Mapping?, on name: String) async -> Look {
        if let reason = silences.problem(of: name) { return .unknown("It is not asked again just now: \(reason)") }
        let backend: OpenBackend
        do {
            backend = try await self.backend(name)
        } catch {
            return .unknown("\(error)")
        }
        do {
            let look = try await self.look(at: root, mapping, on: backend)
            silences.note(nil, of: name)
            return look
        } catch {
            let problem = error as? StorageError
            let isSilent = problem?.code == .unavailable && problem?.isOfSource != true && problem?.isOfObject != true
            silences.note(isSilent ? "\(error)" : nil, of: name)
            return .unknown("\(error)")
        }
    }

    private func look(at root: CID, _ mapping: Mapping?, on backend: OpenBackend) async throws -> Look {
        switch await backend.content.presence(of: root, at: mapping?.location) {
        case .absent:
            try await note(.missing, of: mapping, by: Mapping.Evidence.look, on: backend)
            return .notSeen("It is not there; the next sync sends it anew.")
        case .pending: return .unknown("The service says that it works on it.")
        case .unknown(let error): throw error
        case .present(let held):
            let copy = Copy(root: root, backend: backend.name)
            if compared.read({ $0[copy] }) == held { return .seen(held.place) }
            let body = try await store.pack(root).body
            let found = try await compare(
                held,
                with: body,
                on: backend.content,
                trustsParts: try await catalog.openTransfer(of: root, on: backend.name) != .store,
                counted: mapping?.observedSize
            )
            if let loss = found.loss {
                // Who says that it has what it does not give keeps it back.
                try await note(loss == .missing ? .withheld : loss, of: mapping, by: found.method, on: backend)
                return .notSeen("What is there is not its CAR, or damaged; the next sync sends it anew.")
            }
            if found.back == nil, let loss = try await lack(of: held, beside: body, on: backend.content) {
                try await note(loss, of: mapping, by: "read-back", on: backend)
                let words = loss == .damaged ? "gives something else" : "does not give it"
                return .notSeen("It says that it has it, and \(words); the next sync looks, or sends it anew.")
            }
            compared.change { $0[copy] = held }
            return .seen(held.place)
        }
    }

    /// What a copy that was compared by its digest is instead, where it does not give a part of it, by chance, as it
    /// should be: some services keep digests of what they lost, and this one may soon be the last.
    private func lack(
        of held: HeldRoot,
        beside body: Body,
        on content: any ContentService
    ) async throws(StorageError) -> Observation.Finding? {
        guard content.capabilities.isSuperset(of: [.reads, .rangeReads]), !content.limits.isArchive else { return nil }
        let length = min(body.length, Self.sample)
        let start = UInt64.random(in: 0...(body.length - length))
        let range = start..<start + length
        do throws(StorageError) {
            let part = try await content.read(held.root, at: held.location, range)
            let bytes = try await collect(part.stream, limit: Int(length))
            guard !bytes.isEmpty else { return .withheld }
            return try await body.digest(.sha256, of: range) == digest(.sha256, of: bytes) ? nil : .damaged
        } catch {
            guard error.code != .tooLarge else { return .damaged }
            guard let finding = Observation.Finding(ofReading: error) else { throw error }
            return finding == .missing ? .withheld : finding
        }
    }

    /// So much is read, in bytes, of a copy that was compared by its digest.
    private static let sample: UInt64 = 64 << 10

    /// Writes down that a copy is not what was believed, as everybody does who sees that.
    private func note(
        _ finding: Observation.Finding,
        of mapping: Mapping?,
        by method: String,
        on backend: OpenBackend
    ) async throws {
        guard let mapping else { return }
        // What is not there says nothing where it is another place.
        try await HomeRegister.expectPlace(backend, catalog, identity)
        let seen = Observation(
            mapping.cid,
            finding,
            method: method,
            place: mapping.location,
            at: catalog.time,
            by: observer,
            basis: mapping.revision
        )
        _ = try await catalog.observing(backend.name) { try await catalog.record([seen], under: $0) }
        try await catalog.markDirty([backend.name], reason: "a copy is missing or damaged")
    }

    private func mappings(of root: CID) async throws(StorageError) -> [Mapping] {
        do throws(CatalogError) {
            return try await catalog.mappings(of: [root])
        } catch {
            throw StorageError(.unavailable, error.message, cause: error)
        }
    }

    private func backend(_ name: String) async throws -> OpenBackend {
        if let backend = opened.read({ $0[name] }) { return backend }
        let permits = opening.change { opening in
            let permits = opening[name] ?? Permits(1)
            opening[name] = permits
            return permits
        }
        let permit = try await permits.take()
        defer { permit.give() }
        if let backend = opened.read({ $0[name] }) { return backend }
        if let reason = silences.problem(of: name) { throw StorageError(.unavailable, reason) }
        do {
            let backend = try await open(name)
            opened.change { $0[name] = backend }
            return backend
        } catch {
            // Those that wait are not to open it in vain, one after another.
            if !Task.isCancelled { silences.note("\(error)", of: name, isUseless: true) }
            throw error
        }
    }
}
