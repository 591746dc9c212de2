// What the curl thread calls.
extension Transfer {
    /// Takes a header line; false when the transfer must end.
    func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        enum Step { case goOn, resume, refused }
        let step: Step = change { state in
            switch unsafe state.parser.add(line) {
            case .more: return .goOn
            case .refused: return .refused
            case .complete(let head) where head.status == 417:
                state.provisionalHead = head
                return .goOn
            case .complete(let head):
                state.head = head
                // After an early refusal curl is done with the body, but notices only when it is woken.
                return state.outgoing.isPaused ? .resume : .goOn
            }
        }
        switch step {
        case .goOn: return true
        case .resume:
            thread.post(.resume(self))
            return true
        case .refused:
            end(
                .failure(
                    HTTPError(
                        code: .protocolViolation,
                        message: "The headers of the reply of \(location) are malformed or break the limits."
                    )
                )
            )
            return false
        }
    }

    /// Takes bytes of the reply's body, or says that they must wait or that there are too many.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Incoming.Verdict {
        let verdict = change { state -> Incoming.Verdict in
            guard state.head != nil || state.provisionalHead == nil else { return .taken }
            let verdict = unsafe state.incoming.add(bytes)
            if verdict == .wait { state.incoming.isPaused = true }
            return verdict
        }
        switch verdict {
        case .wait: break
        case .taken: count(sent: 0, received: bytes.count)
        case .tooLarge:
            end(
                .failure(
                    HTTPError(
                        code: .replyTooLarge,
                        message: "The reply of \(location) has more than \(options.maxReplyBytes) bytes."
                    )
                )
            )
        }
        return verdict
    }

    /// Moves bytes of the request's body into `buffer`; nil when there are none yet, zero at the end.
    func send(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let count: Int? = change { state in
            let count = unsafe state.outgoing.take(into: buffer)
            guard count == 0, !state.outgoing.isSent else { return count }
            state.outgoing.isPaused = true
            return nil
        }
        self.count(sent: count ?? 0, received: 0)
        return count
    }

    /// Starts the request's body again; false when that cannot be done.
    func rewind() -> Bool {
        change { $0.outgoing.rewind() }
    }

    /// Lifts what pauses can be lifted and says which remain.
    func liftPauses() -> (receiving: Bool, sending: Bool) {
        change { state in
            if state.incoming.isPaused { state.incoming.isPaused = state.incoming.hasChunk }
            if state.outgoing.isPaused { state.outgoing.isPaused = state.outgoing.available == 0 && state.head == nil }
            return (state.incoming.isPaused, state.outgoing.isPaused)
        }
    }

    /// Lets the reader have a small chunk that has waited; true when the transfer itself waits for the caller.
    func tick() -> Bool {
        change { state in
            state.incoming.markOverdue()
            return state.incoming.isPaused || state.outgoing.isPaused
        }
    }
}
