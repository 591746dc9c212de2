/// What has come of a reply's body and waits for its reader.
struct Incoming {
    /// What became of bytes from the network.
    enum Verdict {
        case taken, wait, tooLarge
    }

    /// How a reply's body is given to the caller.
    enum Delivery: Sendable {
        /// All at once, and at most this many bytes.
        case whole(limit: Int)
        /// In chunks, while it comes.
        case chunks
    }

    private static let smallestChunk = 64 << 10
    private static let largestChunk = 1 << 20

    private let delivery: Delivery
    private var buffer: [UInt8] = []
    private var isOverdue = false

    /// Whether curl was told to wait.
    var isPaused = false

    init(_ delivery: Delivery) {
        self.delivery = delivery
    }

    /// Whether there is a chunk worth waking the reader for.
    var hasChunk: Bool {
        guard case .chunks = delivery, !buffer.isEmpty else { return false }
        return isOverdue || isPaused || buffer.count >= Self.smallestChunk
    }

    /// Whether the body is given in chunks.
    var isStreamed: Bool {
        if case .chunks = delivery { true } else { false }
    }

    /// Adds bytes from the network, or says why not.
    mutating func add(_ bytes: UnsafeRawBufferPointer) -> Verdict {
        switch delivery {
        case .whole(let limit):
            guard buffer.count + bytes.count <= limit else { return .tooLarge }
        case .chunks:
            guard buffer.isEmpty || buffer.count + bytes.count <= Self.largestChunk else { return .wait }
        }
        unsafe buffer.append(contentsOf: bytes)
        return .taken
    }

    /// Lets the reader have what there is, however little: it has waited long enough.
    mutating func markOverdue() {
        isOverdue = !buffer.isEmpty
    }

    /// Takes out everything that has come.
    mutating func takeAll() -> [UInt8] {
        defer { (buffer, isOverdue) = ([], false) }
        return buffer
    }
}
