/// A read that goes on after a break where it stopped, and only in the version that it began in.
///
/// Where the service has no versions, or no ranges, a read that broke after its first byte fails: what stands under the
/// name by then may be something else, and half of each would be nothing that anybody stored.
struct ResumedRead: Sendable {
    private struct State {
        /// The stream to read from; nil after it broke: some would answer with a mere end.
        var cursor: StreamCursor<[UInt8]>?
        /// How many bytes came so far.
        var given: UInt64 = 0
        /// Why it broke for good.
        var failure: StorageError?
    }

    let service: Retrying
    let name: ObjectName
    let range: Range<UInt64>?
    /// The object as it was opened first.
    let first: OpenObject

    var stream: any ByteStream {
        Pulled {
            let state = Locked(State(cursor: StreamCursor(first.stream)))
            return { () async throws(StorageError) in
                if let failure = state.read({ $0.failure }) { throw failure }
                do throws(StorageError) {
                    return try await service.attempt(mayRepeat: { mayResume(state) }) { () async throws(StorageError) in
                        try await next(state)
                    }
                } catch {
                    state.change { $0.failure = error }
                    throw error
                }
            }
        }
    }

    private func next(_ state: Locked<State>) async throws(StorageError) -> [UInt8]? {
        let (open, given) = state.change { state in
            defer { state.cursor = nil }
            return (state.cursor, state.given)
        }
        let cursor: StreamCursor<[UInt8]>
        if let open {
            cursor = open
        } else {
            let again = try await service.open(name, rest(after: given), version: first.version, length: first.length)
            cursor = StreamCursor(again.stream)
        }
        let chunk = try await cursor.next()
        let total = given + UInt64(chunk?.count ?? 0)
        try check(total, isOver: chunk == nil)
        state.change { state in
            state.cursor = cursor
            state.given = total
        }
        return chunk
    }

    /// What is still to come after so many bytes.
    private func rest(after given: UInt64) -> Range<UInt64>? {
        guard given > 0 else { return range }
        let start = (range?.lowerBound ?? 0) + given
        return start..<max(start, range?.upperBound ?? .max)
    }

    /// Compares what came with the length that was announced.
    private func check(_ given: UInt64, isOver: Bool) throws(StorageError) {
        guard let length = first.length else { return }
        let wanted = (range ?? 0..<length).clamped(to: 0..<length).length
        if given > wanted {
            throw StorageError(
                .unexpected,
                "The service gave more of \(name) than the \(wanted) bytes that it has there."
            )
        }
        if isOver, given < wanted {
            throw StorageError(
                .unavailable,
                "Reading \(name) ended \(wanted - given) bytes too early.",
                retry: .later
            )
        }
    }

    /// What has given nothing yet may begin anew.
    private func mayResume(_ state: Locked<State>) -> Bool {
        let given = state.read { $0.given }
        return given == 0 || first.version != nil && service.capabilities.contains(.rangeReads)
    }
}
