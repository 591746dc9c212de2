internal import Catalog
internal import Multiformats
internal import Policies
internal import Replication
internal import Schema
internal import Storage

/// A look at one backend: each thing is tried, and nothing is taken from what the service says of itself.
struct HealthLook: Sendable {
    let backend: String
    /// When the backend was asked first; nil where nobody was.
    private(set) var askedAt: Timestamp?
    private(set) var sights: [Sight] = []
    private(set) var isLeaving = false
    /// How long the first answer took, in milliseconds.
    private(set) var latency: Int64?
    private(set) var free: UInt64?
    private(set) var clockOffset: Int64?
    /// What proved last that bytes were there, before this look.
    private(set) var proof: Mapping.Evidence?
    private(set) var warnings: [String] = []
    private let kit: Kit

    /// So many roots are read that should be there.
    private static let challenges = 3
    /// Of longer ones the backend is only asked, in bytes.
    private static let longest: UInt64 = 16 << 20
    /// A clock that is further off makes signatures void, in milliseconds.
    private static let longestOffset: Int64 = 300_000

    /// A look at a backend, now.
    init(at backend: String, in kit: Kit) {
        (self.backend, self.kit) = (backend, kit)
    }

    /// How the backend is; nil where nobody looked.
    var state: HealthState? { sights.isEmpty ? nil : HealthState(sights, isLeaving: isLeaving) }

    /// What to say where it cannot be looked at.
    static func unreadable(_ backend: String, _ error: KitError, in kit: Kit) -> HealthLook {
        var look = HealthLook(at: backend, in: kit)
        look.sights = [.failed(.settings, .unknown, error.message, error.on(backend))]
        return look
    }

    /// Looks; throws `interrupted` where somebody stopped it.
    mutating func look(_ file: BackendFile, _ progress: Progress) async throws(KitError) {
        let open: OpenBackend
        let canary = await RootCanary(for: backend, in: kit)
        do throws(KitError) {
            isLeaving = try kit.policies(of: file).isLeaving
            if isLeaving { sights.append(.ok(.settings, "Its settings say that it is about to end.")) }
            open = try await kit.open(file, gate: Canary.gate(for: canary))
        } catch {
            guard error.code != .interrupted else { throw error }
            sights.append(.failed(.settings, .unknown, "It cannot be opened. \(error.message)", error.on(backend)))
            return
        }
        askedAt = kit.now
        do throws(KitError) {
            guard try await greet(open), try await recognise(open) else { return }
            try await measureRoom(open)
            try await tryCanary(open, canary)
            try await challenge(open, file, progress)
        } catch {
            guard error.code != .interrupted else { throw error }
            // What the kit itself cannot say, such as from its catalog, says nothing of the backend.
            sights.append(.failed(.settings, .unknown, error.message, error.on(backend)))
        }
    }

    /// A failure of the backend, where nobody stopped the look.
    private func failure(_ error: StorageError) throws(KitError) -> KitError {
        let error = KitError(error.on(backend))
        guard error.code != .interrupted else { throw error }
        return error
    }

    // MARK: Whether it is there

    /// Asks for something that is not there: who says so has read the request and let us in.
    private mutating func greet(_ open: OpenBackend) async throws(KitError) -> Bool {
        let start = kit.timing.uptime()
        do throws(StorageError) {
            let seen = try await ask(open.content)
            let time = kit.milliseconds(since: start)
            latency = time
            sights.append(.ok(.answer, seen, time))
            sights.append(.ok(.access, "It let us in."))
            return true
        } catch {
            let problem = try failure(error)
            switch error.code {
            case .badCredentials:
                sights.append(.ok(.answer, "It answered.", kit.milliseconds(since: start)))
                sights.append(.failed(.access, .unreachable, "It does not let us in. \(error.message)", problem))
            case .permissionDenied:
                // Some say so of all that is not there to those who may not list it.
                sights.append(.ok(.answer, "It answered.", kit.milliseconds(since: start)))
                let words = "It does not say that something is not there. \(error.message)"
                sights.append(.failed(.access, .degraded, words, problem))
                return true
            case .unavailable:
                sights.append(.failed(.answer, .unreachable, "It cannot be asked. \(error.message)", problem))
            // It answered, and wants to be left alone for now.
            case .rateLimited, .quotaExceeded: sights.append(.failed(.answer, .degraded, error.message, problem))
            default:
                let state: HealthState = error.isBrokenPromise ? .lying : .unknown
                sights.append(.failed(.answer, state, error.message, problem))
            }
            return false
        }
    }

    /// Gives what was seen, as a sentence.
    private func ask(_ content: any ContentService) async throws(StorageError) -> String {
        guard let objects = content.objects, let name = ObjectName(Canary.folder + "nobody.txt") else {
            return try await content.probe()
        }
        do throws(StorageError) {
            _ = try await objects.stat(name)
        } catch {
            guard error.code == .notFound else { throw error }
        }
        return "It answered."
    }

