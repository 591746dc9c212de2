internal import Multiformats
internal import Replication
internal import Schema
internal import Storage
internal import StorageLaws

/// What came of a law that was tried on a backend.
enum Verdict: Sendable {
    case passed
    /// The law was broken, and how.
    case failed(String)
    /// It could not be seen whether the law holds, and why: a service that does not answer breaks none.
    case unknown(StorageError)
    case doesNotApply(String)
    /// It would be tried.
    case planned

    /// The verdict on a law that was not kept.
    init(_ violation: LawViolation) {
        self =
            if violation.isSilence, let cause = violation.cause {
                .unknown(cause.saying(violation.message))
            } else {
                .failed(violation.message)
            }
    }
}

/// The trial of one backend by the laws, in a corner of its own.
struct Certification: Sendable {
    /// What the names of all objects of trials begin with.
    static let folder = ObjectName.trials

    /// A law that is to be tried, and how.
    struct Trial: Sendable {
        let title: String
        let isOfContent: Bool
        let attempt: @Sendable () async throws(LawViolation) -> LawOutcome
    }

    let trials: [Trial]
    /// Whether the credentials were seen to remove nothing: then nothing is stored that would stay, but the same few
    /// objects each time.
    let onlyAdds: Locked<Bool>
    let objects: Trail?
    private let content: ContentTrail?
    /// The folder of this run.
    let corner: String

    /// The trial of a backend whose gate lets `owned` roots be changed.
    init(_ backend: OpenBackend, run: String, isFull: Bool, owned: Locked<Set<CID>>) {
        let corner = Self.folder + run
        self.corner = corner
        let onlyAdds = Locked(false)
        self.onlyAdds = onlyAdds
        objects = backend.content.objects.map { Trail($0) }
        let notes = objects.map { Corner($0, corner) }
        var ofObjects: [Trial] = []
        if let trail = objects {
            ofObjects = Law.all.filter { isFull || $0.isBrief }.map { law in
                Trial(title: law.title, isOfContent: false) { () async throws(LawViolation) in
                    let isAdding = onlyAdds.read { $0 }
                    return try await Self.attempt(
                        law,
                        on: isAdding ? trail.onlyAdding : trail,
                        corner,
                        isFull,
                        mayLeave: isAdding,
                        backend.meter
                    )
                }
            }
        }
        let place: any ContentService
        if backend.content is CARArchive, let notes {
            // A service of named bytes keeps its roots in the corner too.
            (content, place) = (nil, CARArchive(notes))
        } else {
            let trail = ContentTrail(backend.content, notes: notes) { root in owned.change { _ = $0.insert(root) } }
            (content, place) = (trail, trail)
        }
        let adding = objects.map { CARArchive(Corner($0.onlyAdding, corner)) }
        let ofContent = ContentLaw.all.filter { isFull || $0.isBrief }.map { law in
            Trial(title: law.title, isOfContent: true) { () async throws(LawViolation) in
                guard onlyAdds.read({ $0 }), let adding else { return try await law.verify(on: place) }
                return try await law.verify(on: adding)
            }
        }
        trials = ofObjects + ofContent
    }

    private static func attempt(
        _ law: Law,
        on trail: Trail,
        _ corner: String,
        _ isFull: Bool,
        mayLeave: Bool,
        _ meter: Meter
    ) async throws(LawViolation) -> LawOutcome {
        let single = trail.limits.largestSinglePut
        let isOfParts = isFull && law.isAboutParts && single <= longestBoundary
        var outcome = LawOutcome.kept
        for _ in 0..<(isFull ? law.rounds : 1) where outcome == .kept {
            let subject = LawSubject(
                trail,
                folder: corner,
                boundary: isOfParts ? Int(single) : usualBoundary,
                allowsBulk: isFull && !mayLeave,
                mayLeave: mayLeave,
                part: mayLeave ? "kept" : nil,
                requests: { meter.counts.calls }
            )
            outcome = try await law.verify(on: subject)
        }
        return outcome
    }

    /// The length, in bytes, around which sizes are tried.
    private static let usualBoundary = 64 << 10
    /// The largest from which on a service divides uploads that is tried, in bytes.
    private static let longestBoundary: UInt64 = 64 << 20

