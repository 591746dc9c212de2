internal import Storage

/// Keeps those in this process apart who read and who replace one object, for places that replace nothing in one step.
final class ReplacementLocks: Sendable {
    private final class Lock: Sendable {
        let writers = Permits(1)
        let readers = Permits(ReplacementLocks.most)
    }

    private struct Entry {
        let lock = Lock()
        var users = 0
    }

    private let entries = Locked<[ObjectName: Entry]>([:])

    /// So many read one object at once.
    private static let most = 8

    /// Does something that changes an object while nobody reads it here.
    func changing<Value>(
        _ name: ObjectName,
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let lock = enter(name)
        defer { leave(name) }
        let first = try await lock.writers.take()
        defer { first.give() }
        var all: [Permits.Permit] = []
        defer { for permit in all { permit.give() } }
        for _ in 0..<Self.most { all.append(try await lock.readers.take()) }
        return try await work()
    }

    /// Reads an object while nobody changes it here.
    func reading<Value>(
        _ name: ObjectName,
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let lock = enter(name)
        defer { leave(name) }
        let permit = try await lock.readers.take()
        defer { permit.give() }
        return try await work()
    }

    private func enter(_ name: ObjectName) -> Lock {
        entries.change { entries in
            entries[name, default: Entry()].users += 1
            return entries[name, default: Entry()].lock
        }
    }

    private func leave(_ name: ObjectName) {
        entries.change { entries in
            entries[name]?.users -= 1
            if entries[name]?.users == 0 { entries[name] = nil }
        }
    }
}
