package import BlockStore
package import Catalog
internal import IPLD
internal import Parquet
internal import POSIX
package import Storage

/// A failure of the engine: of the store, of the catalog, of a backend, or of a file in the kit home.
package enum ReplicationError: Error, Sendable, CustomStringConvertible {
    case store(StoreError)
    case catalog(CatalogError)
    case storage(StorageError)
    /// Somebody else is syncing the backend.
    case leased(backend: String, LeaseHolder)
    /// A file of the kit home, such as an index, could not be read or written.
    case file(String)
    /// A snapshot on a backend is not what it should be.
    case badSnapshot(String)
    /// What the backend shows does not fit what is known of it, and going on could do harm.
    case suspicious(String)

    package var description: String {
        switch self {
        case .store(let error): error.description
        case .catalog(let error): error.description
        case .storage(let error): error.description
        case .leased(let backend, let holder):
            "The backend \(backend) is being synced by process \(holder.process) on \(holder.host)."
        case .file(let message), .badSnapshot(let message), .suspicious(let message): message
        }
    }

    /// Puts a failure of any part of the engine into its case.
    init(_ error: any Error) {
        switch error {
        case let error as ReplicationError: self = error
        case let error as StoreError: self = .store(error)
        case let error as CatalogError: self = .catalog(error)
        case let error as StorageError: self = .storage(error)
        case let error as FileError: self = .file(error.description)
        case let error as ParquetError: self = .file(error.message)
        case let error as DecodingProblem: self = .badSnapshot(error.description)
        case is CancellationError: self = .storage(.cancelled)
        default: self = .file("\(error)")
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
