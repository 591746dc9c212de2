/// Asks before each try of a change whether it may still be sent.
struct Gated: StorageService {
    let base: any StorageService
    let gate: any ChangeGate

    var capabilities: Capabilities { base.capabilities }
    var limits: Limits { base.limits }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        try await gate.admit(.put(name))
        return try await base.put(name, body)
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        try await base.get(name, range, version: version)
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo { try await base.stat(name) }

    func list(_ prefix: String) -> any ObjectStream { base.list(prefix) }

    func delete(_ name: ObjectName) async throws(StorageError) {
        try await gate.admit(.delete(name))
        try await base.delete(name)
    }

    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try await gate.admit(.clear(name))
        try await base.clear(name, mayResume: mayResume)
    }

    func usage() async throws(StorageError) -> Usage { try await base.usage() }
}
