/// A read that goes on after a break where it stopped, and only in the version that it began in.
///
/// Where the service has no versions, or no ranges, a read that broke after its first byte fails: what stands under the
/// name by then may be something else, and half of each would be nothing that anybody stored.
package struct ResumedRead: Sendable {
    /// Opens what is read, or a part of it, in one version.
    package typealias Opener =
        @Sendable (Range<UInt64>?, ObjectVersion?) async throws(StorageError) -> OpenObject

    private struct State {
        /// Where the read has its place; nil after it gave that back.
        var permit: Permits.Permit?
        /// The stream to read from; nil after it broke: some would answer with a mere end.
        var cursor: StreamCursor<[UInt8]>?
        /// How many bytes came so far.
        var given: UInt64 = 0
        /// How often it broke since so many had come.
        var breaks = (count: 0, since: UInt64(0))
        /// Why it broke for good.
        var failure: StorageError?
    }

    let policy: CallPolicy
    let name: String
    let range: Range<UInt64>?
    /// Whether a part can be read.
    let hasRanges: Bool
    let opener: Opener

    /// Opens it for the first time.
    func begin(_ version: ObjectVersion?) async throws(StorageError) -> OpenObject {
        let (first, permit) = try await policy.repeating { () async throws(StorageError) in
            try await policy.opening { () async throws(StorageError) in
                try await open(range, version: version, length: nil)
            }
        }
        let state = Locked(State(permit: permit, cursor: StreamCursor(first.stream)))
        return first.through { _ in stream(first, state) }
    }

    private func stream(_ first: OpenObject, _ state: Locked<State>) -> any ByteStream {
        Pulled {
            { () async throws(StorageError) in
                if let failure = state.read({ $0.failure }) { throw failure }
                do throws(StorageError) {
                    let chunk = try await policy.repeating(mayRepeat: { mayResume(first, state) }) {
                        () async throws(StorageError) in
                        try await next(first, state)
                    }
                    if chunk == nil { state.change { $0.permit.take() }?.give() }
                    return chunk
                } catch {
                    state.change { $0.failure = error }
                    throw error
                }
            }
        }
    }

    private func next(_ first: OpenObject, _ state: Locked<State>) async throws(StorageError) -> [UInt8]? {
        do throws(StorageError) {
            return try await pull(first, state)
        } catch {
            policy.meter.add { $0.failures += 1 }
            // A broken read is opened again while its stream is still held: it must not wait for itself.
            let permit = state.change { state in
                if state.given - state.breaks.since >= stretch(of: first) { state.breaks = (0, state.given) }
                state.breaks.count += 1
                return state.permit.take()
            }
            permit?.give()
            throw error
        }
    }

    /// A read that breaks has its tries for so many bytes, a sixteenth of what there is and at most 256 KiB: with a few
    /// bytes for each try it would have no end.
    private func stretch(of first: OpenObject) -> UInt64 {
        let length = min(range?.length ?? .max, first.length ?? .max)
        return min(max(length / 16, 1), 256 << 10)
    }

    private func pull(_ first: OpenObject, _ state: Locked<State>) async throws(StorageError) -> [UInt8]? {
        let (open, given) = state.change { state in
            defer { state.cursor = nil }
            return (state.cursor, state.given)
        }
        let cursor: StreamCursor<[UInt8]>
        if let open {
            cursor = open
        } else {
            let (again, permit) = try await policy.opening { () async throws(StorageError) in
                try await self.open(rest(after: given), version: first.version, length: first.length)
            }
            state.change { $0.permit = permit }
            cursor = StreamCursor(again.stream)
        }
        let chunk = try await cursor.next()
        let total = given + UInt64(chunk?.count ?? 0)
        try check(total, of: first, isOver: chunk == nil)
        state.change { state in
            state.cursor = cursor
            state.given = total
        }
        return chunk
    }

    /// Opens it and compares what came with what was wanted, whether or not the service did.
    private func open(
        _ range: Range<UInt64>?,
        version: ObjectVersion?,
        length: UInt64?
    ) async throws(StorageError) -> OpenObject {
        let object = try await opener(range, version)
        if let length, let other = object.length, other != length { throw StorageError.changed(name) }
        guard let version else { return object }
        guard let found = object.version else {
            throw StorageError(.unavailable, "The service does not say any more which version of \(name) it gives.")
        }
        guard found == version else { throw StorageError.changed(name) }
        return object
    }

    /// What is still to come after so many bytes.
    private func rest(after given: UInt64) -> Range<UInt64>? {
        guard given > 0 else { return range }
        let start = (range?.lowerBound ?? 0) + given
        return start..<max(start, range?.upperBound ?? .max)
    }

    /// Compares what came with the length that was announced.
    private func check(_ given: UInt64, of first: OpenObject, isOver: Bool) throws(StorageError) {
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
    private func mayResume(_ first: OpenObject, _ state: Locked<State>) -> Bool {
        let (given, breaks) = state.read { ($0.given, $0.breaks.count) }
        return breaks <= policy.retries && (given == 0 || first.version != nil && hasRanges)
    }
}
