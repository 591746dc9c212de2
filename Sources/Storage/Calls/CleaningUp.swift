extension StorageError {
    /// Cleans up after the call that failed with this, also where the task was told to stop, and gives the error to end
    /// with: where something may stay, somebody has to look again.
    ///
    /// Who was told to stop does so soon: then it may take two seconds, and else thirty.
    package func cleaning(_ work: @escaping @Sendable () async throws(StorageError) -> Void) async -> StorageError {
        let limit = Duration.seconds(Task.isCancelled ? 2 : 30)
        let work = Task { () async -> Bool in
            do throws(StorageError) {
                try await work()
                return true
            } catch {
                return false
            }
        }
        let isGone = await withTaskCancellationHandler {
            let clock = Self.cancel(work, after: limit)
            defer { clock.cancel() }
            return await work.value
        } onCancel: {
            _ = Self.cancel(work, after: .seconds(2))
        }
        return isGone ? self : ofUnknownOutcome
    }

    private static func cancel(_ work: Task<Bool, Never>, after limit: Duration) -> Task<Void, any Error> {
        Task {
            try await Task.sleep(for: limit)
            work.cancel()
        }
    }
}
