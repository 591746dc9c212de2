/// Lets only so many calls run at once; a read counts until its stream ends, breaks or is dropped.
struct Limited: StorageService {
    let base: any StorageService
    let permits: Permits

    var capabilities: Capabilities { base.capabilities }
    var limits: Limits { base.limits }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        let permit = try await permits.take()
        defer { permit.give() }
        return try await base.put(name, body)
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        let permit = try await permits.take()
        return try await base.get(name, range, version: version).through { stream in
            Pulled {
                let cursor = StreamCursor(stream)
                return { () async throws(StorageError) in
                    do throws(StorageError) {
                        let chunk = try await cursor.next()
                        if chunk == nil { permit.give() }
                        return chunk
                    } catch {
                        // A broken read is opened again while its stream is still held: it must not wait for itself.
                        permit.give()
                        throw error
                    }
                }
            }
        }
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        let permit = try await permits.take()
        defer { permit.give() }
        return try await base.stat(name)
    }

    func list(_ prefix: String) -> any ObjectStream {
        Pulled {
            let cursor = StreamCursor(base.list(prefix))
            return { () async throws(StorageError) in
                let permit = try await permits.take()
                defer { permit.give() }
                return try await cursor.next()
            }
        }
    }

    func delete(_ name: ObjectName) async throws(StorageError) {
        let permit = try await permits.take()
        defer { permit.give() }
        try await base.delete(name)
    }

    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        let permit = try await permits.take()
        defer { permit.give() }
        try await base.clear(name, mayResume: mayResume)
    }

    func usage() async throws(StorageError) -> Usage {
        let permit = try await permits.take()
        defer { permit.give() }
        return try await base.usage()
    }
}
