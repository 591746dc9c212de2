public import Multiformats

/// Why a block, an archive or a DAG was refused.
public struct DecodingProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of fault.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        case malformed, truncated, wrongHash, unsupported, notAllowed, tooLarge, tooDeep
        case badVersion, badRoots, badIndex, emptySection, missing, unexpected, extraneous, duplicate, wrongKind
    }

    /// The kind of fault.
    public let code: Code

    /// What is wrong, in one sentence.
    public let message: String

    /// The block it is about, where that is known.
    public let cid: CID?

    /// What is wrong, in one sentence, and the block it is about.
    public var description: String {
        cid.map { "\(message) (block \($0))" } ?? message
    }

    /// Describes a problem by its kind, a sentence and the block it is about.
    public init(_ code: Code, _ message: String, cid: CID? = nil) {
        self.code = code
        self.message = message
        self.cid = cid
    }

    /// The problem of a CID or hash, met while reading something larger.
    public init(_ problem: FormatProblem, cid: CID? = nil) {
        let code: Code =
            switch problem.code {
            case .truncated: .truncated
            case .unsupported: .unsupported
            case .notAllowed: .notAllowed
            case .tooLong: .tooLarge
            default: .malformed
            }
        self.init(code, problem.message, cid: cid)
    }

    /// The same problem, about `cid` where it named no block yet.
    public func about(_ cid: CID) -> DecodingProblem {
        DecodingProblem(code, message, cid: self.cid ?? cid)
    }
}

/// Runs `body` and lets its problem be about `cid`.
func about<T>(_ cid: CID, _ body: () throws(DecodingProblem) -> T) throws(DecodingProblem) -> T {
    do { return try body() } catch { throw error.about(cid) }
}

/// Runs `body` and turns the problem of a CID or hash into one of decoding.
func decoding<T>(_ body: () throws(FormatProblem) -> T) throws(DecodingProblem) -> T {
    do { return try body() } catch { throw DecodingProblem(error) }
}
