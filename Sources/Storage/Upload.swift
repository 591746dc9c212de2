package import Multiformats
package import Schema

/// A root to be stored, and what a service may need for that.
package struct Upload: Sendable {
    package let root: CID
    /// The name of its pin; may be empty.
    package let name: String
    /// Addresses from which its blocks can be had, for services that fetch them: multiaddrs with a peer.
    package let origins: [String]
    private let maker: @Sendable () async throws(StorageError) -> Body

    /// An upload whose CAR is made by `car`, each time that it is asked for.
    package init(
        _ root: CID,
        name: String = "",
        origins: [String] = [],
        car: @escaping @Sendable () async throws(StorageError) -> Body
    ) {
        self.root = root
        self.name = name
        self.origins = origins
        maker = car
    }

    /// An upload of a CAR that is there.
    package init(_ root: CID, name: String = "", _ car: Body) {
        self.init(root, name: name) { () async throws(StorageError) in car }
    }

    /// The deterministic CARv1 of the root.
    package func car() async throws(StorageError) -> Body { try await maker() }
}

/// What a service answered when it took a root.
package struct StoreReceipt: Sendable, Hashable {
    package let location: Location
    /// The service's digest over the bytes that it holds, which matched ours; nil asks for a reading.
    package let proof: ObjectDigest?

    package init(at location: Location, proof: ObjectDigest?) {
        self.location = location
        self.proof = proof
    }
}
