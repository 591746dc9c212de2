/// A failed call to a place that keeps bytes.
package struct StorageError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is; callers decide by it.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// The service said that the object is not there. Nothing else may be read as absence.
        case notFound
        case exists
        case permissionDenied
        case badCredentials
        case rateLimited
        case quotaExceeded
        case tooLarge
        /// The service could not be reached, or could not answer now.
        case unavailable
        case unsupported
        /// The object was replaced while it was read.
        case changed
        /// The right to change the backend was lost, or what was decided is not right any more: the request was not
        /// sent.
        case superseded
        /// What was seen before the change is too old to send it on that account: the request was not sent.
        case late
        /// Bytes are not what they should be.
        case corrupt
        case badSettings
        case cancelled
        case unexpected
    }

    /// Whether the same call may succeed when it is made again.
    package enum Retry: Sendable, Hashable {
        case never
        case later
        case after(Duration)

        /// Whether somebody said when, and it is too far away for anybody to try before.
        package var isFarAway: Bool { if case .after(let wait) = self { wait > .seconds(300) } else { false } }
    }

    package let code: Code
    /// A whole sentence without secrets that names the object.
    package private(set) var message: String
    package private(set) var retry: Retry
    /// Whether the change that failed may have been made all the same: the answer was lost, or was none.
    package private(set) var mayHaveHappened: Bool
    /// Whether the service said that it has something, or took it, and does not give it.
    package private(set) var isBrokenPromise = false
    /// Whether it says something of one object or root, and nothing of the service: others may be had there.
    package private(set) var isOfObject = false
    /// The backend that failed; set by the layer that knows its name.
    package private(set) var backend: String?
    package private(set) var cause: (any Error)?

    package init(
        _ code: Code,
        _ message: String,
        retry: Retry = .never,
        mayHaveHappened: Bool = false,
        backend: String? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.retry = retry
        self.mayHaveHappened = mayHaveHappened
        self.backend = backend
        self.cause = cause
    }

    /// The same error with the name of the backend in it.
    package func on(_ backend: String) -> StorageError { changed { $0.backend = $0.backend ?? backend } }

    /// The same error with another sentence.
    package func saying(_ message: String) -> StorageError { changed { $0.message = message } }

    /// The same error with another word on whether the call may succeed when it is made again.
    package func retried(_ retry: Retry) -> StorageError { changed { $0.retry = retry } }

    /// The same error with what was said before it.
    func after(_ cause: any Error) -> StorageError { changed { $0.cause = cause } }

    /// The same error of a change that may have been made all the same.
    package var ofUnknownOutcome: StorageError { changed { $0.mayHaveHappened = true } }

    /// The same error of a service whose word on an object did not hold.
    package var ofBrokenPromise: StorageError { changed { ($0.isBrokenPromise, $0.isOfObject) = (true, true) } }

    /// The same error of a service that says that it has what it does not give; one with another reason keeps that.
    package var ofWithholding: StorageError { code == .unavailable ? ofBrokenPromise : self }

    /// The same error that says nothing of the service.
    package var ofObject: StorageError { changed { $0.isOfObject = true } }

    private func changed(_ change: (inout StorageError) -> Void) -> StorageError {
        var error = self
        change(&error)
        return error
    }

    package var description: String {
        backend.map { "\($0): \(message)" } ?? message
    }

    /// The error of work that was told to stop.
    package static let cancelled = StorageError(.cancelled, "The work was stopped.")

    /// Throws `cancelled` when the current task was told to stop.
    package static func checkCancellation() throws(StorageError) {
        if Task.isCancelled { throw cancelled }
    }
}

/// What came of `work`, for what does not pass typed errors on, such as a task-local value.
func outcome<Value>(
    of work: () async throws(StorageError) -> Value
) async -> Result<Value, StorageError> {
    do throws(StorageError) {
        return .success(try await work())
    } catch {
        return .failure(error)
    }
}
