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
        /// The index is damaged, or a part of it is lost; it can be made again from the packs.
        case damagedIndex
        /// A pack is shorter than it was, or other blocks are in it.
        case damagedPack
        /// The folder of the packs is not the one that they are in.
        case packsAway
        /// A file that was added by reference is not what it was.
        case changed
        /// The disk did not do what it was asked.
        case inputOutput
        /// A block that must be there is not, so what was asked for would lose more.
        case incomplete
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
            case .wouldBlock: .busy
            case .unavailable: .inputOutput
            case .interrupted: .cancelled
            // Something else stands in the place of a file.
            case .isADirectory, .notAFile, .notADirectory, .linksWithoutEnd: .corrupt
            default: .unexpected
            }
        self.init(code, error.description)
    }

    /// The sentence.
    public var description: String { message }

    /// Runs `body`, and says of failed file calls what they mean for the store.
    static func translating<Value>(_ body: () throws -> Value) throws(StoreError) -> Value {
        do {
            return try body()
        } catch let error as StoreError {
            throw error
        } catch let error as FileError {
            throw StoreError(error)
        } catch {
            throw StoreError(.unexpected, "\(error)")
        }
    }

    /// What links that cannot be followed mean for whoever needs the whole DAG.
    package init(_ problem: DecodingProblem, linksOf cid: CID) {
        self.init(.problem(problem.code), "The links of \(cid) cannot be followed: \(problem)", cid: cid)
    }

    static func missing(_ cid: CID) -> StoreError {
        StoreError(.notFound, "The block \(cid) is not in the store.", cid: cid)
    }

    static func damagedIndex(_ path: String) -> StoreError {
        StoreError(.damagedIndex, "The index of the store is damaged in \(path); it can be made again from the packs.")
    }

    static func oldIndex(_ folder: String) -> StoreError {
        StoreError(
            .damagedIndex,
            "The index of the store in \(folder) is older than what was committed: a part of it is lost. It can be made again "
                + "from the packs."
        )
    }

    static func incomplete(_ cid: CID) -> StoreError {
        StoreError(
            .incomplete,
            "The block \(cid), which a pin leads to, is not in the store. Nothing is removed while a pin is not whole.",
            cid: cid
        )
    }

    static func damaged(_ cid: CID, _ detail: String) -> StoreError {
        StoreError(.corrupt, "The block \(cid) in the store is damaged: \(detail)", cid: cid)
    }
}

extension FileError {
    /// Whether a file of the store is gone: there is none of its name, or something else is in its place.
    ///
    /// A disk that cannot be read now says neither.
    var meansGone: Bool { [.notFound, .isADirectory, .notADirectory, .notAFile, .linksWithoutEnd].contains(code) }
}

extension CID {
    /// The same as ``checkLimits(length:)``, as an error of a store.
    package func checkStorable(length: Int) throws(StoreError) {
        do throws(DecodingProblem) {
            try checkLimits(length: length)
        } catch {
            throw StoreError(.problem(error.code), "\(error)", cid: self)
        }
    }
}
