internal import Glibc
internal import Synchronization

/// Runs a program to its end, and gives that; what `take` throws of its output ends it, and is given in its place.
///
/// Throws `unavailable` where nothing came of it for `patience`, and it was ended; one whose task is told to stop is
/// ended at once, and its end is given.
package func runToEnd<Failure: Error>(
    _ words: [String],
    setting variables: [String: String] = [:],
    inheriting inherits: @escaping @Sendable (_ name: String) -> Bool = { _ in true },
    patience: Duration,
    _ take: @escaping @Sendable ([UInt8]) throws(Failure) -> Void
) async throws(FileError) -> Result<ChildEnd, Failure> {
    let run = ChildRun<Failure>(patience)
    let child = try await BlockingThreads.shared.run { () throws(FileError) in
        try ChildProcess(words, setting: variables, inheriting: inherits) { run.note($0, take) }
    }
    let end = await withTaskCancellationHandler {
        await run.value()
    } onCancel: {
        child.end(atOnce: true)
    }
    guard !run.isLate else { throw FileError("wait for", words.first ?? "", ETIMEDOUT) }
    guard let failure = run.failure else { return .success(end) }
    return .failure(failure)
}

/// The end of a program, for one who waits for it.
private final class ChildRun<Failure: Error>: Sendable {
    private struct State {
        var end: ChildEnd?
        var waiter: CheckedContinuation<ChildEnd, Never>?
        /// When something came last, by a clock that nobody sets.
        var sign = monotonicMilliseconds()
        var isLate = false
        /// Why no more of its output is taken.
        var failure: Failure?
    }

    private let state = Mutex(State())
    /// In milliseconds.
    private let patience: Int64

    init(_ patience: Duration) { self.patience = Int64(patience / .milliseconds(1)) }

    var isLate: Bool { state.withLock { $0.isLate } }
    var failure: Failure? { state.withLock { $0.failure } }

    func note(_ event: ChildEvent, _ take: ([UInt8]) throws(Failure) -> Void) -> Bool {
        switch event {
        case .input: return true
        case .output(let bytes):
            state.withLock { $0.sign = monotonicMilliseconds() }
            do throws(Failure) {
                try take(bytes)
                return true
            } catch {
                state.withLock { $0.failure = error }
                return false
            }
        case .tick:
            return state.withLock { state in
                state.isLate = monotonicMilliseconds() - state.sign > patience
                return !state.isLate
            }
        case .ended(let end):
            let waiter = state.withLock { state in
                state.end = end
                return state.waiter.take()
            }
            waiter?.resume(returning: end)
            return true
        }
    }

    func value() async -> ChildEnd {
        await withCheckedContinuation { (waiter: CheckedContinuation<ChildEnd, Never>) in
            let end = state.withLock { state -> ChildEnd? in
                if state.end == nil { state.waiter = waiter }
                return state.end
            }
            if let end { waiter.resume(returning: end) }
        }
    }
}
