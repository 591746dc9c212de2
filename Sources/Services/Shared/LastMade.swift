internal import Storage

/// The last of some things that are costly to make and to keep: one task makes one, and others who want the same wait
/// for it.
final class LastMade<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct State {
        var last: (key: Key, value: Value)?
        var making: [Key: Permits] = [:]
    }

    private let state = Locked(State())

    /// What was made last for a key, or what `make` gives; what was made for another is forgotten before.
    func value(
        of key: Key,
        _ make: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        if let value = kept(key) { return value }
        let permits = state.change { state in
            let permits = state.making[key] ?? Permits(1)
            state.making[key] = permits
            return permits
        }
        let permit = try await permits.take()
        defer { permit.give() }
        if let value = kept(key) { return value }
        defer { state.change { $0.making[key] = nil } }
        forget()
        let value = try await make()
        state.change { $0.last = (key, value) }
        return value
    }

    /// Forgets it; whoever uses it still holds it.
    func forget() { state.change { $0.last = nil } }

    private func kept(_ key: Key) -> Value? {
        state.read { state in state.last.flatMap { $0.key == key ? $0.value : nil } }
    }
}
