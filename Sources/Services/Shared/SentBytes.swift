internal import Digests
internal import Storage

/// Bytes on their way to a service, whose MD5 is noted when the last of them has passed.
struct SentBytes: AsyncSequence, Sendable {
    typealias Element = [UInt8]
    typealias Failure = any Error

    let bytes: any ByteStream
    /// Where it is noted; nil where it is known.
    let digest: Locked<[UInt8]?>?

    func makeAsyncIterator() -> Iterator { Iterator(cursor: StreamCursor(bytes), digest: digest) }

    /// Gives what the cursor gives.
    final class Iterator: AsyncIteratorProtocol {
        private let cursor: StreamCursor<[UInt8]>
        private let digest: Locked<[UInt8]?>?
        private var md5 = RunningHash(.md5)

        fileprivate init(cursor: StreamCursor<[UInt8]>, digest: Locked<[UInt8]?>?) {
            (self.cursor, self.digest) = (cursor, digest)
        }

        func next(isolation actor: isolated (any Actor)?) async throws -> [UInt8]? {
            let chunk = try await cursor.next()
            guard let digest else { return chunk }
            if let chunk {
                md5.update(chunk)
            } else {
                let whole = md5.digest()
                digest.change { $0 = whole }
            }
            return chunk
        }
    }
}
