/// Who is told how many bytes of bodies were handed to the network, and how many came, each time that some were, on any
/// thread.
package typealias HTTPObserver = @Sendable (_ sent: Int, _ received: Int) -> Void

/// A client for HTTP and HTTPS that keeps connections open and runs every transfer on one thread of its own.
///
/// Redirects are not followed, bodies are not decompressed, and nothing is asked again, except that a repeatable
/// request is sent once more when a kept connection turns out to have been closed before it.
package final class HTTPClient: Sendable {
    private let options: HTTPOptions
    private let thread: CurlThread
    private let observer: @Sendable () -> HTTPObserver

    /// A client; opens nothing before the first request.
    ///
    /// Each request asks `observer`, in the task that makes it, who is told of its bytes.
    package init(
        _ options: HTTPOptions = HTTPOptions(),
        observer: @escaping @Sendable () -> HTTPObserver = { { _, _ in } }
    ) {
        self.options = options
        self.observer = observer
        thread = CurlThread(options, Tally())
    }

    deinit { thread.stop() }

    /// How much the client has done.
    package var counters: HTTPCounters { thread.tally.snapshot }

    /// Sends a request and takes the whole reply, of at most `maxReplyBytes`.
    package func exchange(_ request: HTTPRequest) async throws(HTTPError) -> HTTPReply {
        let transfer = try Transfer(
            request,
            .whole(limit: options.maxReplyBytes),
            options: options,
            observer: observer(),
            thread: thread
        )
        return try await run(transfer) { () async throws(HTTPError) in try await transfer.awaitReply() }
    }

    /// Sends a request and returns when the reply's headers have come and the request's body has gone.
    package func download(_ request: HTTPRequest) async throws(HTTPError) -> HTTPDownload {
        let transfer = try Transfer(request, .chunks, options: options, observer: observer(), thread: thread)
        let lease = HTTPDownload.Lease(transfer, of: self)
        let head = try await run(transfer) { () async throws(HTTPError) in
            let head = try await transfer.awaitHead()
            if head.status >= 300 { transfer.abandonBody() }
            return head
        }
        return HTTPDownload(head, lease)
    }

    /// Starts a transfer, sends its body beside, and waits for `answer`; cancelling the task ends the transfer.
    private func run<Answer: Sendable>(
        _ transfer: Transfer,
        answer: @Sendable () async throws(HTTPError) -> Answer
    ) async throws(HTTPError) -> Answer {
        try await checkEmptyStream(transfer)
        try thread.start(transfer)
        let result = await withTaskCancellationHandler {
            guard case .stream(let length, let open) = transfer.request.body, length > 0 else {
                return await Self.result(of: answer)
            }
            return await withTaskGroup { group in
                group.addTask { await transfer.sendBody(open()) }
                let result = await Self.result(of: answer)
                if !transfer.wantsBody { group.cancelAll() }
                await group.waitForAll()
                return result
            }
        } onCancel: {
            transfer.fail(.cancelled(transfer.location))
        }
        return try result.get()
    }

    /// A stream that says it is empty is read before anything is sent: a length of zero is complete at once.
    private func checkEmptyStream(_ transfer: Transfer) async throws(HTTPError) {
        guard case .stream(0, let open) = transfer.request.body else { return }
        await transfer.sendBody(open())
        if case .failure(let error) = transfer.change({ $0.outcome }) { throw error }
    }

    private static func result<Answer>(
        of answer: () async throws(HTTPError) -> Answer
    ) async -> Result<Answer, HTTPError> {
        do {
            return .success(try await answer())
        } catch {
            return .failure(error)
        }
    }
}
