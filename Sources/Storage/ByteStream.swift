/// Bytes that are pulled chunk by chunk; a failure ends the stream with an error, never with a mere end.
///
/// A stream is read once. Chunks are a few hundred KiB at most and never empty.
package typealias ByteStream = AsyncSequence<[UInt8], StorageError> & Sendable

/// A stream made from a function that gives the next element, or nil at the end.
package struct Pulled<Element: Sendable>: AsyncSequence, Sendable {
    package typealias Failure = StorageError
    package typealias Next = @Sendable () async throws(StorageError) -> Element?

    private let start: @Sendable () -> Next

    /// `start` is called for each iteration and returns the function to call for each element.
    package init(_ start: @escaping @Sendable () -> Next) { self.start = start }

    /// An element, and behind it what a stream has.
    package init(_ first: Element, before rest: any AsyncSequence<Element, StorageError> & Sendable) {
        self.init {
            let (cursor, first) = (StreamCursor(rest), Locked<Element?>(first))
            return { () async throws(StorageError) in
                if let first = first.change({ $0.take() }) { return first }
                return try await cursor.next()
            }
        }
    }

    package func makeAsyncIterator() -> Iterator { Iterator(pull: start()) }

    /// Calls the function once for each element.
    package struct Iterator: AsyncIteratorProtocol {
        let pull: Next

        package mutating func next() async throws(StorageError) -> Element? {
            try await pull()
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(StorageError) -> Element? {
            try await pull()
        }
    }
}

/// A stream that an iterator of its own walks through: what layers use to look at chunks as they pass.
package final class StreamCursor<Element: Sendable>: Sendable {
    private let pull: @Sendable () async throws(StorageError) -> Element?

    /// Starts reading `stream`; only one task at a time may ask for the next element.
    package init(_ stream: any AsyncSequence<Element, StorageError> & Sendable) {
        pull = Self.open(stream)
    }

    private static func open<Stream: AsyncSequence & Sendable>(
        _ stream: Stream
    ) -> @Sendable () async throws(StorageError) -> Element?
    where Stream.Element == Element, Stream.Failure == StorageError {
        let box = IteratorBox<Stream>(stream)
        return { () async throws(StorageError) in try await box.next() }
    }

    /// The next element, or nil at the end.
    package func next() async throws(StorageError) -> Element? { try await pull() }
}

/// Owns an iterator; the streams' rule of one reader at a time makes the hand-over safe.
private actor IteratorBox<Stream: AsyncSequence & Sendable>
where Stream.Failure == StorageError, Stream.Element: Sendable {
    private var iterator: Stream.AsyncIterator?
    private let stream: Stream

    init(_ stream: Stream) {
        self.stream = stream
    }

    func next() async throws(StorageError) -> Stream.Element? {
        var iterator = self.iterator.take() ?? stream.makeAsyncIterator()
        // Kept after a failure too: a listing goes on at the page that failed, and never begins anew.
        defer { self.iterator = iterator }
        return try await iterator.next(isolation: self)
    }
}

/// All bytes of a stream, up to `limit`; more is an error.
package func collect(_ stream: any ByteStream, limit: Int) async throws(StorageError) -> [UInt8] {
    var bytes: [UInt8] = []
    for try await chunk in stream {
        guard bytes.count + chunk.count <= limit else {
            throw StorageError(.tooLarge, "More than \(limit) bytes came where at most that many were expected.")
        }
        bytes += chunk
    }
    return bytes
}
