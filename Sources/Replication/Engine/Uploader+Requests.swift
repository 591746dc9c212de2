internal import Catalog
internal import Multiformats
internal import Schema
internal import Storage

extension Uploader {
    /// Has a service that takes no bytes fetch a root, or learns that it has it.
    func request(_ root: CID) async throws(StorageError) -> Step {
        // What was asked for since damage was seen may be sound.
        let wasAskedFor = damaged.contains(root) && stopped.contains(root)
        var isDamaged = damaged.contains(root) && !wasAskedFor
        if hints.contains(root) || counted[root] != nil || wasAskedFor, !isDamaged {
            switch await backend.content.presence(of: root, at: nil) {
            case .present(let held):
                switch try await look(at: root, held.location, held.remark) {
                case .damaged(let seen, _):
                    isDamaged = true
                    if counted[root] != nil { try await noteBeginning(of: root, after: seen) }
                case .seen(let seen): return .seen(seen, wasAdopted: true)
                case .unread(let claim, let error):
                    guard mayBeLost(root, error) else { return .claimed(claim, error) }
                    isDamaged = true
                    if counted[root] != nil {
                        try await noteBeginning(of: root, after: withheld(root, held.location, error))
                    }
                }
            case .pending(let ticket): return .awaited(ticket)
            case .absent: break
            case .unknown(let error): throw error
            }
        }
        var upload = Upload(root) { () async throws(StorageError) in
            do throws(ReplicationError) {
                return try await source.pack(root, by: packing, holding: 0).body
            } catch {
                throw StorageError(.unexpected, "\(root) cannot be packed: \(error)", cause: error)
            }
        }
        upload.isDamaged = isDamaged
        upload.name = try await pinName(of: root)
        do throws(CatalogError) {
            upload.origins = try await catalog.origins(of: root)
        } catch {
            throw StorageError(.unavailable, error.message, backend: backend.name, cause: error)
        }
        switch try await backend.content.store(upload) {
        case .stored(let location, _):
            switch try await look(at: root, location) {
            case .seen(let seen): return .seen(seen, wasAdopted: false)
            case .damaged(_, let error): throw error.ofUnknownOutcome
            case .unread(let claim, let error): return .claimed(claim, error)
            }
        case .accepted(let ticket): return .awaited(ticket)
        }
    }

    func pinName(of root: CID) async throws(StorageError) -> String {
        do throws(CatalogError) {
            return try await catalog.pin(root)?.name ?? ""
        } catch {
            throw StorageError(.unavailable, error.message, backend: backend.name, cause: error)
        }
    }

    /// Whether a service that does not give a root which it says it has is sent it anew.
    ///
    /// Once, where it counted as stored; what never did may come later, and is asked for again. Where roots are shared
    /// with others, services let go of what they have before they take another: what is withheld may be whole.
    func mayBeLost(_ root: CID, _ error: StorageError) -> Bool {
        (counted[root] != nil || doubtful.contains(root)) && Observation.Finding(ofReading: error) == .withheld
            && !backend.content.capabilities.contains(.sharedRoots)
    }

    /// What is seen where a service says that it has a root, and does not give it.
    func withheld(_ root: CID, _ place: Location, _ error: StorageError) -> Observation {
        Observation(
            root,
            .withheld,
            method: "read-back",
            place: place,
            detail: error.message,
            at: catalog.time,
            by: observer
        )
    }

    /// What became of a look at what a service says that it fetched.
    private enum Fetched {
        /// It was read, or nothing can be: then its word is all that there is.
        case seen(Observation)
        case damaged(Observation, StorageError)
        /// It could not be read now.
        case unread(Observation, StorageError)
    }

    /// Reads what a service fetched, where it gives anything back: before that it is a claim.
    private func look(
        at root: CID,
        _ location: Location,
        _ remark: String? = nil
    ) async throws(StorageError) -> Fetched {
        func seen(_ finding: Observation.Finding) -> Observation {
            Observation(root, finding, method: "read-back", place: location, at: catalog.time, by: observer)
        }
        let claim = claim(root, location, remark)
        guard reads else { return .seen(claim) }
        do throws(StorageError) {
            let back = try await readBack(root, from: backend.content, at: location, progress: progress)
            var whole = seen(.whole)
            (whole.size, whole.blockCount, whole.carSHA256) = (back.length, back.blockCount, back.sha256)
            return .seen(whole)
        } catch {
            switch error.code {
            case .cancelled, .superseded: throw error
            case .corrupt:
                var damage = seen(.damaged)
                damage.detail = error.message
                return .damaged(damage, error)
            default: return .unread(claim, error)
            }
        }
    }
}
