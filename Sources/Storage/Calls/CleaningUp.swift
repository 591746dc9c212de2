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
        let clock = Task {
            try await Task.sleep(for: limit)
            work.cancel()
        }
        let isGone = await work.value
        clock.cancel()
        return isGone ? self : ofUnknownOutcome
    }
}
