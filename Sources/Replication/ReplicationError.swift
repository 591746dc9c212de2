package import BlockStore
package import Catalog
internal import IPLD
package import Multiformats
internal import Parquet
internal import POSIX
package import Schema
package import Storage

/// A failure of the engine: of the store, of the catalog, of a backend, or of a file in the kit home.
package enum ReplicationError: Error, Sendable, CustomStringConvertible {
    case store(StoreError)
    case catalog(CatalogError)
    case storage(StorageError)
    /// Where content is read from could not give it, which says nothing of the backend that it was for.
    case source(StorageError)
    /// Somebody else is syncing the backend.
    case leased(backend: String, LeaseHolder)
    /// A file of the kit home, such as an index, could not be read or written.
    case file(String)
    /// What whoever uses the engine could not do, in an error of his own.
    case other(any Error)
    /// A snapshot on a backend is not what it should be.
    case badSnapshot(String)
    /// What the backend shows does not fit what is known of it, and going on could do harm.
    case suspicious(String)
    /// The place does not show what this home left there.
    case strangePlace(backend: String, String)
    /// Another home keeps content there too, so nothing is removed.
    case shared(backend: String, kit: String, home: String, seen: Timestamp)
    /// Another home is removing content there now.
    case removing(backend: String, home: String)
    /// A snapshot of this kit is newer than this home; `home` left it, where that is another one. `problem` is why
    /// nobody can say what is in it.
    case outdated(backend: String, snapshot: String, home: String?, problem: String?)
    /// The service accepted roots, and works on them still; the first of them.
    case awaited(backend: String, count: Int, first: CID)
    /// The CAR of a root is longer than all that a sync may send, in bytes.
    case beyondBudget(CID, length: UInt64, most: UInt64)
    /// The sync came to a bound, with so many roots left.
    case ended(backend: String, left: Int, SyncBudget.Bound)

    package var description: String {
        switch self {
        case .store(let error): error.description
        case .catalog(let error): error.description
        case .other(let error): "\(error)"
        case .storage(let error), .source(let error): error.description
        case .leased(let backend, let holder):
            "The backend \(backend) is being synced by "
                + (holder.process == 0 ? "somebody" : "process \(holder.process)")
                + " on \(holder.host)\(holder.isStopped ? ", which is stopped" : "")."
        case .file(let message), .badSnapshot(let message), .suspicious(let message), .strangePlace(_, let message):
            message
        case .shared(let backend, let kit, let home, let seen):
            """
            The home \(home.isEmpty ? "of the kit \(kit)" : "\(home) of the kit \(kit)") keeps content on \(backend) too, and \
            was seen there \(seen.day): nothing was removed, for it may count on what no pin wants here. If it is gone for \
            good, run `ipfs-kit backend peers forget \(home.isEmpty ? kit : home)`.
            """
        case .removing(let backend, let home):
            "The home \(home) is removing content from \(backend) now; nothing that is there can be relied upon before it ends. "
                + "If it is gone for good, say so with `ipfs-kit backend peers forget \(home)`."
        case .awaited(let backend, let count, let first):
            "\(backend) has accepted \(count) roots that it has not stored yet, such as \(first): the next sync asks again."
        case .beyondBudget(let root, let length, let most):
            "The CAR of \(root) has \(length) bytes, and a sync may send \(most) here: with that bound it is never sent."
        case .ended(let backend, let left, let bound):
            "The sync of \(backend) came to its bound of \(bound): \(left) roots are left for the next one."
        case .outdated(let backend, let snapshot, _, let problem?):
            """
            \(backend) has a snapshot of this kit, \(snapshot), that is newer than this home, and nobody can say what is in it \
            (\(problem)): it was neither overlaid by a new one, nor was anything removed. `ipfs-kit recover --from \(backend)` \
            takes over what older ones say; `ipfs-kit catalog accept` says that this home is right.
            """
        case .outdated(let backend, let snapshot, nil, nil):
            """
            \(backend) has a snapshot that this home left, \(snapshot), and knows nothing of: the home may have been put back from \
            an old copy. The snapshot was neither overlaid by a new one, nor was anything removed. Run `ipfs-kit recover --from \
            \(backend)` to take over what is in it, or `ipfs-kit catalog accept` if this home is right.
            """
        case .outdated(let backend, let snapshot, let home?, nil):
            """
            The home \(home.isEmpty ? "of an earlier version" : home) of this kit left a newer snapshot on \(backend), \(snapshot), \
            that says something which this home does not know: it was neither overlaid by a new one, nor was anything removed. \
            `ipfs-kit recover --from \(backend)` pins here too what is pinned there; `ipfs-kit catalog accept` says that this \
            home is right\(home.isEmpty ? "" : "; `ipfs-kit backend peers forget \(home)` says that the other one is gone").
            """
        }
    }

    /// Whether the work was stopped by whoever asked for it.
    var isCancellation: Bool {
        switch self {
        case .storage(let error): error.code == .cancelled
        case .store(let error): error.code == .cancelled
        default: false
        }
    }

    /// Puts a failure of any part of the engine into its case.
    init(_ error: any Error) {
        switch error {
        case let error as ReplicationError: self = error
        case let error as StoreError: self = .store(error)
        case let error as CatalogError: self = .catalog(error)
        case let error as StorageError: self = .storage(error)
        case let error as ParquetError: self = .file(error.message)
        case let error as DecodingProblem: self = .badSnapshot(error.description)
        case is CancellationError: self = .storage(.cancelled)
        default: self = .other(error)
        }
    }
}

/// Runs `body` and puts whatever it throws into a case of `ReplicationError`.
func translating<Value>(_ body: () async throws -> Value) async throws(ReplicationError) -> Value {
    do {
        return try await body()
    } catch {
        throw ReplicationError(error)
    }
}
