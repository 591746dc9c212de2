public import Multiformats
internal import Operations
internal import Schema

/// A root that is kept.
public struct PinnedRoot: Sendable, Hashable {
    /// The CID of the root.
    public let root: CID
    /// The name that it was given; empty where it has none.
    public let name: String
}

/// Where a root is.
public struct Location: Sendable, Hashable {
    /// The name of the backend.
    public let backend: String
    /// The place on the backend.
    public let path: String
    /// Says whether bytes or digests were compared there and matched.
    public let isVerified: Bool
    /// How it was verified last, such as `read-back`; nil where nobody has looked.
    public let method: String?
    /// When that was, in milliseconds since 1970; nil where nobody has looked.
    public let verifiedAt: Int64?
}

/// What a sync did on one backend.
public struct SyncResult: Sendable, Hashable {
    /// The name of the backend.
    public let backend: String
    /// Says whether the backend has everything that was wanted when the sync began.
    public let isInStep: Bool
    /// Roots that were sent and proven.
    public let uploaded: Int
    /// Roots that were found there and proven.
    public let adopted: Int
    /// What went wrong; nil where nothing did.
    public let problem: String?
}

/// A failed call: what happened, and the command that helps.
public struct KitFailure: Error, Sendable, CustomStringConvertible {
    /// The number that the command line would have ended with; see `docs/operations.md`.
    public let code: Int32
    /// A whole sentence without secrets.
    public let message: String
    /// A command to run next, exactly as it can be typed.
    public let hint: String?

    /// The message.
    public var description: String { message }

    init(code: Int32, message: String, hint: String?) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    init(_ error: KitError) {
        self.init(code: error.code.rawValue, message: Redactor.shared.clean(error.message), hint: error.hint?.command())
    }
}
