internal import IPLD
package import Multiformats
package import POSIX
package import SQLite

/// A failure of the block store.
package struct StoreError: Error, Sendable, CustomStringConvertible, DatabaseErrorConvertible {
    /// What kind of failure it is.
    package enum Code: Sendable, Hashable {
        case notFound
        /// The bytes on the disk are not those of the CID.
        case corrupt
        case full, permissionDenied, busy
        case cancelled
        case unexpected
    }

    package let code: Code
    package let message: String
    package let cid: CID?

    package init(_ code: Code, _ message: String, cid: CID? = nil) {
        self.code = code
        self.message = message
        self.cid = cid
    }

    /// What a failed file call means for the store.
    package init(_ error: FileError) {
        let code: Code =
            switch error.code {
            case .full: .full
            case .permissionDenied, .readOnly: .permissionDenied
            default: .unexpected
            }
        self.init(code, error.description)
    }

    /// What a failed statement means for the store.
    package init(_ error: DatabaseError) {
        let code: Code =
            switch error.code {
            case .full: .full
            case .readOnly, .cannotOpen: .permissionDenied
            case .busy, .locked: .busy
            case .corrupt, .notADatabase: .corrupt
            default: .unexpected
            }
        self.init(code, error.message)
    }

    package var description: String { message }

    static func missing(_ cid: CID) -> StoreError {
        StoreError(.notFound, "The block \(cid) is not in the store.", cid: cid)
    }

    static func damaged(_ cid: CID, _ detail: String) -> StoreError {
        StoreError(.corrupt, "The block \(cid) in the store is damaged: \(detail)", cid: cid)
    }
}
