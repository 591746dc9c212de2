package import Multiformats

/// What a backend says of a root: three values, and unknown never counts as either of the others.
package enum Presence: Sendable {
    case present(HeldRoot)
    case absent
    /// Nobody could tell, and why.
    case unknown(StorageError)
}

/// A root that a backend says it holds.
///
/// It is a claim until bytes or digests were compared.
package struct HeldRoot: Sendable, Hashable {
    package let root: CID
    /// Where it is on the backend: the `car_file_path` of a mapping.
    package let path: String
    /// The length of its CAR in bytes; nil where the backend says nothing that could be one.
    package let length: UInt64?
    package let digest: ObjectDigest?
    /// See ``ObjectInfo/place``.
    package let place: String?

    package init(root: CID, path: String, length: UInt64?, digest: ObjectDigest?, place: String? = nil) {
        self.root = root
        self.place = place
        self.path = path
        self.length = length
        self.digest = digest
    }
}

/// Pages of the roots that a backend says it holds.
package typealias RootStream = AsyncSequence<[HeldRoot], StorageError> & Sendable

/// A place that keeps content by CID: what the replication engine sees of every backend.
package protocol Replica: Sendable {
    var capabilities: Capabilities { get }
    var limits: Limits { get }

    /// Named objects beside the content, for the snapshots that recovery needs; nil where there is no room for any.
    var notes: (any StorageService)? { get }

    /// Asks the backend about one root; `path` is the place in the mapping, where one is known.
    func holds(_ root: CID, path: String?) async -> Presence

    /// Stores the DAG of `root`, given as the deterministic CARv1 of it. Storing it again is harmless.
    func store(_ root: CID, _ car: Body) async throws(StorageError) -> StoreReceipt

    /// The CAR of a root, as the backend gives it: unverified. `path` is the place in the mapping, where one is known.
    func fetch(_ root: CID, path: String?) async throws(StorageError) -> any ByteStream

    /// Removes a root; one that is not there is no error.
    func remove(_ root: CID, path: String?) async throws(StorageError)

    /// Removes what stopped uploads of a root left, and not the root; with `mayResume`, what the next one goes on with
    /// may stay.
    func clear(_ root: CID, mayResume: Bool) async throws(StorageError)

    /// All roots that the backend says it holds.
    func roots() -> any RootStream

    /// How much is stored and how much room is left.
    func usage() async throws(StorageError) -> Usage
}

/// What a backend answered when it took a root.
package struct StoreReceipt: Sendable, Hashable {
    /// Where the root is now: the `car_file_path` of the mapping.
    package let path: String
    /// The server's digest over the bytes that it holds, which matched ours; nil asks for a read-back.
    package let proof: ObjectDigest?

    package init(path: String, proof: ObjectDigest?) {
        self.path = path
        self.proof = proof
    }
}
