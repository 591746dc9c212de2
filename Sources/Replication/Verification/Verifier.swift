package import Catalog
internal import IPLD
internal import Multiformats
internal import Schema
package import Storage

/// Reads content back from a backend, block by block, or asks it what it holds, and writes down what was seen.
package struct Verifier: Sendable {
    /// How a backend is looked at.
    package enum Manner: Sendable {
        /// Everything is read, and every block compared.
        case reading
        /// The backend is asked whether it is there, and how long; nothing is read.
        case asking
    }

    /// What was seen of one root.
    package enum Verdict: String, Sendable, Hashable {
        case whole
        /// The backend says that it is there, and nothing is known against it; nothing was compared.
        case present
        /// The backend works on it, and has not got it yet; nothing is written down.
        case awaited
        /// The backend says that it is not there.
        case missing
        case corrupt
        /// The backend says that it is there, and did not give it.
        case withheld
        /// Nobody could tell; nothing is written down.
        case unknown
        /// It was stored anew, removed or forgotten while it was read, or is being removed; nothing is written down.
        case superseded

        /// Whether the copy is of no use.
        package var isDamage: Bool { [.missing, .corrupt, .withheld].contains(self) }
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
        /// Where it is, or was looked for.
        let place: Location?
        /// What the backend says of it besides.
        let remark: String?

        init(
            mapping: Mapping,
            verdict: Verdict,
            back: ReadBack?,
            error: StorageError?,
            bytes: UInt64 = 0,
            at place: Location? = nil,
            remark: String? = nil
        ) {
            self.place = place ?? mapping.location
            self.remark = remark
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
    /// What is longer, in bytes, is read so far and no further, and is told as present.
    let limit: UInt64

    package init(
        catalog: Catalog,
        identity: Catalog.Identity,
        observer: String,
        timing: Timing,
        progress: Progress,
        limit: UInt64 = .max
    ) {
        self.catalog = catalog
        self.identity = identity
        self.observer = observer
        self.timing = timing
        self.limit = limit
        self.progress = progress
    }

    /// Checks mappings of one backend, a few at once, and records what was found; damage makes the backend dirty.
    ///
    /// Nothing is written down of a place that is not known yet, where no sync ever was. Throws where it is not one of
    /// this home: what is not there says nothing then. One with the revision 0 is in no catalog: it is asked for all
    /// the same, and where it is there, that is the backend's word.
    package func verify(
        _ mappings: [Mapping],
        on backend: OpenBackend,
        by manner: Manner = .reading,
        isKnown: Bool = true
    ) async throws(ReplicationError) -> [Result] {
        try await translating {
            try await catalog.observing(backend.name) { lease in
                let recorder = isKnown ? Recorder(catalog: catalog, lease: lease, timing: timing) : nil
                return try await verify(mappings, on: backend, by: manner, recorder)
            }
        }
    }

    private func verify(
        _ mappings: [Mapping],
        on backend: OpenBackend,
        by manner: Manner,
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
                group.addTask { await look(mapping, backend, by: manner) }
            }
            for _ in 0..<min(backend.lanes, 8) { start() }
            while let result = try await group.next() {
                try StorageError.checkCancellation()
                progress.items()
                if let seen = observation(result, by: manner) {
                    // Of what is not given, too, the place may have gone away in between.
                    let mayBeAway = seen.finding == .missing || result.error?.code == .notFound
                    if mayBeAway { absent.append(seen) } else { try await recorder?.add(seen) }
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
        let damaged = results.count { $0.verdict.isDamage && Self.isNews($0, by: manner) }
        if damaged > 0 {
            let what = manner == .reading ? "verify" : "a look"
            try await catalog.markDirty([backend.name], reason: "\(what) found \(damaged) damaged, missing or withheld")
        }
        return results.sorted { $0.mapping.cid < $1.mapping.cid }
    }

    /// Whether damage is more than is known: a reading has the last word, and is believed anew each time.
    private static func isNews(_ result: Result, by manner: Manner) -> Bool {
        // What never counted as stored, and is not given, may come still.
        if result.verdict == .withheld { return result.mapping.status == .stored }
        guard manner == .asking else { return true }
        let known: Mapping.Status = result.verdict == .missing ? .missing : .corrupt
        return result.mapping.revision != 0 && result.mapping.status != known
    }

    private func checkPlace(_ backend: OpenBackend) async throws {
        try await HomeRegister.expectPlace(backend, catalog, identity)
    }

    private func look(_ mapping: Mapping, _ backend: OpenBackend, by manner: Manner) async -> Result {
        switch manner {
        case .reading: await read(mapping, backend)
        case .asking: await ask(mapping, backend)
        }
    }

    private func ask(_ mapping: Mapping, _ backend: OpenBackend) async -> Result {
        let presence = await backend.content.presence(of: mapping.cid, at: mapping.location)
        func result(_ verdict: Verdict, _ error: StorageError? = nil) -> Result {
            let held = presence.held
            return Result(
                mapping: mapping,
                verdict: verdict,
                back: nil,
                error: error,
                at: held?.location,
                remark: held?.remark
            )
        }
        do throws(StorageError) {
            switch try presence.finding(against: mapping.observedSize) {
            case .missing: return result(.missing)
            case .damaged:
                let length = presence.held?.length.map { ", with \($0) bytes" } ?? ""
                let message = "Something else is in the place of \(mapping.cid)\(length)."
                return result(.corrupt, StorageError(.corrupt, message, backend: backend.name))
            default: return result(presence.held == nil ? .awaited : .present)
            }
        } catch {
            return result(.unknown, error)
        }
    }

    private func read(_ mapping: Mapping, _ backend: OpenBackend) async -> Result {
        let (read, isLonger) = (Locked<UInt64>(0), Locked(false))
        do throws(StorageError) {
            let stream = try await backend.content.read(mapping.cid, at: mapping.location)
            let back = try await readBack(
                mapping.cid,
                from: ended(stream, after: limit, isLonger),
                longest: mapping.observedSize,
                progress: progress.counting { count in read.change { $0 += count } }
            )
            return Result(mapping: mapping, verdict: .whole, back: back, error: nil, bytes: back.length)
        } catch {
            let bytes = read.read { $0 }
            if isLonger.read({ $0 }) {
                return Result(mapping: mapping, verdict: .present, back: nil, error: nil, bytes: bytes)
            }
            // What this home packed can be followed; of what somebody claims nobody can tell.
            if !mapping.isOurs, let problem = error.cause as? DecodingProblem,
                Self.isBeyond.contains(problem.code)
            {
                let message = "Whether the CAR of \(mapping.cid) is whole cannot be told here: \(problem)"
                let error = StorageError(.unsupported, message, backend: backend.name, cause: problem)
                return Result(mapping: mapping, verdict: .unknown, back: nil, error: error, bytes: bytes)
            }
            let verdict: Verdict =
                switch Observation.Finding(ofReading: error) {
                case .missing: await isThere(mapping, backend) ? .withheld : .missing
                case .damaged: .corrupt
                case .withheld: .withheld
                default: .unknown
                }
            return Result(mapping: mapping, verdict: verdict, back: nil, error: error, bytes: bytes)
        }
    }

    /// Whether a backend says that it has what it just said, when it was to be read, that it has not.
    private func isThere(_ mapping: Mapping, _ backend: OpenBackend) async -> Bool {
        if case .present = await backend.content.presence(of: mapping.cid, at: mapping.location) { true } else { false }
    }

    /// What cannot be read here, and may be as it should be all the same.
    private static let isBeyond: Set<DecodingProblem.Code> = [.unsupported, .notAllowed, .tooLarge, .tooDeep]

    /// What was seen; nil where nothing was.
    private func observation(_ result: Result, by manner: Manner) -> Observation? {
        let finding: Observation.Finding
        let isKnown = result.mapping.revision != 0
        switch result.verdict {
        case .unknown, .superseded, .awaited: return nil
        case .present where manner == .reading: return nil
        case .missing where !isKnown, .corrupt where !isKnown, .withheld where !isKnown: return nil
        // What nobody here has stored or compared may be somebody else's.
        case .present: finding = isKnown ? .present : .claimed
        case .missing: finding = .missing
        case .corrupt: finding = .damaged
        case .withheld: finding = .withheld
        case .whole: finding = .whole
        }
        return Observation(
            result.mapping.cid,
            finding,
            method: manner == .reading ? "read-back" : Mapping.Evidence.look,
            place: result.place,
            size: result.back?.length,
            blockCount: result.back?.blockCount,
            carSHA256: result.back?.sha256,
            detail: result.error?.message ?? result.remark,
            at: catalog.time,
            by: observer,
            basis: isKnown ? result.mapping.revision : nil
        )
    }
}

/// The same bytes, up to so many of them: whoever reads on gets an error, and `isLonger` is true then.
private func ended(_ stream: any ByteStream, after limit: UInt64, _ isLonger: Locked<Bool>) -> any ByteStream {
    Pulled {
        let cursor = StreamCursor(stream)
        let left = Locked(limit)
        return { () async throws(StorageError) in
            let chunk = try await cursor.next()
            let isBeyond = left.change { left in
                let count = UInt64(chunk?.count ?? 0)
                defer { left -= min(left, count) }
                return count > left
            }
            if isBeyond {
                isLonger.change { $0 = true }
                throw StorageError(.tooLarge, "It is longer than \(limit) bytes.")
            }
            return chunk
        }
    }
}
