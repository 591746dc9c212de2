internal import Catalog
internal import Digests
internal import Multiformats
internal import Schema
internal import Storage

/// Brings one root to a backend: one attempt with everything that belongs to it.
struct Uploader: Sendable {
    let backend: OpenBackend
    let source: any BlockSource
    /// How what comes from afar is packed for this backend.
    let packing: FarPacking
    let catalog: Catalog
    let observer: String
    let progress: Progress
    /// What may be there already: a listing, or an upload whose end nobody knows, is a hint and proves nothing.
    let hints: Set<CID>
    /// Uploads that were begun earlier and whose end nobody knows: they may have left something beside what is stored.
    let stopped: Set<CID>
    /// Whatever was written down of transfers before these uploads, also of removals: only a look ends that doubt.
    let doubted: Set<CID>
    /// What was read and found damaged: it is stored anew, whatever digest the service gives for it.
    let damaged: Set<CID>
    /// What was not found, or not whole, when somebody looked: only a reading proves that it is there again.
    let disproved: Set<CID>
    /// Whether anything is known to be lost there: then only a reading proves what is sent.
    let hasLosses: Locked<Bool>
    /// What counts as stored and is only compared, with the lengths of its CARs: when it turns out to be something
    /// else, that is written down, and that another upload begins.
    let counted: [CID: UInt64?]
    /// What counted as stored, and does no more until somebody has looked.
    let doubtful: Set<CID>
    /// Where the service put what it named itself.
    let known: [CID: Location]
    let lease: Lease
    /// Whether a snapshot is left after the uploads.
    let willBeSaved: Bool
    /// How much is stored, and how much more will be.
    let stored: Locked<UInt64>
    /// What all may send together.
    let budget: SyncBudget?
    /// Large CARs take turns: each has several parts in memory.
    let large: Permits
    /// So do those in between.
    let medium: Permits

    /// CARs up to the first length are put together in memory at once, and up to the second one when it is their turn;
    /// they are sent, hashed and compared from there.
    private static let (short, small): (UInt64, UInt64) = (64 << 10, 2 << 20)

    /// What came of it.
    struct Outcome: Sendable {
        let root: CID
        /// What was seen: that the root is on the backend, or that other bytes are.
        var seen: Observation?
        /// Says whether it was there already.
        var wasAdopted = false
        /// What the service gave, where it works on it.
        var ticket: Ticket?
        /// Whether it waits for another sync.
        var isLeft = false
        /// Why it is not there.
        var error: ReplicationError?
        /// Why something stays there that an earlier upload left.
        var stuck: StorageError?
    }

    /// Brings a root to the backend, or says why not.
    func outcome(_ root: CID) async -> Outcome {
        var outcome = Outcome(root: root)
        do throws(ReplicationError) {
            switch try await upload(root) {
            case .seen(let seen, let wasAdopted): (outcome.seen, outcome.wasAdopted) = (seen, wasAdopted)
            case .awaited(let ticket): outcome.ticket = ticket
            case .claimed(let claim, let error): (outcome.seen, outcome.error) = (claim, .storage(error))
            case .left: outcome.isLeft = true
            case .beyond(let length, let most): throw .beyondBudget(root, length: length, most: most)
            }
            if outcome.ticket == nil, outcome.error == nil, !outcome.isLeft, stopped.contains(root) {
                // It is there: nothing goes on with what is left.
                do throws(StorageError) {
                    try await backend.content.clear(root, mayResume: false)
                } catch {
                    outcome.stuck = error
                }
            }
        } catch {
            outcome.error = error
            if case .storage(let error) = error { outcome.seen = damage(root, error) }
        }
        return outcome
    }

    /// Where a root is looked for: where it is stored next, or where the service put it; nil where nobody knows.
    private func place(of root: CID) throws(StorageError) -> Location? {
        try backend.content.location(for: root) ?? known[root]
    }

    /// What a failure says of the bytes on the backend: where it keeps other ones than were sent, they are damaged, and
    /// where it took them and has none, they are missing.
    private func damage(_ root: CID, _ error: StorageError) -> Observation? {
        guard error.code == .corrupt, error.mayHaveHappened else { return nil }
        let isMissing = (error.cause as? StorageError)?.code == .notFound
        return Observation(
            root,
            isMissing ? .missing : .damaged,
            method: isMissing ? "read-back" : "put",
            place: try? place(of: root),
            detail: error.message,
            at: catalog.time,
            by: observer
        )
    }

    /// Where an upload has come to.
    enum Step {
        case seen(Observation, wasAdopted: Bool)
        case awaited(Ticket)
        /// The service says that it has it, and could not give it now.
        case claimed(Observation, StorageError)
        /// It does not fit any more into what may be sent.
        case left
        /// It is longer than all that may be sent.
        case beyond(length: UInt64, most: UInt64)
    }

