package import Catalog
internal import IPLD
internal import Multiformats
internal import Schema
package import Storage

/// Reads content back from a backend, block by block, and writes down what was seen.
package struct Verifier: Sendable {
    /// What was seen of one root.
    package enum Verdict: String, Sendable, Hashable {
        case whole
        /// The backend says that it is not there.
        case missing
        case corrupt
        /// Nobody could tell; nothing is written down.
        case unknown
        /// It was stored anew, removed or forgotten while it was read; nothing is written down.
        case superseded

        /// Whether the copy is of no use.
        package var isDamage: Bool { self == .missing || self == .corrupt }
    }

    /// What a verification saw of a mapping.
    package struct Result: Sendable {
        package let mapping: Mapping
        package var verdict: Verdict
        /// What was read, where all of it was.
        package let back: ReadBack?
        /// Why it is not whole.
        package let error: StorageError?
        /// How many bytes were read, whatever they were.
        package let bytes: UInt64

        init(mapping: Mapping, verdict: Verdict, back: ReadBack?, error: StorageError?, bytes: UInt64 = 0) {
            self.mapping = mapping
            self.verdict = verdict
            self.back = back
            self.error = error
            self.bytes = bytes
        }

        /// Nobody could be asked about the mapping.
        package init(unknown mapping: Mapping) {
            self.init(mapping: mapping, verdict: .unknown, back: nil, error: nil)
        }
    }

    let catalog: Catalog
    let identity: Catalog.Identity
    let observer: String
    let timing: Timing
    let progress: Progress

    package init(
        catalog: Catalog,
        identity: Catalog.Identity,
        observer: String,
        timing: Timing,
        progress: Progress
    ) {
        self.catalog = catalog
        self.identity = identity
        self.observer = observer
        self.timing = timing
        self.progress = progress
    }

    /// Checks mappings of one backend, a few at once, and records what was found; damage makes the backend dirty.
    ///
    /// Nothing is written down of a place that is not known yet, where no sync ever was. Throws where it is not one of
    /// this home: what is not there says nothing then.
    package func verify(
        _ mappings: [Mapping],
        on backend: OpenBackend,
        isKnown: Bool = true
    ) async throws(ReplicationError) -> [Result] {
        try await translating {
            try await catalog.observing(backend.name) { lease in
                let recorder = isKnown ? Recorder(catalog: catalog, lease: lease, timing: timing) : nil
                return try await verify(mappings, on: backend, recorder)
            }
        }
    }

    private func verify(
        _ mappings: [Mapping],
        on backend: OpenBackend,
        _ recorder: Recorder?
    ) async throws -> [Result] {
        try await checkPlace(backend)
        // What seems to be missing is believed at the end, where the place is still the same.
        var absent: [Observation] = []
        var results: [Result] = []
        try await withThrowingTaskGroup(of: Result.self) { group in
            var next = mappings.startIndex
            func start() {
                guard next < mappings.endIndex else { return }
                let mapping = mappings[next]
                next += 1
                group.addTask { await look(mapping, backend) }
            }
            for _ in 0..<min(backend.lanes, 8) { start() }
            while let result = try await group.next() {
                try StorageError.checkCancellation()
                progress.items()
                if let seen = observation(result) {
                    if seen.finding == .missing { absent.append(seen) } else { try await recorder?.add(seen) }
                }
                results.append(result)
                start()
            }
        }
        guard results.count == mappings.count else {
            throw ReplicationError.suspicious(
                "The verification lost track of \(mappings.count - results.count) roots."
            )
        }
        if !absent.isEmpty {
            try await checkPlace(backend)
            for seen in absent { try await recorder?.add(seen) }
        }
        guard let recorder else { return results.sorted { $0.mapping.cid < $1.mapping.cid } }
        try await recorder.flush()
        let dropped = await recorder.dropped
        for index in results.indices where dropped.contains(results[index].mapping.cid) {
            results[index].verdict = .superseded
        }
        let damaged = results.count { $0.verdict == .missing || $0.verdict == .corrupt }
        if damaged > 0 {
            try await catalog.markDirty([backend.name], reason: "verify found \(damaged) damaged or missing")
        }
        return results.sorted { $0.mapping.cid < $1.mapping.cid }
    }

    private func checkPlace(_ backend: OpenBackend) async throws {
        try await HomeRegister.expectPlace(backend, catalog, identity)
    }

    private func look(_ mapping: Mapping, _ backend: OpenBackend) async -> Result {
        let read = Locked<UInt64>(0)
        do throws(StorageError) {
            let back = try await readBack(
                mapping.cid,
                from: backend.content,
                at: mapping.location,
                longest: mapping.observedSize,
                progress: progress.counting { count in read.change { $0 += count } }
            )
            return Result(mapping: mapping, verdict: .whole, back: back, error: nil, bytes: back.length)
        } catch {
            let bytes = read.read { $0 }
            // What this home packed can be followed; of what somebody claims nobody can tell.
            if !mapping.isOurs, let problem = error.cause as? DecodingProblem,
                Self.isBeyond.contains(problem.code)
            {
                let message = "Whether the CAR of \(mapping.cid) is whole cannot be told here: \(problem)"
                let error = StorageError(.unsupported, message, backend: backend.name, cause: problem)
                return Result(mapping: mapping, verdict: .unknown, back: nil, error: error, bytes: bytes)
            }
            let verdict: Verdict =
                switch error.code {
                case .notFound: .missing
                case .corrupt: .corrupt
                default: .unknown
                }
            return Result(mapping: mapping, verdict: verdict, back: nil, error: error, bytes: bytes)
        }
    }

    /// What cannot be read here, and may be as it should be all the same.
    private static let isBeyond: Set<DecodingProblem.Code> = [.unsupported, .notAllowed, .tooLarge, .tooDeep]

    /// What was seen; nil where nothing was.
    private func observation(_ result: Result) -> Observation? {
        let finding: Observation.Finding
        switch result.verdict {
        case .unknown, .superseded: return nil
        case .missing: finding = .missing
        case .corrupt: finding = .damaged
        case .whole: finding = .whole
        }
        return Observation(
            result.mapping.cid,
            finding,
            method: "read-back",
            place: result.mapping.location,
            size: result.back?.length,
            blockCount: result.back?.blockCount,
            carSHA256: result.back?.sha256,
            detail: result.error?.message,
            at: catalog.time,
            by: observer,
            basis: result.mapping.revision
        )
    }
}
