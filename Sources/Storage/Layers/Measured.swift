/// Counts what is asked of a service.
struct Measured: StorageService {
    let base: any StorageService
    let meter: Meter

    var capabilities: Capabilities { base.capabilities }
    var limits: Limits { base.limits }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        try await count(\.puts) { () async throws(StorageError) in
            let receipt = try await base.put(name, body)
            meter.add { $0.bytesStored += body.length }
            return receipt
        }
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        let object = try await count(\.gets) { () async throws(StorageError) in
            try await base.get(name, range, version: version)
        }
        return object.through { [meter] stream in
            Pulled {
                let cursor = StreamCursor(stream)
                return { () async throws(StorageError) in
                    let chunk = try await cursor.next()
                    meter.add { $0.bytesRead += UInt64(chunk?.count ?? 0) }
                    return chunk
                }
            }
        }
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await count(\.stats) { () async throws(StorageError) in try await base.stat(name) }
    }

    func list(_ prefix: String) -> any ObjectStream {
        Pulled {
            let cursor = StreamCursor(base.list(prefix))
            return { () async throws(StorageError) in
                try await count(\.pages) { () async throws(StorageError) in try await cursor.next() }
            }
        }
    }

    func delete(_ name: ObjectName) async throws(StorageError) {
        try await count(\.deletes) { () async throws(StorageError) in try await base.delete(name) }
    }

    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try await count(\.deletes) { () async throws(StorageError) in
            try await base.clear(name, mayResume: mayResume)
        }
    }

    func usage() async throws(StorageError) -> Usage {
        try await count(\.stats) { () async throws(StorageError) in try await base.usage() }
    }

    private func count<Value>(
        _ what: any WritableKeyPath<Meter.Counts, UInt64> & Sendable,
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        meter.add { $0[keyPath: what] += 1 }
        do throws(StorageError) {
            return try await work()
        } catch {
            meter.add { $0.failures += 1 }
            throw error
        }
    }
}

/// What was asked of a backend since it was opened.
package final class Meter: Sendable {
    /// Calls and bytes.
    package struct Counts: Sendable, Hashable {
        package var puts: UInt64 = 0
        package var gets: UInt64 = 0
        package var stats: UInt64 = 0
        package var pages: UInt64 = 0
        package var deletes: UInt64 = 0
        package var failures: UInt64 = 0
        package var bytesStored: UInt64 = 0
        package var bytesRead: UInt64 = 0

        package init() {}

        /// Calls of every kind.
        package var calls: UInt64 { puts + gets + stats + pages + deletes }

        /// Both together.
        package static func + (one: Counts, other: Counts) -> Counts {
            var sum = one
            for field in [\Counts.puts, \.gets, \.stats, \.pages, \.deletes, \.failures, \.bytesStored, \.bytesRead] {
                sum[keyPath: field] += other[keyPath: field]
            }
            return sum
        }
    }

    private let state = Locked(Counts())

    package init() {}

    /// The counts now.
    package var counts: Counts { state.read { $0 } }

    func add(_ change: (inout Counts) -> Void) { state.change(change) }
}