    private func upload(_ root: CID) async throws(ReplicationError) -> Step {
        guard backend.content.capabilities.contains(.takesBytes) else {
            do throws(StorageError) {
                return try await request(root)
            } catch {
                throw .storage(error)
            }
        }
        let packed = try await source.pack(root, by: packing, holding: Self.short)
        let layout = packed.layout
        do throws(StorageError) {
            let turns = layout.length > Self.small ? large : medium
            let permit = packed.held == nil ? try await turns.take() : nil
            defer { permit?.give() }
            // First of all: what was left may take the room that is needed.
            if stopped.contains(root) { try await makeRoom(for: root) }
            let body = try await body(packed)
            let found = try await look(for: layout, body)
            switch found {
            case .same(let seen, let read):
                progress.bytes(body.length)
                if let place = seen.place {
                    let upload = Upload(root, places: { layout.places }, body)
                    do throws(StorageError) {
                        try await backend.content.addIndex(for: upload, at: place, read)
                    } catch {
                        // Where that is not to be had, reading parts of it is only slower.
                        guard ![.cancelled, .superseded, .badCredentials].contains(error.code) else { throw error }
                    }
                    try StorageError.checkCancellation()
                }
                return .seen(seen, wasAdopted: true)
            case .awaited(let ticket): return .awaited(ticket)
            case .nothing, .loss: break
            }
            if counted[root] != nil {
                try await noteBeginning(of: root, after: found.loss)
            }
            try reserve(layout)
            switch budget?.take(layout.length) ?? .taken {
            case .taken: break
            case .full:
                stored.change { $0 -= layout.length }
                return .left
            case .tooLong(let most):
                stored.change { $0 -= layout.length }
                return .beyond(length: layout.length, most: most)
            }
            // What was read and found damaged is sent anew, whatever the service says of it.
            let isDamaged = damaged.contains(root) || found.loss?.strength == .readBack
            let goesOn = stopped.contains(root) && !isDamaged
            if found.loss != nil { hasLosses.change { $0 = true } }
            return try await send(layout, body, goesOn: goesOn, isDamaged: isDamaged)
        } catch {
            throw .storage(error)
        }
    }

    /// Writes down what was seen instead of a root that counts as stored, whatever comes of its upload; and that one
    /// begins.
    func noteBeginning(of root: CID, after loss: Observation?) async throws(StorageError) {
        do throws(CatalogError) {
            if let loss { _ = try await catalog.record([loss], under: lease) }
            try await catalog.begin([root], willBeSaved: willBeSaved, under: lease)
        } catch {
            let code: StorageError.Code = error.code == .fenced ? .superseded : .unavailable
            throw StorageError(code, error.message, backend: backend.name, cause: error)
        }
    }

    /// Removes what stopped uploads left and this one does not go on with.
    ///
    /// Where the service does not let it, that is told when the root is there.
    private func makeRoom(for root: CID) async throws(StorageError) {
        do throws(StorageError) {
            try await backend.content.clear(root, mayResume: true)
        } catch {
            guard error.retry == .never, ![.cancelled, .superseded].contains(error.code) else { throw error }
        }
    }

    /// What the service says that it has; where nothing can be read back, that is all there is.
    func claim(_ root: CID, _ location: Location, _ remark: String? = nil) -> Observation {
        Observation(
            root,
            .present,
            method: "asked",
            place: location,
            detail: remark,
            at: catalog.time,
            by: observer
        )
    }

    var reads: Bool { backend.content.capabilities.contains(.reads) }

    /// What the backend has now of a root that may be there.
    private enum Look {
        /// It, and where it was read the SHA-256 of what was.
        case same(Observation, [UInt8]?)
        /// Something else in its place, or nothing where it should be.
        case loss(Observation)
        case awaited(Ticket)
        /// Nobody has looked: nothing says that it may be there.
        case nothing

        var loss: Observation? { if case .loss(let seen) = self { seen } else { nil } }
    }

    private func look(for layout: DAGLayout, _ body: Body) async throws(StorageError) -> Look {
        let root = layout.root
        guard hints.contains(root) || counted[root] != nil, !damaged.contains(root) else { return .nothing }
        // What a service named itself can be asked for by that name only.
        guard let place = try place(of: root) else { return .nothing }
        let presence = await backend.content.presence(of: root, at: place)
        func lost(_ finding: Observation.Finding, _ method: String) -> Observation {
            Observation(root, finding, method: method, place: place, at: catalog.time, by: observer)
        }
        if case .pending(let ticket) = presence { return .awaited(ticket) }
        guard case .present(let held) = presence else {
            let finding = try presence.finding(against: nil) ?? .missing
            return .loss(lost(finding, Mapping.Evidence.look))
        }
        guard reads else { return .same(claim(root, held.location, held.remark), nil) }
        let found: Comparison
        do throws(StorageError) {
            found = try await compare(
                held,
                with: body,
                on: backend.content,
                trustsParts: !stopped.contains(root),
                mayProve: !disproved.contains(root),
                counted: counted[root] ?? nil
            )
        } catch {
            guard mayBeLost(root, error) else { throw error }
            return .loss(withheld(root, held.location, error))
        }
        if let loss = found.loss { return .loss(lost(loss, found.method)) }
        var same = seen(layout, held.location, method: found.method, sha256: found.sha256)
        if let back = found.back { (same.size, same.blockCount) = (back.length, back.blockCount) }
        return .same(same, found.back?.sha256)
    }

