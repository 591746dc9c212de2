internal import HTTPClient
internal import Storage

/// The bytes of an object while they come.
struct WindowedBody: AsyncSequence, Sendable {
    typealias Element = [UInt8]
    typealias Failure = StorageError

    let body: HTTPDownload.Body
    let window: RangeWindow
    let what: String
    let failures: HTTPFailures

    func makeAsyncIterator() -> Iterator {
        Iterator(source: body.makeAsyncIterator(), skipped: window.skipped, left: window.count ?? .max, download: self)
    }

    /// Gives the bytes inside the window, and an error where they end too early.
    struct Iterator: AsyncIteratorProtocol {
        fileprivate var source: HTTPDownload.Body.Iterator
        fileprivate var skipped: UInt64
        fileprivate var left: UInt64
        fileprivate var given: UInt64 = 0
        fileprivate let download: WindowedBody

        mutating func next(isolation actor: isolated (any Actor)?) async throws(StorageError) -> [UInt8]? {
            while left > 0 {
                let chunk: [UInt8]?
                do throws(HTTPError) {
                    chunk = try await source.next(isolation: actor)
                } catch {
                    throw download.failures.translate(download.what, error)
                }
                guard let chunk else { break }
                let passed = Int(Swift.min(skipped, UInt64(chunk.count)))
                let taken = Int(Swift.min(left, UInt64(chunk.count - passed)))
                skipped -= UInt64(passed)
                left -= UInt64(taken)
                given += UInt64(taken)
                if taken == chunk.count { return chunk }
                if taken > 0 { return Array(chunk[passed..<passed + taken]) }
            }
            guard given >= download.window.least else {
                throw download.failures.error(
                    .unavailable,
                    "the reply ended \(download.window.least - given) bytes too early",
                    download.what,
                    .later
                )
            }
            return nil
        }
    }
}