    /// Whether it is the place that is known by its name, and not a folder below a disk that is not mounted.
    private mutating func recognise(_ open: OpenBackend) async throws(KitError) -> Bool {
        do throws(KitError) {
            try await kit.expectPlace(open)
            sights.append(.ok(.place, "It is the place that it was, or the first one of its name."))
            return true
        } catch {
            guard error.code != .interrupted else { throw error }
            // Another place answers under its name, or nobody could tell.
            let isOfBackend = [.refused, .authorisation, .temporary].contains(error.code)
            let isLie = error.code == .verification
            let state: HealthState = isLie ? .lying : isOfBackend ? .unreachable : .unknown
            sights.append(.failed(.place, state, error.message, error.on(backend)))
            return false
        }
    }

    // MARK: What it takes

    private mutating func measureRoom(_ open: OpenBackend) async throws(KitError) {
        guard open.content.capabilities.contains(.usage) else {
            sights.append(.skipped(.room, "It does not say how much room there is."))
            return
        }
        do throws(StorageError) {
            free = try await open.content.usage(mayWalk: false).free
        } catch {
            let problem = try failure(error)
            sights.append(.failed(.room, .degraded, error.message, problem))
            return
        }
        switch free {
        case nil: sights.append(.skipped(.room, "It does not say how much room there is."))
        case 0?: sights.append(.failed(.room, .degraded, "It says that there is no room left."))
        case let free?: sights.append(.ok(.room, "It says that \(ByteCount(free)) are free."))
        }
    }

    private mutating func tryCanary(_ open: OpenBackend, _ root: RootCanary) async throws(KitError) {
        guard let objects = open.content.objects, objects.capabilities.contains(.write) else {
            let isGiver = !open.content.capabilities.contains(.write)
            if RootCanary.suits(open.content) { return try await tryRoot(open, root) }
            let words = isGiver ? "It only gives: nothing is stored there." : "It takes no objects that could be tried."
            sights.append(.skipped(.store, words))
            return
        }
        var canary = try await Canary(for: backend, objects, in: kit)
        var failed: Canary.Failure?
        do throws(Canary.Failure) { try await canary.run() } catch { failed = error }
        for (act, step) in zip(canary.acts, canary.steps) {
            sights.append(.ok(act.subject, act.words(of: "object"), step.milliseconds))
        }
        warnings += canary.warnings + [open.whatStays].compactMap(\.self)
        if let failed {
            let problem = try failure(failed.error)
            sights.append(.failed(failed.act.subject, failed.state, failed.error.message, problem))
        }
        guard let offset = canary.clockOffset else { return }
        clockOffset = offset
        let words = Self.words(forOffset: offset)
        let isFar = abs(offset) > Self.longestOffset
        sights.append(isFar ? .failed(.clock, .degraded, words) : .ok(.clock, words))
    }

    /// Tries it with a root.
    private mutating func tryRoot(_ open: OpenBackend, _ root: RootCanary) async throws(KitError) {
        var canary = root
        var failed: Canary.Failure?
        do throws(Canary.Failure) { try await canary.run(on: open.content) } catch { failed = error }
        for step in canary.steps {
            guard let act = Canary.Act(rawValue: step.title) else { continue }
            sights.append(.ok(act.subject, act.words(of: "root"), step.milliseconds))
        }
        if let failed {
            let problem = try failure(failed.error)
            sights.append(.failed(failed.act.subject, failed.state, failed.error.message, problem))
        } else if canary.isAwaited, open.content.capabilities.contains(.reads) {
            let words = "It took the root of the test, and had not fetched it yet: nobody tried whether it can be read."
            sights.append(.skipped(Canary.Act.read.subject, words))
        }
    }

    private static func words(forOffset offset: Int64) -> String {
        guard offset != 0 else { return "Its clock is the one here, to a second." }
        return "Its clock is \(abs(offset) / 1000) s \(offset > 0 ? "ahead of" : "behind") the one here."
    }

    // MARK: What it has

    /// Asks for a few roots that it should have, and reads those that it says it has.
    private mutating func challenge(
        _ open: OpenBackend,
        _ file: BackendFile,
        _ progress: Progress
    ) async throws(KitError) {
        let isKnown = try await kit.arrive(at: file)
        let catalog = try kit.catalog()
        var chosen: [Mapping] = []
        // What was damaged may be repaired, and is not forgotten before that was seen; who only says that he has
        // something is asked for it, too.
        for statuses: [Mapping.Status] in [[.missing, .corrupt], [.stored], [.pending, .unknown]] {
            chosen += try await kitErrors { [backend] in
                try await catalog.chanceMappings(
                    on: backend,
                    statuses,
                    Self.challenges,
                    notLongerThan: Self.longest
                )
            }
        }
        proof = try await kitErrors { [backend] in try await catalog.lastProof(on: backend) }
        let identity = try await kitErrors { try await kit.identity() }
        let verifier = Verifier(
            catalog: catalog,
            identity: identity,
            observer: kit.observer,
            timing: kit.timing,
            progress: progress,
            limit: Self.longest
        )
        do {
            guard !chosen.isEmpty else {
                sights.append(.skipped(.content, "Nothing is known to be stored there."))
                return
            }
            let asked = try await verifier.verify(chosen, on: open, by: .asking, isKnown: isKnown)
            // What was said of them may be written down by now.
            let present = Set(asked.filter { $0.verdict == .present }.map(\.mapping.cid))
            let known = try await catalog.mappings(of: present.sorted()).filter { $0.backend == backend }
            let there = isKnown ? known : asked.map(\.mapping).filter { present.contains($0.cid) }
            // Nobody pays for a look.
            let isReadable = open.content.capabilities.contains(.reads) && !open.content.limits.isArchive
            let short = there.filter { ($0.observedSize ?? 0) <= Self.longest && isReadable }
            let read = short.isEmpty ? [] : try await verifier.verify(short, on: open, isKnown: isKnown)
            report(asked, read, of: open.content)
            try await tellDamage(catalog)
        } catch {
            let problem = KitError(any: error)
            guard problem.code != .interrupted else { throw problem }
            sights.append(.failed(.content, .degraded, problem.message, problem.on(backend)))
        }
        tellProof(open)
    }

