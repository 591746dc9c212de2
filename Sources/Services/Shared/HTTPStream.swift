internal import HTTPClient
internal import Storage

extension HTTPFailures {
    /// The bytes of a reply as they come; `end` is given the fields behind them, and says whether they are all.
    func stream(
        _ body: HTTPDownload.Body,
        _ what: String,
        end: @escaping @Sendable (HTTPHeaders) throws(StorageError) -> Void = { _ throws(StorageError) in }
    ) -> any ByteStream {
        Pulled {
            { () async throws(StorageError) in
                var iterator = body.makeAsyncIterator()
                do throws(HTTPError) {
                    if let chunk = try await iterator.next(isolation: nil) { return chunk }
                } catch {
                    throw translate(what, error)
                }
                try end(body.trailers)
                return nil
            }
        }
    }
}