    /// Where everything can be changed, leaves the mark of this run, which shows that anything can be stored; then
    /// removes what runs that are over left, and gives what could not be removed.
    func begin(by home: String?, at now: Timestamp) async throws(StorageError) -> [Trail.Remains] {
        guard let objects, objects.capabilities.isSuperset(of: [.write, .delete]),
            let mark = ObjectName(corner + "/begun")
        else { return [] }
        _ = try await objects.put(mark, Body([]))
        do throws(StorageError) {
            if let nobody = ObjectName(corner + "/nobody") { try await objects.delete(nobody) }
        } catch  where error.code == .permissionDenied {
            onlyAdds.change { $0 = true }
            return []
        } catch {
            // What else fails is for the laws to see.
        }
        guard objects.capabilities.contains(.listing) else { return [] }
        let time = try await list(Self.folder, objects).first { $0.name == mark }?.modified ?? now
        return try await remove(Self.folder, objects) { info in
            !info.name.text.hasPrefix(corner + "/") && PassingName.isLeft(info, in: Self.folder, by: home, time)
        }
    }

    /// Where something may be stored to be measured; nil where nothing is.
    var measuring: Trail? {
        objects.flatMap { $0.capabilities.isSuperset(of: [.write, .delete]) && !onlyAdds.read { $0 } ? $0 : nil }
    }

    /// Removes all that this run made, whether it was stopped or not; gives what could not be removed.
    func end() async -> [Trail.Remains] {
        await Task {
            var remains = await content?.sweep() ?? []
            guard let objects else { return remains }
            if onlyAdds.read({ $0 }) { return remains + (await left(objects)) }
            remains += await objects.sweep()
            guard objects.capabilities.isSuperset(of: [.write, .delete, .listing]) else { return remains }
            do throws(StorageError) {
                // What a call left that said it stored nothing, or removed it, is seen here only.
                remains += try await remove(corner + "/", objects) { _ in true }
            } catch {
                remains.append(Trail.Remains(corner, error))
            }
            return remains
        }.value
    }

    /// What stays of a run that could remove nothing.
    private func left(_ objects: Trail) async -> [Trail.Remains] {
        let message = "The credentials of this backend remove nothing."
        let names = objects.capabilities.contains(.listing) ? (try? await list(corner + "/", objects)) ?? [] : []
        return names.map { Trail.Remains($0.name.text, StorageError(.permissionDenied, message)) }
    }

    private func list(_ prefix: String, _ objects: Trail) async throws(StorageError) -> [ObjectInfo] {
        var found: [ObjectInfo] = []
        for try await page in objects.list(prefix) { found += page }
        return found
    }

    /// Removes objects of runs, and the roots that are noted among them before their notes; gives what stays, whatever
    /// the service says of its removal.
    private func remove(
        _ prefix: String,
        _ objects: Trail,
        where isOurs: (ObjectInfo) -> Bool
    ) async throws(StorageError) -> [Trail.Remains] {
        let names = try await list(prefix, objects).filter(isOurs).map(\.name).sorted()
        var remains: [String: StorageError] = [:]
        for name in names {
            do throws(StorageError) {
                if let root = ContentTrail.root(notedAs: name.text[...]) { try await content?.remove(root, at: nil) }
                try await objects.delete(name)
                try await objects.clear(name, mayResume: false)
            } catch {
                remains[name.text] = error
            }
        }
        if !names.isEmpty {
            let gone = StorageError(.unexpected, "The backend said that it was removed, and lists it still.")
            for info in try await list(prefix, objects)
            where names.contains(info.name) && remains[info.name.text] == nil {
                remains[info.name.text] = gone
            }
        }
        return remains.map { Trail.Remains($0.key, $0.value) }.sorted { $0.name < $1.name }
    }
}

/// Lets trials change what is theirs, beside whatever else is at work.
struct CertificationGate: ChangeGate {
    /// The roots that a trial made.
    let owned: Locked<Set<CID>>
    /// Whether a root is pinned, or known to be kept somewhere: no trial made that, whoever noted it as one of a trial.
    let isKept: @Sendable (CID) async throws -> Bool

    func admit(_ change: Change) async throws(StorageError) {
        let what: String
        switch change {
        case .recall: return try await ClosedGate().admit(change)
        case .put(let name), .delete(let name), .clear(let name):
            guard !name.text.hasPrefix(Certification.folder) else { return }
            what = name.text
        case .store(let root), .remove(let root):
            if owned.read({ $0.contains(root) }), (try? await isKept(root)) == false { return }
            what = root.description
        }
        throw StorageError(.superseded, "A trial changes nothing but what is its own, and was about to change \(what).")
    }
}

extension StorageError {
    /// The same error with another sentence.
    fileprivate func saying(_ message: String) -> StorageError {
        StorageError(code, message, retry: retry, mayHaveHappened: mayHaveHappened, backend: backend, cause: self)
    }
}
