/// How the content of a file is cut into chunks.
public enum Chunker: Sendable, Hashable {
    /// Every chunk has this length in bytes, except the last.
    case size(Int)

    /// The largest chunk that may be asked for, in bytes: 2 MiB − 256.
    public static let largestChunk = 2_096_896

    /// The largest chunk that comes out, in bytes.
    public var longest: Int {
        switch self {
        case .size(let size): size
        }
    }
}
