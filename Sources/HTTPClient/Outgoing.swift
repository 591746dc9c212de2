/// What is still to be sent of a request's body.
///
/// The last byte of a stream is held back until the stream has ended, so that a server can never take a body of the
/// wrong length for a complete one.
struct Outgoing {
    /// How much of a stream may wait to be sent, in bytes.
    private static let highWater = 1 << 20

    let length: UInt64
    private var chunks: [[UInt8]]
    private var offset = 0
    private var taken: UInt64 = 0
    private var offered: UInt64
    private var isComplete: Bool
    private let isRewindable: Bool

    /// Whether curl was told to wait for more.
    var isPaused = false
    /// Whether nobody wants the rest any more.
    var isAbandoned = false

    init(_ request: HTTPRequest) {
        length = request.body.length
        isRewindable = request.isRewindable
        if case .stream = request.body {
            (chunks, offered, isComplete) = ([], 0, length == 0)
        } else if case .bytes(let bytes) = request.body {
            (chunks, offered, isComplete) = ([bytes], length, true)
        } else {
            (chunks, offered, isComplete) = ([], 0, true)
        }
    }

    /// Whether the stream should wait before it offers more.
    var isFull: Bool { offered - taken >= UInt64(Self.highWater) }

    /// How many bytes may be taken now.
    var available: UInt64 {
        let waiting = offered - taken
        return isComplete ? waiting : min(waiting, length - 1 - taken)
    }

    /// Whether every byte has been taken.
    var isSent: Bool { taken == length }

    /// Moves bytes into `buffer`, which is as many as fit and are there.
    mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let room = Int(clamping: min(UInt64(buffer.count), available))
        var filled = 0
        var index = 0
        while filled < room, index < chunks.count {
            let count = min(chunks[index].count - offset, room - filled)
            unsafe chunks[index].withUnsafeBytes { bytes in
                let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
                unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]).copyMemory(from: part)
            }
            filled += count
            offset += count
            if offset == chunks[index].count, !isRewindable {
                index += 1
                offset = 0
            } else if offset == chunks[index].count {
                break
            }
        }
        chunks.removeFirst(index)
        taken += UInt64(filled)
        return filled
    }

    /// Adds a chunk of the stream; false when the stream is longer than it said.
    mutating func offer(_ chunk: [UInt8]) -> Bool {
        guard UInt64(chunk.count) <= length - offered else { return false }
        if !chunk.isEmpty { chunks.append(chunk) }
        offered += UInt64(chunk.count)
        return true
    }

    /// Marks the end of the stream; false when the stream is shorter than it said.
    mutating func end() -> Bool {
        isComplete = offered == length
        return isComplete
    }

    /// Starts again from the first byte; false when that cannot be done.
    mutating func rewind() -> Bool {
        guard isRewindable || taken == 0 else { return false }
        (offset, taken) = (0, 0)
        return true
    }
}
