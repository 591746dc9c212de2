package import BlockStore
package import Multiformats
internal import POSIX
package import Schema
package import Storage

/// Brings missing or damaged blocks of the store back from backends.
package struct Restorer: Sendable {
    /// A backend that may have a root, and where.
    package struct Source: Sendable {
        package let backend: OpenBackend
        package let location: Location?
        /// How long its copy is, as far as it is known, in bytes.
        package let size: UInt64?

        package init(backend: OpenBackend, at location: Location?, size: UInt64?) {
            self.backend = backend
            self.location = location
            self.size = size
        }
    }

    /// What a source said that could not give a root.
    package typealias Failure = (source: Source, error: ReplicationError)

    /// What came of one root.
    package enum Outcome: Sendable {
        /// Every block is in the store.
        case whole
        /// Blocks were brought from a backend; now every block is there. What the others said that were asked before.
        case restored(from: Source, ReadBack, after: [Failure])
        /// Every block is there now, the last ones out of a damaged copy, of which so many bytes were searched. What
        /// all said that were asked.
        case salvaged(from: Source, bytes: UInt64, after: [Failure])
        /// The blocks came from the other places; what all backends said that were asked before.
        case gathered(StoreFetch.Counts, after: [Failure])
        /// Nobody could give what is missing; what each backend said, and what the other places did.
        case failed([Failure], others: ReplicationError?)
    }

    /// A silence that is waited out by all who meet it.
    private struct Outage: Sendable {
        let backend: String
        /// When the backend is asked again, in the time of ``Timing/uptime``.
        let end: Duration
    }

    /// A root that is wanted, and who may have it.
    package struct Wanted: Sendable {
        package let root: CID
        package let sources: [Source]

        package init(_ root: CID, from sources: [Source]) { (self.root, self.sources) = (root, sources) }
    }

    /// So many roots are brought at once.
    private static let lanes = 8
    /// Longer copies than this, in bytes, take turns.
    private static let short: UInt64 = 2 << 20

    /// So much is searched of a damaged copy whose length is not known, in bytes.
    private static let longestSearched: UInt64 = 16 << 30

    let store: BlockStore
    /// The places besides backends that content is read from: asked for what no backend gave as a whole.
    private let others: (any BlockSource)?
    let progress: Progress
    /// A folder for files that are needed for a while.
    let scratch: String
    /// Why those are silent that did not answer for roots before.
    private let silences: Silences<String, StorageError>
    /// Who gave a root before: his silence may be a short outage, and not a place that is gone.
    private let givers = Locked<Set<String>>([])
    /// The one outage that is waited out.
    private let outage = Locked<Outage?>(nil)
    /// Long copies take turns: of each, parts are in memory.
    private let long = Permits(2)
    private let timing: Timing
    /// Takes a sentence about what keeps it waiting.
    private let notice: @Sendable (String) -> Void

    package init(
        store: BlockStore,
        others: (any BlockSource)? = nil,
        progress: Progress,
        scratch: String,
        timing: Timing,
        notice: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.store = store
        self.others = others
        self.progress = progress
        self.scratch = scratch
        self.timing = timing
        self.notice = notice
        silences = Silences(timing: timing)
    }

    /// Makes sure that the DAGs of roots are whole in the store, several at once.
    ///
    /// `each` is given what came of them as it comes, one after another. Throws what it throws, and what would keep
    /// every other root away, too; what came until then was given all the same.
    package func restore(
        _ wanted: [Wanted],
        thorough: Bool,
        each: (Arrival) async throws -> Void
    ) async throws {
        var failure: (any Error)?
        await withTaskGroup(of: Result<Arrival, ReplicationError>.self) { group in
            var next = 0
            func start() {
                guard next < wanted.count, failure == nil else { return }
                let number = next
                next += 1
                group.addTask { await attempt(number, wanted[number], thorough: thorough) }
            }
            for _ in 0..<Self.lanes { start() }
            while let result = await group.next() {
                do {
                    try await each(try result.get())
                    progress.items()
                } catch {
                    failure = failure ?? error
                    group.cancelAll()
                }
                start()
            }
        }
        if let failure { throw failure }
    }

    /// What came of one of many roots.
    package struct Arrival: Sendable {
        /// Which one it was.
        package let number: Int
        package let outcome: Outcome
        /// When that was.
        package let at: Timestamp
    }

    private func attempt(
        _ number: Int,
        _ wanted: Wanted,
        thorough: Bool
    ) async -> Result<Arrival, ReplicationError> {
        do throws(ReplicationError) {
            let outcome = try await restore(wanted.root, from: wanted.sources, thorough: thorough)
            let now = Timestamp(milliseconds: timing.now())
            return .success(Arrival(number: number, outcome: outcome, at: now))
        } catch {
            return .failure(error)
        }
    }

    /// Makes sure that the DAG of `root` is whole in the store.
    ///
    /// With `thorough`, every block is read and checked; otherwise raw blocks are only looked up.
    package func restore(
        _ root: CID,
        from sources: [Source],
        thorough: Bool
    ) async throws(ReplicationError) -> Outcome {
        if try await isWhole(root, thorough: thorough) { return .whole }
        let sizes = sources.compactMap(\.size)
        let isShort = !sizes.isEmpty && sizes.allSatisfy { $0 <= Self.short }
        let turn = isShort ? nil : try await translating { try await long.take() }
        defer { turn?.give() }
        var failures: [Failure] = []
        // Whom nobody has to wait for comes first.
        let silent = Set(sources.map(\.backend.name).filter { silences.problem(of: $0) != nil })
        func isSilent(_ source: Source) -> Bool { silent.contains(source.backend.name) }
        for source in sources.filter({ !isSilent($0) }) + sources.filter(isSilent) {
            let name = source.backend.name
            do throws(ReplicationError) {
                try await expectAnswer(of: source, for: root)
                let back = try await fetch(root, from: source)
                silences.note(nil, of: name)
                givers.change { _ = $0.insert(name) }
                // All of it was read, and each block written, or compared with the one that was there.
                if try await isWhole(root, thorough: false) { return .restored(from: source, back, after: failures) }
            } catch {
                // What fails here and not there would fail for every other source.
                guard case .storage(let said) = error, !error.isCancellation else { throw error }
                if let here = said.cause as? StoreError, !here.isOfContent { throw .store(here) }
                // One root may have several places on a backend.
                if said.code != .unavailable || said.isOfObject {
                    silences.note(nil, of: name)
                } else if !failures.contains(where: { $0.source.backend.name == name }) {
                    silences.note(said, of: name)
                }
                failures.append((source, error))
            }
        }
        for case (let source, .storage(let problem)) in failures where problem.code == .corrupt {
            do throws(ReplicationError) {
                let bytes = try await salvage(root, from: source)
                // The copy had some of the blocks only: of the others nobody has seen whether they can be read.
                if try await isWhole(root, thorough: true) {
                    return .salvaged(from: source, bytes: bytes, after: failures)
                }
            } catch {
                // What fails here and not there would fail for every other source.
                guard case .storage = error, !error.isCancellation else { throw error }
                failures.append((source, error))
            }
        }
        guard let others else { return .failed(failures, others: nil) }
        do throws(ReplicationError) {
            let counts = try await StoreFetch(into: store, from: others, progress: progress).bring(root)
            // All of it was read while it was brought.
            try await StoreSource(store).expectHere(root)
            return .gathered(counts, after: failures)
        } catch {
            guard error.isOfSource else { throw error }
            return .failed(failures, others: error)
        }
    }

    /// Throws what a backend said that is left alone for now.
    ///
    /// One that gave a root before is waited for, once in all: the next outage is told.
    private func expectAnswer(of source: Source, for root: CID) async throws(ReplicationError) {
        let name = source.backend.name
        guard let (said, rest) = silences.silence(of: name) else { return }
        if givers.read({ $0.contains(name) }), let left = wait(for: name, rest) {
            if left == rest {
                notice(
                    "\(name) gave roots before and does not answer now: it is waited for \(rest.components.seconds) s. \(said.message)"
                )
            }
            try await translating { try await timing.pause(left) }
            return
        }
        let message = "It is not asked for \(root) just now: \(said.message)"
        throw .storage(StorageError(said.code, message, backend: name))
    }

    /// How long a backend that is silent for `rest` is waited for; nil where it is not, for an outage was waited out
    /// before, whomever it hit.
    private func wait(for name: String, _ rest: Duration) -> Duration? {
        let now = timing.uptime()
        return outage.change { outage in
            guard let known = outage else {
                outage = Outage(backend: name, end: now + rest)
                return rest
            }
            return known.backend == name && now < known.end ? known.end - now : nil
        }
    }

    /// Says whether every block is there; what is damaged is as good as not there, and is stored again over that.
    package func isWhole(_ root: CID, thorough: Bool) async throws(ReplicationError) -> Bool {
        do throws(ReplicationError) {
            let source = StoreSource(store)
            if thorough {
                try await source.expectWhole(root, progress: .silent)
            } else {
                try await source.expectHere(root)
            }
            return true
        } catch {
            if case .store(let failure) = error, [.notFound, .changed, .corrupt].contains(failure.code) {
                return false
            }
            throw error
        }
    }

    /// Brings a whole root into the store; every block is checked before it is written, and the DAG is complete.
    @concurrent
    private func fetch(_ root: CID, from source: Source) async throws(ReplicationError) -> ReadBack {
        try await translating {
            try await store.ingest { ingest in
                try await readBack(
                    root,
                    from: source.backend.content,
                    at: source.location,
                    longest: source.size,
                    progress: progress
                ) { (sections) async throws(StorageError) in
                    do throws(StoreError) {
                        try await ingest.write(sections)
                    } catch {
                        throw StorageError(error)
                    }
                }
            }
        }
    }

    /// Brings what is sound of a damaged copy into the store: what one lacks another may have.
    ///
    /// Damage hides where the next block begins, so the copy is searched, in a file. More bytes than the copy is known
    /// to have, or than ``longestSearched``, are not taken: it may be anybody's. What no pin leads to is garbage in the
    /// store.
    ///
    /// - Returns: how many bytes were searched.
    @concurrent
    private func salvage(_ root: CID, from source: Source) async throws(ReplicationError) -> UInt64 {
        try await translating {
            let path = temporaryName(beside: scratch + "/salvage")
            let file = try await BlockingThreads.shared.run { [scratch] () throws(FileError) in
                try makeDirectory(scratch)
                removeLeftovers(in: scratch, unchangedFor: 86_400)
                return try File(path, .createNew)
            }
            defer { try? removeFile(path) }
            let cursor = StreamCursor(try await source.backend.content.read(root, at: source.location))
            let limit = source.size ?? Self.longestSearched
            var position: UInt64 = 0
            // What comes before it breaks off is as good as all of it.
            while position < limit, let chunk = try? await cursor.next() {
                let offset = position
                try await BlockingThreads.shared.run { () throws(FileError) in try file.write(chunk, at: offset) }
                position += UInt64(chunk.count)
            }
            try StorageError.checkCancellation()
            try await store.takeSound(from: path)
            return position
        }
    }
}
