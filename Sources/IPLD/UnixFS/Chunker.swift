/// How the content of a file is cut into chunks.
public enum Chunker: Sendable, Hashable {
    /// Every chunk has this length in bytes, except the last.
    case size(Int)
    /// Where a Rabin fingerprint of 16 bytes has as many zero bits as the average length asks for; lengths in bytes.
    case rabin(least: Int, average: Int, most: Int)
    /// Where a rolling hash of 32 bytes has 17 zero bits: chunks of 128 to 512 KiB.
    case buzhash

    /// The largest chunk that may be asked for, in bytes: 2 MiB − 256.
    public static let largestChunk = 2_096_896

    /// The largest chunk that comes out, in bytes.
    public var longest: Int {
        switch self {
        case .size(let size): size
        case .rabin(_, _, let most): most
        case .buzhash: Buzhash.most
        }
    }

    /// Rabin with the bounds that Kubo derives from an average: a third of it, and one and a half times it.
    public static func rabin(average: Int) -> Chunker {
        .rabin(least: average / 3, average: average, most: average.addingReportingOverflow(average / 2).partialValue)
    }

    /// Throws `.unsupported` for lengths that Kubo does not take either.
    public func validate() throws(DecodingProblem) {
        switch self {
        case .size(let size):
            guard (1...Self.largestChunk).contains(size) else {
                throw DecodingProblem(.unsupported, "A chunk size must be between 1 and \(Self.largestChunk) bytes.")
            }
        case .rabin(let least, let average, let most):
            guard least >= 16, least < average, average < most, most <= Self.largestChunk else {
                throw DecodingProblem(
                    .unsupported,
                    "Rabin chunks need 16 ≤ least < average < most ≤ \(Self.largestChunk) bytes."
                )
            }
        case .buzhash: break
        }
    }

    /// The length of the chunk that `bytes` begins with; nil for no bytes, and where more are needed to know.
    ///
    /// With ``longest`` bytes, or with `isLast` saying that no more will come, it is always known. No state is kept
    /// from one chunk to the next.
    public func firstChunk(of bytes: Span<UInt8>, isLast: Bool) -> Int? {
        guard !bytes.isEmpty, isLast || bytes.count >= longest else { return nil }
        return switch self {
        case .size(let size): min(size, bytes.count)
        case .rabin(let least, let average, let most): Rabin.firstChunk(of: bytes, least, average, most)
        case .buzhash: Buzhash.firstChunk(of: bytes)
        }
    }
}
