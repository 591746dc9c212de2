internal import HTTPClient

/// What carries requests to a service.
struct HTTPTransport: Sendable {
    let exchange: @Sendable (HTTPRequest) async throws(HTTPError) -> HTTPReply
    let download: @Sendable (HTTPRequest) async throws(HTTPError) -> HTTPDownload

    init(
        exchange: @escaping @Sendable (HTTPRequest) async throws(HTTPError) -> HTTPReply,
        download: @escaping @Sendable (HTTPRequest) async throws(HTTPError) -> HTTPDownload
    ) {
        self.exchange = exchange
        self.download = download
    }

    /// The transport that a client is.
    init(_ client: HTTPClient) {
        self.init(
            exchange: { (request) async throws(HTTPError) in try await client.exchange(request) },
            download: { (request) async throws(HTTPError) in try await client.download(request) }
        )
    }
}
