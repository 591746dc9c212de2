extension Transfer {
    /// What becomes of a body in progress.
    private enum Step: Sendable {
        case goOn, stop, resume, mismatch
    }

    /// The status and headers of the final reply, as soon as they are in.
    func awaitHead() async throws(HTTPError) -> HTTPHead {
        await wait(for: .head)
        let (head, outcome) = change { ($0.head, $0.outcome) }
        if let head { return head }
        try outcome?.get()
        // curl takes a connection that ends inside the headers for a reply without a body.
        throw HTTPError(
            code: .connectionLost,
            message: "The connection to \(location) was lost before the reply came."
        )
    }

    /// The whole reply.
    func awaitReply() async throws(HTTPError) -> HTTPReply {
        await wait(for: .end)
        try change { $0.outcome }?.get()
        let head = try await awaitHead()
        return HTTPReply(
            status: head.status,
            headers: head.headers,
            body: change { $0.incoming.takeAll() },
            trailers: trailers
        )
    }

    /// The fields after the reply's body, as far as they have come.
    var trailers: HTTPHeaders { HTTPHeaders(change { $0.parser.trailers }) }

    /// The next chunk of the reply's body; nil after the last.
    func nextChunk() async throws(HTTPError) -> [UInt8]? {
        await withTaskCancellationHandler {
            await wait(for: .chunk)
        } onCancel: {
            fail(.cancelled(location))
        }
        let (chunk, isPaused, outcome) = change { state in
            if case .failure(let error) = state.outcome, error.code == .cancelled { _ = state.incoming.takeAll() }
            return (state.incoming.takeAll(), state.incoming.isPaused, state.outcome)
        }
        if isPaused { thread.post(.resume(self)) }
        if !chunk.isEmpty { return chunk }
        try outcome?.get()
        return nil
    }

    /// Hands over the request's body as far as it is wanted; ends the transfer when the body is not as it should be.
    func sendBody(_ body: any AsyncSequence<[UInt8], any Error> & Sendable) async {
        do {
            for try await chunk in body {
                await wait(for: .room)
                guard carryOn(offer(chunk)) else { return }
            }
            _ = carryOn(endBody())
        } catch {
            guard wantsBody else { return }
            let isCancelled = Task.isCancelled || error is CancellationError
            fail(
                isCancelled
                    ? .cancelled(location)
                    : HTTPError(
                        code: .bodyFailed,
                        message: "The body of a request to \(location) could not be read.",
                        cause: error
                    )
            )
        }
    }

    /// Gives up the rest of the request's body; the reply goes on.
    func abandonBody() {
        change { $0.outgoing.isAbandoned = true }
    }

    /// Whether more of the request's body is still of use.
    var wantsBody: Bool {
        change { $0.outcome == nil && !$0.outgoing.isAbandoned }
    }

    private func offer(_ chunk: [UInt8]) -> Step {
        change { state in
            guard state.outcome == nil, !state.outgoing.isAbandoned else { return .stop }
            guard state.outgoing.offer(chunk) else { return .mismatch }
            return state.outgoing.isPaused && state.outgoing.available > 0 ? .resume : .goOn
        }
    }

    private func endBody() -> Step {
        change { state in
            guard state.outcome == nil, !state.outgoing.isAbandoned else { return .stop }
            guard state.outgoing.end() else { return .mismatch }
            return state.outgoing.isPaused ? .resume : .goOn
        }
    }

    private func carryOn(_ step: Step) -> Bool {
        switch step {
        case .goOn: return true
        case .stop: return false
        case .resume:
            thread.post(.resume(self))
            return true
        case .mismatch:
            fail(
                HTTPError(
                    code: .bodyLengthMismatch,
                    message: "The body of a request to \(location) is not \(request.body.length) bytes long."
                )
            )
            return false
        }
    }
}
