/// Refuses what the service cannot do before it is asked, and puts the backend's name into every error.
package struct Checked: StorageService {
    private let base: any StorageService
    private let backend: String

    /// The calls of `base`, on a backend of this name.
    package init(_ base: any StorageService, backend: String) { (self.base, self.backend) = (base, backend) }

    package var capabilities: Capabilities { base.capabilities }
    package var limits: Limits { base.limits }

    package func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        try require(.write, "store \(name)")
        guard body.length <= limits.largestObject else {
            throw StorageError(
                .tooLarge,
                "\(name) has \(body.length) bytes, and the largest object here may have \(limits.largestObject).",
                backend: backend
            )
        }
        return try await named { () async throws(StorageError) in try await base.put(name, body) }
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        if range != nil { try require(.rangeReads, "read a part of \(name)") }
        let object = try await named { () async throws(StorageError) in
            try await base.get(name, range, version: version)
        }
        return object.through { [backend] stream in
            Pulled {
                let cursor = StreamCursor(stream)
                return { () async throws(StorageError) in
                    do throws(StorageError) {
                        return try await cursor.next()
                    } catch {
                        throw error.on(backend)
                    }
                }
            }
        }
    }

    package func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await named { () async throws(StorageError) in try await base.stat(name) }
    }

    package func list(_ prefix: String) -> any ObjectStream {
        Pulled {
            let cursor = StreamCursor(base.list(prefix))
            return { () async throws(StorageError) in
                try require(.listing, "list what it holds")
                return try await named { () async throws(StorageError) in try await cursor.next() }
            }
        }
    }

    package func delete(_ name: ObjectName) async throws(StorageError) {
        try require(.delete, "remove \(name)")
        try await named { () async throws(StorageError) in try await base.delete(name) }
    }

    package func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try require(.write, "remove what stopped uploads of \(name) left")
        try await named { () async throws(StorageError) in try await base.clear(name, mayResume: mayResume) }
    }

    package func usage() async throws(StorageError) -> Usage {
        try require(.usage, "say how much it holds")
        return try await named { () async throws(StorageError) in try await base.usage() }
    }

    private func require(_ power: Capabilities, _ what: String) throws(StorageError) {
        guard capabilities.contains(power) else {
            throw StorageError(.unsupported, "This backend cannot \(what).", backend: backend)
        }
    }

    private func named<Value>(
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        do throws(StorageError) {
            return try await work()
        } catch {
            throw error.on(backend)
        }
    }
}
