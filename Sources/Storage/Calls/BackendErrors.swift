/// Names the backend in every error of its calls, refuses those that it has no use for, and makes the others in the
/// name of one.
struct BackendErrors: Sendable {
    let backend: String
    var asker: Asker?

    /// Refuses a call whose `power` is not among the capabilities; `what` is a phrase such as “store cars/x”.
    func require(_ power: Capabilities, in capabilities: Capabilities, _ what: String) throws(StorageError) {
        guard capabilities.contains(power) else {
            throw StorageError(.unsupported, "This backend cannot \(what).", backend: backend)
        }
    }

    /// Does `work`, the errors of which get the name.
    func named<Value>(_ work: () async throws(StorageError) -> Value) async throws(StorageError) -> Value {
        do throws(StorageError) {
            return try await Asker.naming(asker, work)
        } catch {
            throw error.on(backend)
        }
    }

    /// The chunks of a stream.
    func stream(_ base: any ByteStream) -> any ByteStream { pages(base) { () throws(StorageError) in } }

    /// The elements of a stream, where nothing is against each of them.
    func pages<Element: Sendable>(
        _ base: any AsyncSequence<Element, StorageError> & Sendable,
        _ admit: @escaping @Sendable () throws(StorageError) -> Void
    ) -> any AsyncSequence<Element, StorageError> & Sendable {
        Pulled {
            let cursor = StreamCursor(base)
            return { () async throws(StorageError) in
                try admit()
                return try await named { () async throws(StorageError) in try await cursor.next() }
            }
        }
    }
}
