/// A reply whose body is read while it comes.
package struct HTTPDownload: Sendable {
    /// The status code, such as 200.
    package let status: Int
    /// The header fields of the final reply; interim replies are left out.
    package let headers: HTTPHeaders
    /// The body; letting it and its iterator go ends the transfer.
    package let body: Body

    init(_ head: HTTPHead, _ lease: Lease) {
        status = head.status
        headers = head.headers
        body = Body(lease: lease)
    }

    /// The bytes of a reply's body, to be read once, in chunks of 64 KiB to 1 MiB while they come fast enough.
    package struct Body: AsyncSequence, Sendable {
        package typealias Element = [UInt8]
        package typealias Failure = HTTPError

        fileprivate let lease: Lease

        /// The fields that came after the body; none before all of it was read.
        package var trailers: HTTPHeaders { lease.transfer.trailers }

        /// Reads on where the body has been read to.
        package func makeAsyncIterator() -> Iterator {
            Iterator(lease: lease)
        }

        /// All of the body; throws `.replyTooLarge` when it has more than `limit` bytes.
        package func collect(upTo limit: Int) async throws(HTTPError) -> [UInt8] {
            var bytes: [UInt8] = []
            while let chunk = try await lease.transfer.nextChunk() {
                guard bytes.count + chunk.count <= limit else {
                    let location = lease.transfer.location
                    throw HTTPError(
                        code: .replyTooLarge,
                        message: "The reply of \(location) has more than \(limit) bytes."
                    )
                }
                bytes.append(contentsOf: chunk)
            }
            return bytes
        }

        /// Gives the chunks one after another.
        package struct Iterator: AsyncIteratorProtocol {
            fileprivate let lease: Lease

            /// The next chunk; nil after the last; throws `.truncated` when the body ended too early.
            package mutating func next(isolation actor: isolated (any Actor)?) async throws(HTTPError) -> [UInt8]? {
                try await lease.transfer.nextChunk()
            }
        }
    }

    /// Keeps a transfer and its client alive, and ends the transfer with the last reader.
    final class Lease: Sendable {
        let transfer: Transfer
        private let client: HTTPClient

        init(_ transfer: Transfer, of client: HTTPClient) {
            self.transfer = transfer
            self.client = client
        }

        deinit { transfer.fail(.cancelled(transfer.location)) }
    }
}
