internal import Catalog
internal import Multiformats
internal import Replication
internal import Schema
internal import Storage

/// A small object that is stored on a backend, read back, compared, found in its list, and removed again.
struct Canary: Sendable {
    /// What is done with it, in order.
    enum Act: String, Sendable, CaseIterable {
        case store
        case read = "read back and compare"
        case list
        case remove
    }

    /// A step that succeeded.
    struct Step: Sendable {
        let title: String
        /// How long it took; nil where it only would be taken.
        let milliseconds: Int64?

        /// The steps of a test, as they stand in every answer.
        static func list<Root>(_ read: @escaping @Sendable (Root) -> [Step]) -> OutputField<Root> {
            .list(
                "steps",
                "What was tried with success, or would be tried, in order.",
                of: [
                    OutputField("step", "What it was.") { $0.title },
                    OutputField("milliseconds", "How long it took.", in: .milliseconds) { $0.milliseconds },
                ],
                read
            )
        }
    }

    /// The step that failed, and how.
    struct Failure: Error {
        let act: Act
        let error: StorageError
    }

    /// The name of the object.
    let name: ObjectName
    private(set) var steps: [Step] = []
    /// How far the clock of the service is ahead of the one here, in milliseconds, as far as it said when it wrote.
    private(set) var clockOffset: Int64?
    private(set) var warnings: [String] = []
    private let backend: String
    private let objects: any StorageService
    private let home: String?
    private let kit: Kit
    private let words: String
    /// Where earlier ones could not be removed.
    private let remains: LastingRemains

    /// What the names of all such objects begin with.
    static let folder = ObjectName.canaries

    /// One for the named objects of a backend, which passes ``gate(for:)``.
    init(for backend: String, _ objects: any StorageService, in kit: Kit) async throws(KitError) {
        // A home that does not know itself can try a backend all the same.
        home = try? await kit.catalog().identity().instance
        remains = await LastingRemains(.canary, on: backend, in: kit)
        words = remains.words ?? PassingName(of: home).text
        guard let name = ObjectName(Self.folder + words + ".txt") else {
            throw KitError(.other, "The identifier of this home is damaged.")
        }
        (self.name, self.backend, self.objects, self.kit) = (name, backend, objects, kit)
    }

    /// Lets objects, and the root of a ``RootCanary``, be stored and removed that only a test knows of, beside whatever
    /// else is at work.
    static func gate(for canary: RootCanary) -> any ChangeGate { Gate(root: canary.root) }

    /// What there is to do, as far as the service has the means.
    var acts: [Act] {
        Act.allCases.filter { act in
            switch act {
            case .store, .read: true
            case .list: objects.capabilities.contains(.listing)
            case .remove: objects.capabilities.contains(.delete)
            }
        }
    }

    /// Does it all; what a killed one of this home left, or one of a day ago, is removed too.
    mutating func run() async throws(Failure) {
        let (objects, name, backend) = (objects, name, backend)
        let content = Array("ipfs-kit was here at \(kit.now)\n".utf8)
        var listed: [ObjectInfo] = []
        let began = kit.now
        try await step(.store) { () async throws(StorageError) in _ = try await objects.put(name, Body(content)) }
        let ended = kit.now
        try await step(.read) { () async throws(StorageError) in
            do throws(StorageError) {
                guard try await collect(try await objects.read(name), limit: 4096) == content else {
                    throw StorageError(.corrupt, "What was read back is not what was stored.", backend: backend)
                }
            } catch  where error.code == .notFound {
                let message = "It took \(name), and says that it is not there."
                throw StorageError(.corrupt, message, backend: backend, cause: error).ofBrokenPromise
            }
        }
        if objects.capabilities.contains(.listing) {
            try await step(.list) { () async throws(StorageError) in
                for try await page in objects.list(Self.folder) { listed += page }
                guard listed.contains(where: { $0.name == name }) else {
                    throw StorageError(.corrupt, "What was stored is not in the list.", backend: backend)
                }
            }
        }
        let written = listed.first { $0.name == name }?.modified
        clockOffset = written.map { Self.offset(of: $0, between: began, ended) }
        guard objects.capabilities.contains(.delete) else {
            warnings.append("Nothing can be removed from \(backend), so \(name) stays there, and is used again.")
            await remains.note(words)
            return
        }
        try await step(.remove) { () async throws(StorageError) in
            try await objects.delete(name)
            do throws(StorageError) {
                _ = try await objects.stat(name)
            } catch {
                guard error.code == .notFound else { throw error }
                return
            }
            throw StorageError(.corrupt, "It says that it removed \(name), and has it still.", backend: backend)
        }
        await remains.note(nil)
        let left = listed.filter {
            $0.name != name && PassingName.isLeft($0, in: Self.folder, by: home, written ?? kit.now)
        }
        for old in left {
            do throws(StorageError) {
                try await objects.delete(old.name)
            } catch {
                warnings.append("\(old.name), which an earlier test left on \(backend), stays: \(error.message)")
            }
        }
    }

    private mutating func step(
        _ act: Act,
        _ work: () async throws(StorageError) -> Void
    ) async throws(Failure) {
        let start = kit.timing.uptime()
        do throws(StorageError) {
            try await work()
        } catch {
            let isLeft = !steps.isEmpty || error.mayHaveHappened
            throw Failure(act: act, error: isLeft ? await afterwards(act, error) : error)
        }
        steps.append(Step(title: act.rawValue, milliseconds: kit.milliseconds(since: start)))
    }

    /// How far a time is from those between which it was taken; a service tells whole seconds, and more of them late.
    private static func offset(of time: Timestamp, between began: Timestamp, _ ended: Timestamp) -> Int64 {
        let (early, late) = (began.milliseconds - 1000, ended.milliseconds + 1000)
        if time.milliseconds < early { return time.milliseconds - began.milliseconds }
        return time.milliseconds > late ? time.milliseconds - ended.milliseconds : 0
    }

    /// Removes what failed, and gives the error to end with: where it may stay, it says so.
    private func afterwards(_ act: Act, _ error: StorageError) async -> StorageError {
        if act == .remove, error.code == .permissionDenied {
            await remains.note(words)
            return error.saying("\(error.message) The object of the test, \(name), stays there, and is used again.")
        }
        if objects.capabilities.contains(.delete), (try? await objects.delete(name)) != nil { return error }
        let message = "\(error.message) The object of the test, \(name), may stay there; a later test removes it."
        return error.saying(message)
    }

    private struct Gate: ChangeGate {
        let root: CID

        func admit(_ change: Change) async throws(StorageError) {
            let what: String
            switch change {
            case .recall: return try await ClosedGate().admit(change)
            case .put(let name), .delete(let name), .clear(let name):
                guard !name.text.hasPrefix(Canary.folder) else { return }
                what = name.text
            case .store(let root), .remove(let root):
                guard root != self.root else { return }
                what = root.description
            }
            throw StorageError(
                .superseded,
                "A test changes nothing but what is its own, and was about to change \(what)."
            )
        }
    }
}

extension Kit {
    /// How long it is since a moment of the clock that nobody sets.
    func milliseconds(since start: Duration) -> Int64 { Int64((timing.uptime() - start) / .milliseconds(1)) }
}