    private func body(_ packed: PackedDAG) async throws(StorageError) -> Body {
        let body = packed.body
        guard packed.held == nil, packed.layout.length <= Self.small else { return body }
        let bytes = try await body.bytes()
        return Body(bytes, sha256: digest(.sha256, of: bytes))
    }

    private func send(
        _ layout: DAGLayout,
        _ body: Body,
        goesOn: Bool,
        isDamaged: Bool
    ) async throws(StorageError) -> Step {
        // What is sent again is not counted again.
        let left = Locked(body.length)
        let counted = body.through { [progress] stream in
            Pulled {
                let cursor = StreamCursor(stream)
                return { () async throws(StorageError) in
                    let chunk = try await cursor.next()
                    let new = left.change { left in
                        let new = min(left, UInt64(chunk?.count ?? 0))
                        left -= new
                        return new
                    }
                    progress.bytes(new)
                    return chunk
                }
            }
        }
        var upload = Upload(layout.root, goesOn: goesOn, places: { layout.places }, counted)
        upload.isDamaged = isDamaged
        // Where others keep roots too, people look at names.
        if backend.content.capabilities.contains(.sharedRoots) { upload.name = try await pinName(of: layout.root) }
        let answer = try await backend.content.store(upload)
        var stored: Observation
        switch answer {
        case .accepted(let ticket): return .awaited(ticket)
        case .stored(let location, let proof?) where !reads || !hasLosses.read({ $0 }):
            stored = seen(layout, location, method: "put-\(proof.method)", sha256: body.sha256)
        case .stored(let location, nil) where !reads: stored = claim(layout.root, location)
        case .stored(let location, _):
            do throws(StorageError) {
                let back = try await check(layout, location)
                stored = seen(layout, location, method: "read-back", sha256: back.sha256)
            } catch {
                guard Observation.Finding(ofReading: error) == .withheld else { throw error }
                return .claimed(claim(layout.root, location), error)
            }
        }
        stored.wasSent = true
        return .seen(stored, wasAdopted: false)
    }

    /// Reads back what was stored, and refuses what is not exactly what was sent.
    private func check(_ layout: DAGLayout, _ location: Location) async throws(StorageError) -> ReadBack {
        let back = try await read(layout, location)
        guard back.length == layout.length, back.blockCount == UInt64(layout.blockCount) else {
            throw StorageError(
                .corrupt,
                "The CAR of \(layout.root) was sent and reads back otherwise: \(back.length) bytes.",
                mayHaveHappened: true,
                backend: backend.name
            )
        }
        return back
    }

    /// Reads back what was just sent; that it is not there, or is something else, is damage.
    private func read(_ layout: DAGLayout, _ location: Location) async throws(StorageError) -> ReadBack {
        let root = layout.root
        do throws(StorageError) {
            return try await readBack(root, from: backend.content, at: location, longest: layout.length)
        } catch {
            switch error.code {
            case .notFound:
                let message = "The CAR of \(root) was sent and accepted, and it is not there."
                throw StorageError(.corrupt, message, mayHaveHappened: true, backend: backend.name, cause: error)
            default: throw error.ofUnknownOutcome
            }
        }
    }

    /// Refuses what would go beyond the quota of the backend.
    private func reserve(_ layout: DAGLayout) throws(StorageError) {
        let isTooMuch = stored.change { stored in
            if let quota = backend.quota, stored + layout.length > quota { return true }
            stored += layout.length
            return false
        }
        guard isTooMuch else { return }
        throw StorageError(
            .quotaExceeded,
            "Storing \(layout.root) (\(ByteCount(layout.length))) would go beyond policies.storage_quota_gb.",
            backend: backend.name
        )
    }

    private func seen(_ layout: DAGLayout, _ location: Location, method: String, sha256: [UInt8]?) -> Observation {
        Observation(
            layout.root,
            .whole,
            method: method,
            place: location,
            size: layout.length,
            blockCount: UInt64(layout.blockCount),
            carSHA256: sha256,
            at: catalog.time,
            by: observer
        )
    }
}
