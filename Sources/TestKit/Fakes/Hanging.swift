/// Waits until the task is cancelled, however long that takes.
package func hangUntilCancelled() async throws(CancellationError) -> Never {
    let never = AsyncStream<Never> { _ in }
    // Cancelling ends the stream; nothing else does.
    for await _ in never {}
    throw CancellationError()
}
