package import Multiformats
package import Schema

/// What backends give of a root to anybody who has the URLs; nobody was asked whether it is there.
package struct Offers: Sendable {
    /// Gives what some backends offer of a root; all that have it and give URLs where none is named.
    package typealias Source =
        @Sendable (_ root: CID, _ backends: [String]) async throws(StorageError) -> Offers

    /// What one of them gives.
    package struct Copy: Sendable, Hashable {
        package let backend: String
        /// Where the CAR lies there.
        package let location: Location?
        /// One for each object that the CAR is in, in their order.
        package let urls: [ObjectURL]
        /// The SHA-256 of the CAR, where somebody compared it; nil where nobody knows it.
        package let sha256: [UInt8]?
        /// How long it can be, in bytes, by what is known of other copies; nil where nothing is.
        package let most: UInt64?

        package init(
            backend: String,
            at location: Location?,
            urls: [ObjectURL],
            sha256: [UInt8]?,
            most: UInt64? = nil
        ) {
            (self.backend, self.location, self.urls, self.sha256) = (backend, location, urls, sha256)
            self.most = most
        }
    }

    /// First those of backends where it was verified.
    package var copies: [Copy]
    /// Why others that are known to have it could not say where.
    package var problems: [StorageError]

    package init(_ copies: [Copy] = [], problems: [StorageError] = []) {
        (self.copies, self.problems) = (copies, problems)
    }
}
