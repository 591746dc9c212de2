package import Storage

/// A law of storage services that a service broke.
package struct LawViolation: Error, Sendable, CustomStringConvertible {
    /// What went wrong, as a whole sentence.
    package let message: String
    /// The service's own error, where there was one.
    package let cause: StorageError?

    package init(_ message: String, cause: StorageError? = nil) {
        self.message = message
        self.cause = cause
    }

    /// A call that failed where the law says that it works.
    init(_ call: String, failedWith cause: StorageError) {
        self.init("\(call) failed with \(cause.code.rawValue): \(cause)", cause: cause)
    }

    package var description: String { message }

    /// Whether nothing was observed: a service that does not answer, or lets nobody in, breaks no law.
    package var isSilence: Bool {
        switch cause?.code {
        case .unavailable, .rateLimited, .quotaExceeded, .permissionDenied, .badCredentials, .cancelled, .superseded:
            true
        default: false
        }
    }
}

/// Throws a violation with this sentence when `condition` does not hold.
func expect(_ condition: Bool, _ sentence: @autoclosure () -> String) throws(LawViolation) {
    if !condition { throw LawViolation(sentence()) }
}

/// Does `work` and turns an error of the service into a violation that names the call.
func attempt<Value>(
    _ call: @autoclosure () -> String,
    _ work: () async throws(StorageError) -> Value
) async throws(LawViolation) -> Value {
    do throws(StorageError) {
        return try await work()
    } catch {
        throw LawViolation(call(), failedWith: error)
    }
}

/// The error of `work`; a violation when there is none, or when its code is not among `codes` (empty: any).
@discardableResult
func failure<Value>(
    _ codes: Set<StorageError.Code>,
    of call: String,
    _ work: () async throws(StorageError) -> Value
) async throws(LawViolation) -> StorageError {
    do throws(StorageError) {
        _ = try await work()
    } catch {
        guard codes.isEmpty || codes.contains(error.code) else {
            let wanted = codes.map(\.rawValue).sorted().joined(separator: " or ")
            throw LawViolation(
                "\(call) failed with \(error.code.rawValue) instead of \(wanted): \(error)",
                cause: error
            )
        }
        return error
    }
    throw LawViolation("\(call) succeeded, and it had to fail.")
}

/// Runs `work` for each number below `count`, all at once, and returns the results in order or a violation: the first
/// in which something was observed, where there is one.
func concurrently<Value: Sendable>(
    _ count: Int,
    _ work: @escaping @Sendable (Int) async throws(LawViolation) -> Value
) async throws(LawViolation) -> [Value] {
    let results = await withTaskGroup(of: Tried<Value>.self) { group in
        for index in 0..<count {
            group.addTask {
                do throws(LawViolation) {
                    return Tried(index: index, result: .success(try await work(index)))
                } catch {
                    return Tried(index: index, result: .failure(error))
                }
            }
        }
        var results: [Tried<Value>] = []
        for await result in group { results.append(result) }
        return results.sorted { $0.index < $1.index }
    }
    var (values, violations): ([Value], [LawViolation]) = ([], [])
    for tried in results {
        switch tried.result {
        case .success(let value): values.append(value)
        case .failure(let violation): violations.append(violation)
        }
    }
    if let violation = violations.first(where: { !$0.isSilence }) ?? violations.first { throw violation }
    return values
}

/// Begins a call beside a law; `reached` is open at its end at the latest, so that a law never waits for what a call
/// that has ended did not reach.
func beside<Value: Sendable>(
    _ reached: Gate = Gate(),
    _ work: @escaping @Sendable () async throws(StorageError) -> Value
) -> Task<Result<Value, StorageError>, Never> {
    Task {
        defer { reached.open() }
        do throws(StorageError) {
            return .success(try await work())
        } catch {
            return .failure(error)
        }
    }
}

/// What one of several that run at once gave.
private struct Tried<Value: Sendable>: Sendable {
    let index: Int
    let result: Result<Value, LawViolation>
}
