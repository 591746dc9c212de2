public import IPLD
public import Multiformats
package import POSIX

/// A failure of the block store.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable, Hashable {
        /// A block is not in the store.
        case notFound
        /// The bytes on the disk are not those of the CID.
        case corrupt
        /// A file that was added by reference is not what it was.
        case changed
        /// The disk, or the share of it that one may use, is full.
        case full
        /// The files of the store may not be read or written.
        case permissionDenied
        /// Others use the store in a way that did not end.
        case busy
        /// The task was cancelled.
        case cancelled
        /// The bytes of a block are those of its CID, and it cannot be followed or kept all the same.
        case problem(DecodingProblem.Code)
        /// Something else; the message says what.
        case unexpected
    }

    /// What kind of failure it is.
    public let code: Code
    /// A whole sentence for a person.
    public let message: String
    /// The block, where one can be named.
    public let cid: CID?

    /// A failure with its sentence.
    public init(_ code: Code, _ message: String, cid: CID? = nil) {
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

    /// The sentence.
    public var description: String { message }

    static func missing(_ cid: CID) -> StoreError {
        StoreError(.notFound, "The block \(cid) is not in the store.", cid: cid)
    }

    static func damagedIndex(_ path: String) -> StoreError {
        StoreError(
            .corrupt,
            "The index of the store is damaged in \(path); `ipfs-kit store rebuild-index` makes it again from the packs."
        )
    }

    static func damaged(_ cid: CID, _ detail: String) -> StoreError {
        StoreError(.corrupt, "The block \(cid) in the store is damaged: \(detail)", cid: cid)
    }
}
