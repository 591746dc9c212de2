/// Why a value of the multiformats family (varint, multibase, multihash, CID) was refused.
public struct FormatProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// The rule that was broken.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        case truncated, overflow, notMinimal, badCharacter, badPadding, unknownBase, badVersion, badMultihash
        case tooLong, trailingBytes, notAllowed, unsupported
    }

    /// The rule that was broken.
    public let code: Code

    /// What is wrong, in one sentence.
    public let message: String

    /// What is wrong, in one sentence.
    public var description: String { message }

    /// Describes a problem by its rule and a sentence.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
