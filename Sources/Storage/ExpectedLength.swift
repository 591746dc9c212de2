/// How long an object is that is read, where whoever reads it knows that, such as from the catalog.
///
/// A service that must hold the object whole while it is read takes no more of it than that, and something.
package enum ExpectedLength {
    /// The length in bytes of what this task reads; nil where nobody knows it.
    @TaskLocal package static var bytes: UInt64?

    /// Does work that reads an object of this length.
    static func of<Value>(
        _ length: UInt64?,
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await $bytes.withValue(length) { () async in await outcome(of: work) }.get()
    }
}