    /// What is known to be damaged there, of which only some was looked at now.
    private mutating func tellDamage(_ catalog: Catalog) async throws {
        let counts = try await catalog.mappingCounts()[backend]?.byStatus ?? [:]
        let damaged = (counts[.missing] ?? 0) + (counts[.corrupt] ?? 0)
        guard damaged > 0 else { return }
        let words =
            "Of the roots that were stored there, \(damaged) \(damaged == 1 ? "is" : "are") known to be gone or damaged."
        let hint = Hint(Sync.self, ["names": backend])
        sights.append(.failed(.content, .degraded, words, KitError(.verification, words, hint: hint, backend: backend)))
    }

    private mutating func report(
        _ asked: [Verifier.Result],
        _ read: [Verifier.Result],
        of content: any ContentService
    ) {
        for result in asked {
            let root = result.mapping.cid
            switch result.verdict {
            case .missing:
                let words = "It says that \(root) is not there, which \(result.mapping.wasThere)."
                sights.append(.failed(.content, .degraded, words, KitError(.verification, words, cid: root)))
            case .corrupt, .unknown, .withheld:
                let words = result.error?.message ?? "What it has of \(root) is not known."
                let problem = result.error.map { KitError($0.on(backend)).about(root) }
                sights.append(.failed(.content, .degraded, words, problem))
            case .awaited:
                guard result.mapping.status == .stored else {
                    sights.append(.skipped(.content, "It works on \(root), and has not got it yet."))
                    continue
                }
                let words = "It works on \(root) still, which was stored."
                sights.append(.failed(.content, .degraded, words, KitError(.temporary, words, cid: root)))
            case .superseded:
                sights.append(
                    .skipped(
                        .content,
                        "\(root) was stored anew or removed while it was asked for, or is being removed."
                    )
                )
            case .present, .whole: break
            }
        }
        for result in read where ![.superseded, .whole, .present].contains(result.verdict) {
            let root = result.mapping.cid
            let why = result.error?.message ?? ""
            let problem = result.error.map { KitError($0.on(backend)).about(root) }
            let words =
                result.verdict.isDamage
                ? "It says that it has \(root), and does not give it. \(why)"
                : "What it says it has of \(root) could not be read. \(why)"
            sights.append(.failed(.content, result.verdict.isDamage ? .lying : .degraded, words, problem))
        }
        let whole = read.filter { $0.verdict == .whole }
        if !whole.isEmpty {
            let bytes = whole.reduce(UInt64(0)) { $0.plus($1.bytes) }
            sights.append(.ok(.content, "Of what it should have, \(whole.count) were read whole, \(ByteCount(bytes))."))
        }
        let unread = asked.count { $0.verdict == .present } - read.count { $0.verdict != .present }
        if unread > 0 {
            let why =
                if !content.capabilities.contains(.reads) {
                    "nothing that it keeps can be read here"
                } else if content.limits.isArchive {
                    "what is in an archive costs money to be read"
                } else {
                    "what is long, `verify` reads"
                }
            sights.append(.skipped(.content, "It says that it has \(unread) that were not read: \(why)."))
        }
    }

    private mutating func tellProof(_ open: OpenBackend) {
        guard let proof else {
            sights.append(.skipped(.proof, "Nothing that counts as stored there was proved before."))
            return
        }
        sights.append(.ok(.proof, "Bytes there were proved last \(proof.at.ago(at: kit.now)), by \(proof.method)."))
    }
}

extension Mapping {
    /// How it came to be looked for.
    fileprivate var wasThere: String { [.pending, .unknown].contains(status) ? "is said to be" : "was stored" }
}

extension Canary.Act {
    fileprivate var subject: Sight.Subject {
        switch self {
        case .store: .store
        case .read: .read
        case .list: .list
        case .remove: .remove
        }
    }

    /// What was seen of a thing, such as an object.
    fileprivate func words(of thing: String) -> String {
        switch self {
        case .store: "It took a small \(thing)."
        case .read: "It gave the same bytes back."
        case .list: "It listed the \(thing)."
        case .remove: "It removed the \(thing)."
        }
    }
}
